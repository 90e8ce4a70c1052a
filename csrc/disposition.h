/* The file name in a Content-Disposition header (RFC 6266), as servers really write it. */
#ifndef FIKS_DISPOSITION_H
#define FIKS_DISPOSITION_H

#include <stdbool.h>

#include "str.h"

/*
 * Appends the name without any path, in UTF-8: filename* (RFC 8187, UTF-8 or ISO-8859-1) before
 * filename (quoted or bare; raw bytes are UTF-8 when they look it, else Latin-1); control
 * characters are dropped. False = no usable name, nothing appended.
 */
bool fiks_disposition_filename(const char *header, fiks_buf *out);

#endif
