/*
 * jansson as a judge of the JSON decoder. One document per line of stdin, in hexadecimal; per line
 * of stdout what jansson makes of it, written by jansson and in hexadecimal, or "refused".
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* The bytes of the line, in place; their number. */
static size_t from_hex(char *line)
{
    size_t len = 0;
    unsigned byte;
    for (const char *p = line; sscanf(p, "%2x", &byte) == 1; p += 2)
        line[len++] = (char)byte;
    return len;
}

static void judge(const char *text, size_t len)
{
    json_error_t error;
    json_t *value =
        json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    char *again = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    if (!again)
        printf("refused");
    for (const char *p = again; p && *p; p++)
        printf("%02x", (unsigned)(unsigned char)*p);
    putchar('\n');
    free(again);
    json_decref(value);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0)
        judge(line, from_hex(line));
    free(line);
    return 0;
}
