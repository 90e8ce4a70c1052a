/*
 * Writing an ASiC-E container as KS's Fiks IO clients do: `mimetype` first and stored, the files,
 * META-INF/ASiCManifest.xml with their digests, and the signature over the exact bytes of that.
 */
#include <openssl/cms.h>
#include <openssl/err.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "clock.h"
#include "error.h"
#include "fiks.h"
#include "hash.h"
#include "key_openssl.h"
#include "names.h"
#include "str.h"

#define MIMETYPE "application/vnd.etsi.asic-e+zip"
enum { UTF8_NAMES = 1 << 11 };

/* ---- zip: stored entries ------------------------------------------------------------------------
 */

/* What is being built: the archive so far, and its directory. */
typedef struct archive {
    fiks_buf data;
    fiks_buf directory;
    unsigned entries;
    uint16_t dos_time, dos_date;
} archive;

static void add16(fiks_buf *to, unsigned v)
{
    fiks_buf_add(to, (uint8_t[]){(uint8_t)v, (uint8_t)(v >> 8)}, 2);
}

static void add32(fiks_buf *to, uint32_t v)
{
    add16(to, v & 0xFFFF);
    add16(to, v >> 16);
}

/* The members that local header and directory share (APPNOTE 4.3.7, 4.3.12). */
static void add_common(const archive *zip, fiks_buf *to, uint32_t crc, uint32_t size, size_t name)
{
    add16(to, 20); /* version 2.0 */
    add16(to, UTF8_NAMES);
    add16(to, 0); /* stored */
    add16(to, zip->dos_time);
    add16(to, zip->dos_date);
    add32(to, crc);
    add32(to, size);
    add32(to, size);
    add16(to, (unsigned)name);
    add16(to, 0); /* no extra field */
}

static fiks_status add_entry(archive *zip, const char *name, const void *data, size_t len,
                             fiks_error *err)
{
    size_t name_len = strlen(name);
    if (len > UINT32_MAX - (1 << 20) || zip->data.len > UINT32_MAX - (1 << 20) - len)
        return fiks_fail(err, FIKS_LIMIT, "asice",
                         "the container would be larger than 4 GiB at \"%.80s\"", name);
    uint32_t crc = (uint32_t)crc32_z(0, data, len), offset = (uint32_t)zip->data.len;
    add32(&zip->data, 0x04034b50);
    add_common(zip, &zip->data, crc, (uint32_t)len, name_len);
    fiks_buf_add(&zip->data, name, name_len);
    fiks_buf_add(&zip->data, data, len);
    add32(&zip->directory, 0x02014b50);
    add16(&zip->directory, 20);
    add_common(zip, &zip->directory, crc, (uint32_t)len, name_len);
    add16(&zip->directory, 0); /* no comment */
    add16(&zip->directory, 0); /* first disk */
    add16(&zip->directory, 0);
    add32(&zip->directory, 0);
    add32(&zip->directory, offset);
    fiks_buf_add(&zip->directory, name, name_len);
    zip->entries++;
    return zip->data.failed || zip->directory.failed ? fiks_fail_memory(err) : FIKS_OK;
}

static fiks_status end_archive(archive *zip, fiks_error *err)
{
    uint32_t at = (uint32_t)zip->data.len;
    fiks_buf_add(&zip->data, zip->directory.data, zip->directory.len);
    add32(&zip->data, 0x06054b50);
    add32(&zip->data, 0); /* disks */
    add16(&zip->data, zip->entries);
    add16(&zip->data, zip->entries);
    add32(&zip->data, (uint32_t)zip->directory.len);
    add32(&zip->data, at);
    add16(&zip->data, 0);
    return zip->data.failed ? fiks_fail_memory(err) : FIKS_OK;
}

static void set_time(archive *zip)
{
    time_t now = (time_t)(fiks_now().wall_ms / 1000);
    struct tm tm;
    gmtime_r(&now, &tm);
    zip->dos_time = (uint16_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2);
    zip->dos_date = (uint16_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday);
}

/* ---- manifest
 * ------------------------------------------------------------------------------------ */

static const char *media_type(const char *name)
{
    static const char *const known[][2] = {
        {".pdf", "application/pdf"}, {".xml", "application/xml"}, {".json", "application/json"},
        {".txt", "text/plain"},      {".html", "text/html"},      {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},     {".png", "image/png"},       {".zip", "application/zip"},
        {".csv", "text/csv"},        {".tif", "image/tiff"},      {".tiff", "image/tiff"}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof known / sizeof *known; i++)
        if (fiks_equal_nocase(dot, known[i][0]))
            return known[i][1];
    return "application/octet-stream";
}

static void add_xml_text(fiks_buf *to, const char *text)
{
    for (; *text; text++) {
        const char *entity = *text == '&'   ? "&amp;"
                             : *text == '<' ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '"' ? "&quot;"
                                            : NULL;
        if (entity)
            fiks_buf_adds(to, entity);
        else
            fiks_buf_add(to, text, 1);
    }
}

static fiks_status add_reference(fiks_buf *xml, const fiks_asice_file *file, bool first,
                                 fiks_error *err)
{
    uint8_t digest[32];
    fiks_status st = fiks_sha256(file->data, file->data_bytes, digest, err);
    if (st)
        return st;
    fiks_buf_adds(xml, "<DataObjectReference URI=\"");
    add_xml_text(xml, file->name);
    fiks_buf_addf(xml, "\" MimeType=\"%s\"%s>", media_type(file->name),
                  first ? " Rootfile=\"true\"" : "");
    fiks_buf_adds(xml, "<ns2:DigestMethod "
                       "Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ns2:DigestValue>");
    fiks_base64_add(xml, digest, sizeof digest);
    fiks_buf_adds(xml, "</ns2:DigestValue></DataObjectReference>");
    return FIKS_OK;
}

static fiks_status build_manifest(const fiks_asice_file *files, size_t count,
                                  const char *signature_name, fiks_buf *xml, fiks_error *err)
{
    fiks_buf_addf(xml,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>"
                  "<ASiCManifest xmlns=\"http://uri.etsi.org/02918/v1.2.1#\" "
                  "xmlns:ns2=\"http://www.w3.org/2000/09/xmldsig#\">"
                  "<SigReference URI=\"%s\" MimeType=\"application/x-pkcs7-signature\"/>",
                  signature_name);
    fiks_status st = FIKS_OK;
    for (size_t i = 0; !st && i < count; i++)
        st = add_reference(xml, &files[i], i == 0, err);
    fiks_buf_adds(xml, "</ASiCManifest>");
    return st ? st : xml->failed ? fiks_fail_memory(err) : FIKS_OK;
}

/* ---- signature
 * ------------------------------------------------------------------------------------ */

static bool add_chain(CMS_ContentInfo *cms, const fiks_key *key)
{
    for (size_t i = 1; fiks_key_x509(key, i); i++)
        if (CMS_add1_cert(cms, fiks_key_x509(key, i)) != 1)
            return false;
    return true;
}

/* CMS SignedData over the manifest, which stays outside ("detached"). */
static fiks_status sign(const fiks_buf *manifest, const fiks_key *key, fiks_buf *out,
                        fiks_error *err)
{
    const unsigned flags = CMS_DETACHED | CMS_BINARY | CMS_NOSMIMECAP;
    BIO *content = BIO_new_mem_buf(manifest->data, (int)manifest->len), *der = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags | CMS_PARTIAL);
    char *bytes = NULL;
    long len = 0;
    bool good =
        content && der && cms &&
        CMS_add1_signer(cms, fiks_key_x509(key, 0), fiks_key_pkey(key), EVP_sha256(), flags) &&
        add_chain(cms, key) && CMS_final(cms, content, NULL, flags) == 1 &&
        i2d_CMS_bio(der, cms) == 1;
    if (good)
        len = BIO_get_mem_data(der, &bytes);
    good = good && len > 0 && fiks_buf_add(out, bytes, (size_t)len);
    CMS_ContentInfo_free(cms);
    BIO_free(content);
    BIO_free(der);
    if (good)
        return FIKS_OK;
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    fiks_status st = fiks_fail(err, FIKS_CRYPTO, "openssl", "cannot sign the container: %s",
                               reason ? reason : "no reason");
    ERR_clear_error();
    return st;
}

/* ---- the container
 * -------------------------------------------------------------------------------- */

static fiks_status check_name(const char *name, fiks_name_set *seen, fiks_error *err)
{
    fiks_error why = {0};
    size_t len = name ? strlen(name) : 0;
    if (!name || fiks_name_check(name, len, &why))
        return fiks_fail(err, FIKS_INVALID, "name", "a file cannot go into the container: %s",
                         name ? why.message : "it has no name");
    if (fiks_utf8_check(name, len) != len || len > 255 || name[len - 1] == '/')
        return fiks_fail(err, FIKS_INVALID, "name",
                         "\"%.80s\" must be UTF-8, at most 255 bytes, and no folder", name);
    if (fiks_equal_nocase(name, "mimetype") || strncasecmp(name, "META-INF/", 9) == 0)
        return fiks_fail(err, FIKS_INVALID, "name",
                         "\"%.80s\" is a name that ASiC-E keeps for itself", name);
    int added = fiks_name_set_add(seen, name);
    if (added < 0)
        return fiks_fail_memory(err);
    return added ? FIKS_OK
                 : fiks_fail(err, FIKS_INVALID, "name",
                             "two files are named \"%.80s\" (case does not count)", name);
}

static fiks_status check_files(const fiks_asice_file *files, size_t count, const fiks_key *key,
                               fiks_error *err)
{
    if (!count || count > 65000)
        return fiks_fail(err, FIKS_INVALID, "files", "a container needs 1 to 65000 files, got %zu",
                         count);
    if (!fiks_key_certificate_count(key))
        return fiks_fail(err, FIKS_CREDENTIALS, "no_certificate",
                         "the container is signed with a certificate, and the key came without");
    fiks_name_set seen = {0};
    fiks_status st = FIKS_OK;
    for (size_t i = 0; !st && i < count; i++)
        st = check_name(files[i].name, &seen, err);
    fiks_name_set_free(&seen);
    return st;
}

static fiks_status fill(archive *zip, const fiks_asice_file *files, size_t count,
                        const fiks_key *key, fiks_error *err)
{
    char id[37], name[80];
    fiks_buf manifest = {0}, signature = {0};
    fiks_status st = fiks_uuid(id, err);
    snprintf(name, sizeof name, "META-INF/signature-%s.p7s", id);
    if (!st)
        st = build_manifest(files, count, name, &manifest, err);
    if (!st)
        st = sign(&manifest, key, &signature, err);
    if (!st)
        st = add_entry(zip, "mimetype", MIMETYPE, sizeof MIMETYPE - 1, err);
    for (size_t i = 0; !st && i < count; i++)
        st = add_entry(zip, files[i].name, files[i].data, files[i].data_bytes, err);
    if (!st)
        st = add_entry(zip, "META-INF/ASiCManifest.xml", manifest.data, manifest.len, err);
    if (!st)
        st = add_entry(zip, name, signature.data, signature.len, err);
    fiks_buf_free(&manifest);
    fiks_buf_free(&signature);
    return st ? st : end_archive(zip, err);
}

fiks_status fiks_asice_build(const fiks_asice_file *files, size_t count, const fiks_key *key,
                             void **out, size_t *out_bytes, fiks_error *err)
{
    *out = NULL;
    *out_bytes = 0;
    fiks_status st = check_files(files, count, key, err);
    if (st)
        return st;
    archive zip = {0};
    set_time(&zip);
    st = fill(&zip, files, count, key, err);
    fiks_buf_free(&zip.directory);
    if (st) {
        fiks_buf_free(&zip.data);
        return st;
    }
    *out = zip.data.data;
    *out_bytes = zip.data.len;
    return FIKS_OK;
}
