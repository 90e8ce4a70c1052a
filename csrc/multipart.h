/* multipart/form-data bodies (RFC 7578): parts in the order given, names kept. */
#ifndef FIKS_MULTIPART_H
#define FIKS_MULTIPART_H

#include "fiks.h"
#include "source.h"
#include "str.h"

/*
 * Appends the whole body to `body`, or makes a source of it when a part has one, and its
 * Content-Type, with the boundary, to `content_type`. The parts' own sources are lent (source.h).
 * Names are written in UTF-8 with `"`, CR and LF percent-encoded, as browsers do.
 */
fiks_status fiks_multipart_build(const fiks_part *parts, size_t count, fiks_buf *body,
                                 fiks_source **source, fiks_buf *content_type, fiks_error *err);

#endif
