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

static fiks_status add_part(const fiks_part *part, const char *boundary, fiks_buf *body,
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
    fiks_buf_adds(body, "\r\n");
    fiks_buf_add(body, part->data, part->data_bytes);
    fiks_buf_adds(body, "\r\n");
    return FIKS_OK;
}

fiks_status fiks_multipart_build(const fiks_part *parts, size_t count, fiks_buf *body,
                                 fiks_buf *content_type, fiks_error *err)
{
    char boundary[37]; /* 122 random bits: cannot be met inside a part by chance */
    fiks_status st = fiks_uuid(boundary, err);
    for (size_t i = 0; !st && i < count; i++)
        st = add_part(&parts[i], boundary, body, err);
    if (st)
        return st;
    fiks_buf_addf(body, "--%s--\r\n", boundary);
    fiks_buf_addf(content_type, "multipart/form-data; boundary=%s", boundary);
    return body->failed || content_type->failed ? fiks_fail_memory(err) : FIKS_OK;
}
