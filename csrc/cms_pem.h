/* CMS as PEM text (RFC 7468, 9), decoded as it comes, in pieces of any size. */
#ifndef FIKS_CMS_PEM_H
#define FIKS_CMS_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIKS_PEM_PIECE = 3072, FIKS_PEM_LABEL_MAX = 40 };

/* Zeroed is "no PEM". */
typedef struct fiks_cms_pem {
    bool active;
    enum { FIKS_PEM_HEADER, FIKS_PEM_BODY, FIKS_PEM_FOOTER, FIKS_PEM_ENDED } at;
    bool trailing; /* something other than white space follows the footer */
    const char *problem;
    char footer[FIKS_PEM_LABEL_MAX];
    size_t matched; /* of the footer */
    uint32_t bits;
    uint8_t digits, padding; /* of the current four */
} fiks_cms_pem;

/* Does this start a CMS or PKCS7 message in PEM, white space and a BOM apart? If so, it is ready
 * for the bytes that follow the `used` ones. */
bool fiks_cms_pem_start(fiks_cms_pem *pem, const uint8_t *start, size_t len, size_t *used);

/* Decodes until the input is used up or `out` (FIKS_PEM_PIECE bytes) is full; returns how many
 * bytes it wrote. `problem` says what is wrong with it. */
size_t fiks_cms_pem_next(fiks_cms_pem *pem, const uint8_t **data, size_t *left, uint8_t *out);

#endif
