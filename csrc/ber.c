#include "ber.h"

#include <string.h>

static fiks_ber_event bad(fiks_ber *ber, const char *problem)
{
    ber->problem = problem;
    return FIKS_BER_BAD;
}

static fiks_ber_event body(fiks_ber *ber, const uint8_t **input, size_t *left)
{
    uint64_t rest = ber->open[ber->level].limit - ber->pos;
    if (rest == 0) {
        ber->primitive = false;
        ber->level--;
        return FIKS_BER_CLOSE;
    }
    if (*left == 0)
        return FIKS_BER_NEED;
    ber->data = *input;
    ber->len = rest < *left ? (size_t)rest : *left;
    ber->pos += ber->len;
    *input += ber->len;
    *left -= ber->len;
    return FIKS_BER_BODY;
}

static uint64_t outer_limit(const fiks_ber *ber)
{
    return ber->level ? ber->open[ber->level].limit : UINT64_MAX;
}

/* Takes bytes of identifier and length. 1 = complete, 0 = more needed, -1 = `problem`. */
static int head(fiks_ber *ber, const uint8_t **input, size_t *left)
{
    while (*left > 0) {
        if (ber->pos == outer_limit(ber))
            return bad(ber, "an element that ends outside the one around it"), -1;
        ber->head[ber->head_len++] = **input;
        ++*input;
        --*left;
        ber->pos++;
        if ((ber->head[0] & 0x1F) == 0x1F)
            return bad(ber, "a tag number above 30"), -1;
        if (ber->head_len < 2)
            continue;
        uint8_t first = ber->head[1];
        if (first <= 0x80)
            return 1;
        if (first > 0x88)
            return bad(ber, "a length of more than 8 bytes"), -1;
        if (ber->head_len == 2 + (first & 0x7F))
            return 1;
    }
    return 0;
}

static fiks_ber_event end_of_contents(fiks_ber *ber)
{
    if (ber->head[1] != 0)
        return bad(ber, "end-of-contents with a length");
    if (ber->level == 0 || !ber->open[ber->level].indefinite)
        return bad(ber, "end-of-contents where no element of indefinite length is open");
    ber->level--;
    return FIKS_BER_CLOSE;
}

static fiks_ber_event opened(fiks_ber *ber)
{
    uint64_t outer = outer_limit(ber);
    uint64_t length = 0;
    bool indefinite = ber->head[1] == 0x80;
    ber->tag = ber->head[0];
    if (ber->tag == 0)
        return end_of_contents(ber);
    if (indefinite && !(ber->tag & 0x20))
        return bad(ber, "an indefinite length on a primitive element");
    if (ber->head[1] < 0x80)
        length = ber->head[1];
    for (unsigned i = 2; i < ber->head_len; i++)
        length = length << 8 | ber->head[i];
    if (length > outer - ber->pos)
        return bad(ber, "an element that ends outside the one around it");
    if (ber->level == FIKS_BER_DEPTH)
        return bad(ber, "elements nested more than 16 deep");
    ber->level++;
    ber->started = true;
    ber->primitive = !(ber->tag & 0x20);
    ber->open[ber->level] =
        (fiks_ber_open){.limit = indefinite ? outer : ber->pos + length, .indefinite = indefinite};
    return FIKS_BER_OPEN;
}

fiks_ber_event fiks_ber_next(fiks_ber *ber, const uint8_t **input, size_t *left)
{
    if (ber->problem)
        return FIKS_BER_BAD;
    if (ber->primitive)
        return body(ber, input, left);
    const fiks_ber_open *top = &ber->open[ber->level];
    if (ber->level > 0 && !top->indefinite && ber->pos == top->limit && ber->head_len == 0) {
        ber->level--;
        return FIKS_BER_CLOSE;
    }
    if (ber->level == 0 && ber->started)
        return FIKS_BER_END;
    int complete = head(ber, input, left);
    if (complete <= 0)
        return complete < 0 ? FIKS_BER_BAD : FIKS_BER_NEED;
    fiks_ber_event event = opened(ber);
    ber->head_len = 0;
    return event;
}
