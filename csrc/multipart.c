#include "multipart.h"

#include <string.h>

#include "clock.h"
#include "error.h"

static void add_quoted(fiks_buf *body, const char *key, const char *text)
{
    fiks_buf_addf(body, "; %s=\"", key);
    for (; *text; text++) {
        if (*text == '"' || *text == '\r' || *text == '\n')
            fiks_buf_addf(body, "%%%02X", (unsigned)(unsigned char)*text);
        else
            fiks_buf_add(body, text, 1);
    }
    fiks_buf_adds(body, "\"");
}

/* What stands before a part's bytes. */
static fiks_status add_head(const fiks_part *part, const char *boundary, fiks_buf *body,
                            fiks_error *err)
{
    if (!part->name || !part->name[0])
        return fiks_fail(err, FIKS_INVALID, "multipart", "a multipart part has no name");
    if (part->content_type && strpbrk(part->content_type, "\r\n"))
        return fiks_fail(err, FIKS_INVALID, "multipart",
                         "the content type of part '%s' holds a line break", part->name);
    fiks_buf_addf(body, "--%s\r\nContent-Disposition: form-data", boundary);
    add_quoted(body, "name", part->name);
    if (part->filename)
        add_quoted(body, "filename", part->filename);
    fiks_buf_adds(body, "\r\n");
    if (part->content_type)
        fiks_buf_addf(body, "Content-Type: %s\r\n", part->content_type);
    return fiks_buf_adds(body, "\r\n") ? FIKS_OK : fiks_fail_memory(err);
}

/* What lies in memory so far becomes a source of its own, and then the part's. */
static fiks_status cut(fiks_source *joined, fiks_buf *body, fiks_source *next, fiks_error *err)
{
    fiks_source *memory;
    fiks_status st = fiks_memory_source_new(body, &memory, err);
    if (st)
        return st;
    fiks_joined_source_add(joined, memory, false);
    if (next)
        fiks_joined_source_add(joined, next, true);
    return FIKS_OK;
}

static fiks_status add_part(const fiks_part *part, const char *boundary, fiks_buf *body,
                            fiks_source *joined, fiks_error *err)
{
    fiks_status st = add_head(part, boundary, body, err);
    if (!st && part->source)
        st = cut(joined, body, part->source, err);
    else if (!st)
        fiks_buf_add(body, part->data, part->data_bytes);
    if (!st)
        fiks_buf_adds(body, "\r\n");
    return st;
}

static bool any_source(const fiks_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (parts[i].source)
            return true;
    return false;
}

fiks_status fiks_multipart_build(const fiks_part *parts, size_t count, fiks_buf *body,
                                 fiks_source **source, fiks_buf *content_type, fiks_error *err)
{
    *source = NULL;
    char boundary[37]; /* 122 random bits: cannot be met inside a part by chance */
    fiks_status st = fiks_uuid(boundary, err);
    if (!st && any_source(parts, count))
        st = fiks_joined_source_new(2 * count + 1, source, err);
    for (size_t i = 0; !st && i < count; i++)
        st = add_part(&parts[i], boundary, body, *source, err);
    if (!st) {
        fiks_buf_addf(body, "--%s--\r\n", boundary);
        fiks_buf_addf(content_type, "multipart/form-data; boundary=%s", boundary);
        if (*source)
            st = cut(*source, body, NULL, err);
    }
    if (!st && (body->failed || content_type->failed))
        st = fiks_fail_memory(err);
    if (st) {
        fiks_source_free(*source);
        *source = NULL;
    }
    return st;
}
