/*
 * Writing an ASiC-E container (ETSI TS 102 918) as KS's Fiks IO clients do: `mimetype` first and
 * stored, the files, META-INF/ASiCManifest.xml with their SHA-256 digests, and a detached CMS
 * signature (SHA-256, certificate chain included) over the exact bytes of the manifest.
 *
 * Built in memory and without compression: it is encrypted next, and streaming comes with the
 * sending of large cases. Up to 4 GiB (no zip64).
 */
#ifndef FIKS_ASICE_H
#define FIKS_ASICE_H

#include "fiks.h"

/* One file. `name` is UTF-8, may hold folders ("vedlegg/a.pdf"). */
typedef struct fiks_asice_file {
    const char *name;
    const void *data;
    size_t data_bytes;
} fiks_asice_file;

/*
 * Builds the container; `*out` is freed with fiks_bytes_free. `key` signs and needs a certificate.
 * FIKS_INVALID for no files, names that a receiver would refuse, and duplicates (also such that
 * differ in case only); FIKS_CREDENTIALS without a certificate; FIKS_LIMIT beyond 4 GiB.
 */
fiks_status fiks_asice_build(const fiks_asice_file *files, size_t count, const fiks_key *key,
                             void **out, size_t *out_bytes, fiks_error *err);

#endif
