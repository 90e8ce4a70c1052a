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
    bool line = strncmp(at, "--", 2) == 0;
    if (!line && strncmp(at, "/*", 2) != 0)
        return NULL;
    end = line ? strchr(at, '\n') : strstr(at + 2, "*/");
    return end ? end + (line ? 1 : 2) : at + strlen(at);
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

/* The first word, in any case, is one of these, each followed by a space. */
static bool begins_with(const char *sql, const char *words)
{
    for (;;) {
        const char *behind = *sql == '-' || *sql == '/' ? skip_quoted(sql) : NULL;
        if (behind)
            sql = behind;
        else if (isspace((unsigned char)*sql) || *sql == ';') /* an empty statement */
            sql++;
        else
            break;
    }
    size_t n = 0;
    while (isalpha((unsigned char)sql[n]))
        n++;
    for (; *words; words = strchr(words, ' ') + 1)
        if (n && strncasecmp(words, sql, n) == 0 && words[n] == ' ')
            return true;
    return false;
}

bool fiks_sql_reads(const char *sql)
{
    return begins_with(sql, "select ");
}

bool fiks_sql_transacts(const char *sql)
{
    return begins_with(sql, "begin start commit end rollback abort savepoint release ");
}
