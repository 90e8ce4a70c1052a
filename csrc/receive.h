/*
 * The forsendelse sink of fiks.h: download -> CMS -> (zip | single document) -> SHA-256 -> folder.
 *
 * What the plaintext is: a zip when it starts like one, else a single document. When exactly one
 * file is expected, that file may itself be a zip (docx, ASiC-E): then the plaintext is written and
 * hashed first, and it is the file itself if its hash (without one: its size) says so or the
 * archive has no entry of that name; otherwise it is unpacked. Authenticated content is always
 * written first: an archive is opened once the tag has proven it.
 *
 * A wrong hash does not end the reading: the other files get their verdicts too, then `finish`
 * fails and nothing is left.
 */
#ifndef FIKS_RECEIVE_H
#define FIKS_RECEIVE_H

#include "sink.h"

/* The public part is in fiks.h: fiks_forsendelse_sink_new, fiks_forsendelse_sink_files. */

/* "verified", "unverifiable", "mismatch", "undeclared". */
const char *fiks_verdict_name(fiks_verdict verdict);

#endif
