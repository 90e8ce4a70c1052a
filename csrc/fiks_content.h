/*
 * lua-fiks, the public C API continued: what goes out and what comes in. Included by fiks.h, whose
 * conventions hold here; include that.
 */
#ifndef FIKS_CONTENT_H
#define FIKS_CONTENT_H

#ifndef FIKS_H
#error "include fiks.h"
#endif

/* ---- receiving into files ------------------------------------------------------------------ */

/* Where the bytes of an answer go. Made by a constructor below, given to a call. */
typedef struct fiks_sink fiks_sink;
FIKS_API void fiks_sink_free(fiks_sink *sink);

/* What the list of forsendelser says about one file. */
typedef struct fiks_expected_file {
    const char *name;   /* filnavn */
    const char *sha256; /* hex, any case; NULL or "" = not given */
    int64_t size_bytes; /* 0 or less = not given */
} fiks_expected_file;

typedef enum fiks_verdict {
    FIKS_VERIFIED,     /* the SHA-256 matches */
    FIKS_UNVERIFIABLE, /* no hash was given */
    FIKS_MISMATCH,     /* the SHA-256 (or, without one, the size) differs */
    FIKS_UNDECLARED    /* in the archive but not in the list */
} fiks_verdict;

/* One file that was received. `name` is the sender's, `stored_as` its name in the folder. */
typedef struct fiks_received_file {
    const char *name;
    const char *stored_as;
    int64_t size_bytes;
    char sha256[65];
    fiks_verdict verdict;
} fiks_received_file;

typedef struct fiks_forsendelse_options {
    size_t size;
    const char *folder;    /* created; must not exist. Appears as a whole or not at all */
    fiks_key *const *keys; /* tried in turn; each is referenced */
    size_t key_count;
    const fiks_expected_file *expected;
    size_t expected_count;
    int64_t max_total_bytes; /* unpacked; default 10 GiB or 1.1 times the expected, the larger */
    bool legacy_ciphers;     /* accept RC2, DES and triple DES, too */
    bool rename_duplicates;  /* files of the same name are kept, "a (2).pdf" beside "a.pdf" */
    bool raw;                /* an archive is not unpacked: it is stored as the one file it is */
} fiks_forsendelse_options;

/*
 * A sink that decrypts (CMS), unpacks (zip or a single document), hashes and writes a forsendelse,
 * in one pass and constant memory. (What is authenticated, with AES-GCM, is written first and
 * unpacked once its tag is right: nothing of it is believed before.) The folder is renamed into
 * place, with everything fsynced, only when every check passed; otherwise nothing is left. Fails
 * with FIKS_CRYPTO, FIKS_ARCHIVE, FIKS_INTEGRITY (code "mismatch" for a wrong hash), FIKS_LIMIT or
 * FIKS_IO. The constructor fails with FIKS_IO "disk_full" when there is not three times the room of
 * what `expected` announces.
 */
FIKS_API fiks_status fiks_forsendelse_sink_new(const fiks_forsendelse_options *options,
                                               fiks_sink **out, fiks_error *err);
/* The files seen so far, also after a mismatch. Borrowed. */
FIKS_API const fiks_received_file *fiks_forsendelse_sink_files(const fiks_sink *sink,
                                                               size_t *count);

/* Which of the keys opened it; -1 = none has. */
FIKS_API int fiks_forsendelse_sink_key(const fiks_sink *sink);
/* For bytes that come from elsewhere than a call. After a failure, nothing is left. */
FIKS_API fiks_status fiks_sink_feed(fiks_sink *sink, const void *bytes, size_t length,
                                    fiks_error *err);
FIKS_API fiks_status fiks_sink_finish(fiks_sink *sink, fiks_error *err);

/* The files of a folder that was looked at again. */
typedef struct fiks_verified fiks_verified;

/*
 * Is `folder`, from an earlier run, this forsendelse? Every file in it is read and held against the
 * hashes of the list (by name and size where there is none), and the folder's own entry is made
 * durable: then it may be acknowledged again without receiving it anew. `*out` (or NULL) has the
 * files as they are; free it with fiks_verified_free. FIKS_INTEGRITY "changed" names the first one
 * that is not there as it was sent, also when the folder is empty.
 */
FIKS_API fiks_status fiks_forsendelse_verify(const char *folder, const fiks_expected_file *expected,
                                             size_t expected_count, fiks_verified **out,
                                             fiks_error *err);
FIKS_API const fiks_received_file *fiks_verified_files(const fiks_verified *verified,
                                                       size_t *count);
FIKS_API void fiks_verified_free(fiks_verified *verified);

/* A sink that makes a file: under a temporary name until the whole answer has come, then fsynced
 * and renamed. An existing file is FIKS_IO "exists", unless `replace`. Mode 0600. */
FIKS_API fiks_status fiks_file_sink_new(const char *path, bool replace, fiks_sink **out,
                                        fiks_error *err);

/* A sink that hands the bytes to a function, in the thread that moves them: false ends the call
 * with FIKS_CANCELLED. What was handed over cannot be taken back, so there is no other try after
 * that. */
typedef bool (*fiks_write_fn)(const void *bytes, size_t length, void *data);
FIKS_API fiks_status fiks_function_sink_new(fiks_write_fn write, void *data, fiks_sink **out,
                                            fiks_error *err);

/* ---- bodies that do not lie in memory ------------------------------------------------------- */

/* Where the bytes of a request's body come from. Made by a constructor, given to a call. A body is
 * sent with its length when that is known, else in chunks. */
typedef struct fiks_source fiks_source;
FIKS_API void fiks_source_free(fiks_source *source);

/* A file, opened now and read as it is sent. FIKS_IO; code "file" when it is not a regular one. */
FIKS_API fiks_status fiks_file_source_new(const char *path, fiks_source **out, fiks_error *err);

/* A function, called in the thread that moves the bytes. */
typedef struct fiks_function_source {
    /* Writes up to `room` bytes to `to` and returns how many: 0 = that was all, -1 = failed. */
    int64_t (*read)(void *to, size_t room, void *data);
    bool (*rewind)(void *data); /* back to the beginning, for another try; NULL = cannot */
    int64_t length;             /* -1 = not known */
    void *data;
} fiks_function_source;
FIKS_API fiks_status fiks_function_source_new(const fiks_function_source *given, fiks_source **out,
                                              fiks_error *err);

/* ---- building what is sent ------------------------------------------------------------------- */

/* Encrypts as SvarUt and Fiks IO do: CMS EnvelopedData, AES-256-CBC, RSA-OAEP with SHA-256, for the
 * certificates (PEM text) given. `*out` is freed with fiks_bytes_free. */
FIKS_API fiks_status fiks_cms_encrypt(const void *data, size_t data_bytes,
                                      const char *const *certificates_pem, size_t certificate_count,
                                      void **out, size_t *out_bytes, fiks_error *err);

/* One file of a container. `name` is UTF-8 and may hold folders ("vedlegg/a.pdf"). */
typedef struct fiks_asice_file {
    const char *name;
    const void *data;
    size_t data_bytes;
} fiks_asice_file;

/*
 * Builds the ASiC-E container (ETSI TS 102 918) that Fiks IO carries, to be encrypted next: the
 * files, a manifest with their SHA-256 digests, and a detached CMS signature over it by `key`, with
 * its certificates. Not compressed, up to 4 GiB. `*out` is freed with fiks_bytes_free. FIKS_INVALID
 * for no files, for names that a receiver would refuse and for such that differ in case only;
 * FIKS_CREDENTIALS "no_certificate"; FIKS_LIMIT beyond 4 GiB.
 */
FIKS_API fiks_status fiks_asice_build(const fiks_asice_file *files, size_t count,
                                      const fiks_key *key, void **out, size_t *out_bytes,
                                      fiks_error *err);

#endif
