/* core.make_folder, core.remove_folder: the folders in which files lie for a while. */
#include "../error.h"
#include "../folder.h"
#include "../folder_stale.h"
#include "lbind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static fiks_status make(const char *path, fiks_error *err)
{
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? FIKS_OK : fiks_fail_errno(err, "create", path, errno);
    char *parent = fiks_parent_of(path);
    fiks_status status = parent ? fiks_sync_folder(parent, err) : fiks_fail_memory(err);
    free(parent);
    return status;
}

/* core.make_folder(path) -> true | nil, err: durable; one that is there is fine. */
static int make_folder(lua_State *L)
{
    fiks_error err = {0};
    if (make(luaL_checkstring(L, 1), &err))
        return fiks_l_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* core.remove_folder(path) -> true | nil, err: with its files, but not with folders in it. One that
 * is not there is fine. */
static int remove_folder(lua_State *L)
{
    fiks_error err = {0};
    const char *path = luaL_checkstring(L, 1);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        fiks_folder_empty(fd);
    if (rmdir(path) != 0 && errno != ENOENT) {
        fiks_fail_errno(&err, "remove", path, errno);
        return fiks_l_fail(L, &err);
    }
    lua_pushboolean(L, 1);
    return 1;
}

void fiks_l_open_folder(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"make_folder", make_folder}, {"remove_folder", remove_folder}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
