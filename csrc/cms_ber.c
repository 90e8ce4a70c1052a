#include "cms_ber.h"

#include <openssl/asn1.h>

/* Reads identifier and length. The body ends at the end of `in` when it goes on beyond it. */
static bool read_head(fiks_span *in, fiks_element *out)
{
    if (in->end - in->p < 2)
        return false;
    *out = (fiks_element){.tag = in->p[0], .whole = in->p};
    size_t length = in->p[1], extra = length > 0x80 ? length & 0x7F : 0;
    const uint8_t *at = in->p + 2;
    out->indefinite = length == 0x80;
    if (extra > 8 || (size_t)(in->end - at) < extra)
        return false;
    if (extra > 0)
        length = 0;
    for (; extra > 0; extra--)
        length = length << 8 | *at++;
    if (out->indefinite || length > (size_t)(in->end - at))
        length = (size_t)(in->end - at);
    out->body = (fiks_span){at, at + length};
    return true;
}

bool fiks_take(fiks_span *in, fiks_element *out)
{
    if (!read_head(in, out))
        return false;
    in->p = out->body.end;
    if (out->indefinite) {
        fiks_span inner = out->body;
        fiks_element child;
        do {
            out->body.end = inner.p;
            if (!fiks_take(&inner, &child))
                return false;
        } while (child.tag != 0);
        in->p = inner.p;
    }
    out->whole_end = in->p;
    return true;
}

bool fiks_enter(fiks_span *in, uint8_t tag)
{
    fiks_element outer;
    if (!read_head(in, &outer) || outer.tag != tag)
        return false;
    *in = outer.body;
    return true;
}

bool fiks_take_tag(fiks_span *in, uint8_t tag, fiks_element *out)
{
    return fiks_take(in, out) && out->tag == tag;
}

bool fiks_collect_octets(const fiks_element *from, fiks_buf *out)
{
    if (!(from->tag & 0x20))
        return fiks_buf_add(out, from->body.p, (size_t)(from->body.end - from->body.p));
    fiks_span in = from->body;
    fiks_element piece;
    while (in.p < in.end)
        if (!fiks_take(&in, &piece) || (piece.tag & 0xDF) != V_ASN1_OCTET_STRING ||
            !fiks_collect_octets(&piece, out))
            return false;
    return true;
}
