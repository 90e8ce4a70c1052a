/* The little that has to be known of SQL. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "store_internal.h"

enum { MOST_PLACEHOLDERS = 65535 };

/* Behind the quoted text or comment that begins here; NULL: none does. */
static const char *skip_quoted(const char *at)
{
    const char *end = NULL;
    if (*at == '\'' || *at == '"') {
        end = strchr(at + 1, *at); /* a doubled one begins another */
        return end ? end + 1 : at + strlen(at);
    }
    if (strncmp(at, "--", 2) == 0)
        end = strchr(at, '\n');
    else if (strncmp(at, "/*", 2) == 0)
        end = strstr(at + 2, "*/");
    else
        return NULL;
    return end ? end + 1 : at + strlen(at);
}

static size_t read_number(const char *at)
{
    size_t n = 0;
    while (isdigit((unsigned char)*at) && n <= MOST_PLACEHOLDERS)
        n = n * 10 + (size_t)(*at++ - '0');
    return n > MOST_PLACEHOLDERS ? 0 : n;
}

size_t fiks_sql_placeholders(const char *sql)
{
    size_t highest = 0;
    while (*sql) {
        const char *behind = skip_quoted(sql);
        size_t n = *sql == '$' ? read_number(sql + 1) : 0;
        if (n > highest)
            highest = n;
        sql = behind ? behind : sql + 1;
    }
    return highest;
}

bool fiks_sql_reads(const char *sql)
{
    while (isspace((unsigned char)*sql))
        sql++;
    return strncasecmp(sql, "select", 6) == 0;
}
