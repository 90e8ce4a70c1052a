/*
 * Writes a zip of about the given size to stdout, as SvarUt's archives are (deflate, sizes behind
 * the data): four PDF-like documents, whose streams hardly compress, to each XML-like one, which
 * does. <list> gets "<SHA-256>  <name>" for each. The same size is the same archive.
 *
 * Few documents are made, and written many times under names of their own: 4 GiB come as fast as a
 * pipe takes them.
 *
 * Usage: make_zip <MiB> <list>
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { DOCUMENTS = 5, LARGEST = 8 << 20, NAME_BYTES = 32 };

typedef struct document {
    uint8_t *packed;
    size_t size, packed_size;
    uint32_t crc;
    char sha256[65];
    const char *extension;
} document;

/* What is being written: so many bytes and entries so far, and their directory. */
typedef struct archive {
    FILE *to, *list, *directory;
    uint64_t at;
    unsigned entries;
} archive;

static void die(const char *what)
{
    fprintf(stderr, "make_zip: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- documents ------------------------------------------------------------------------------ */

static uint64_t next_random(void) /* xorshift64 */
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static const char *some_word(void)
{
    static const char *const words[] = {"vedtak",       "om",         "byggetillatelse",
                                        "for",          "garasje",    "i",
                                        "søknad",       "klage",      "på",
                                        "høring",       "av",         "ny",
                                        "plan",         "kommunen",   "svar",
                                        "til",          "nabovarsel", "ferdigattest",
                                        "dispensasjon", "fra",        "reguleringsplan",
                                        "vann",         "og",         "avløp"};
    return words[(next_random() >> 8) % (sizeof words / sizeof *words)];
}

/* Adds to a document what still fits. */
__attribute__((format(printf, 4, 5))) static void add(uint8_t *to, size_t *at, size_t size,
                                                      const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t len = (size_t)written < size - *at ? (size_t)written : size - *at;
    memcpy(to + *at, text, len);
    *at += len;
}

/* A stream that is compressed itself. Those of images (DCTDecode) have some bytes more often than
 * others: deflate gains a little on them, where it gives up on the rest. */
static void add_stream(uint8_t *to, size_t *at, size_t size, size_t len, bool image)
{
    for (; len > 0 && *at < size; len--) {
        uint64_t random = next_random() >> 16;
        to[(*at)++] = (uint8_t)(image && (random & 0x300) == 0 ? random & 63 : random);
    }
}

static void make_pdf(uint8_t *to, size_t size)
{
    enum { STREAM = 192 << 10, LINES = 600 };
    size_t at = 0;
    add(to, &at, size, "%%PDF-1.7\n");
    for (unsigned n = 1; at < size; n += 2) {
        bool image = n % 4 == 1;
        add(to, &at, size,
            "%u 0 obj\n<< /Type /Page /Parent 1 0 R /MediaBox [0 0 595 842] /Resources << /Font "
            "<< /F1 %u 0 R >> /ProcSet [/PDF /Text /ImageC] >> /Contents %u 0 R >>\nstream\n",
            n, n % 7 + 3, n + 1);
        for (unsigned line = 0; line < LINES; line++)
            add(to, &at, size, "BT /F1 11 Tf 72 %u Td (%s) Tj %u.%u 0 Td (%s) Tj ET\n",
                770 - 12 * (line % 60), some_word(), (unsigned)(next_random() % 400),
                (unsigned)(next_random() % 100), some_word());
        add(to, &at, size, "endstream\nendobj\n%u 0 obj\n<< /Length %u /Filter /%s >>\nstream\n",
            n + 1, (unsigned)STREAM, image ? "DCTDecode" : "FlateDecode");
        add_stream(to, &at, size, STREAM, image);
        add(to, &at, size, "\nendstream\nendobj\n");
    }
}

static void make_xml(uint8_t *to, size_t size)
{
    size_t at = 0;
    add(to, &at, size, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<arkivmelding>\n");
    while (at < size) {
        uint64_t random = next_random();
        add(to, &at, size, "  <journalpost><systemID>%016llx</systemID><tittel>",
            (unsigned long long)next_random());
        for (unsigned i = 0; i < 5; i++)
            add(to, &at, size, "%s ", some_word());
        add(to, &at, size,
            "</tittel><journaldato>20%02u-%02u-%02u</journaldato><journalposttype>I"
            "</journalposttype><journalstatus>Journalført</journalstatus></journalpost>\n",
            (unsigned)(random >> 40) % 25, (unsigned)(random >> 48) % 12 + 1,
            (unsigned)(random >> 56) % 28 + 1);
    }
}

static void hex_sha256(const uint8_t *data, size_t len, char hex[65])
{
    uint8_t digest[32];
    size_t written;
    if (EVP_Q_digest(NULL, "SHA256", NULL, data, len, digest, &written) != 1)
        die("SHA-256");
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static document make_document(unsigned number, size_t size)
{
    document made = {.size = size};
    z_stream z = {0};
    uint8_t *plain = malloc(size);
    if (!plain || deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        die("memory");
    if (number == 0)
        make_xml(plain, size);
    else
        make_pdf(plain, size);
    made.extension = number == 0 ? "xml" : "pdf";
    made.crc = (uint32_t)crc32_z(0, plain, size);
    hex_sha256(plain, size, made.sha256);
    made.packed_size = deflateBound(&z, size);
    made.packed = malloc(made.packed_size);
    if (!made.packed)
        die("memory");
    z.next_in = plain;
    z.avail_in = (unsigned)size;
    z.next_out = made.packed;
    z.avail_out = (unsigned)made.packed_size;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        die("deflate");
    made.packed_size -= z.avail_out;
    deflateEnd(&z);
    free(plain);
    return made;
}

/* ---- the archive (APPNOTE 4.3) -------------------------------------------------------------- */

static void put(FILE *to, const void *data, size_t len)
{
    if (fwrite(data, 1, len, to) != len)
        die("write");
}

static void put_number(FILE *to, unsigned bytes, uint64_t number)
{
    for (; bytes > 0; bytes--, number >>= 8)
        if (putc((int)(number & 0xFF), to) == EOF)
            die("write");
}

/* What local header and directory share. */
static void put_common(FILE *to, unsigned version)
{
    put_number(to, 2, version);
    put_number(to, 2, 1 << 3 | 1 << 11); /* sizes behind the data; names in UTF-8 */
    put_number(to, 2, 8);                /* deflate */
    put_number(to, 4, 0x58210000);       /* some day in 2024 */
}

/* CRC and sizes. */
static void put_sizes(FILE *to, const document *of)
{
    put_number(to, 4, of->crc);
    put_number(to, 4, of->packed_size);
    put_number(to, 4, of->size);
}

static void list_entry(archive *zip, const document *of, const char *name)
{
    bool wide = zip->at >= UINT32_MAX;
    put_number(zip->directory, 4, 0x02014b50);
    put_number(zip->directory, 2, 45); /* version made by */
    put_common(zip->directory, wide ? 45 : 20);
    put_sizes(zip->directory, of);
    put_number(zip->directory, 2, strlen(name));
    put_number(zip->directory, 2, wide ? 12 : 0);
    put_number(zip->directory, 2 + 2 + 2 + 4, 0); /* comment, disk, attributes */
    put_number(zip->directory, 4, wide ? UINT32_MAX : zip->at);
    put(zip->directory, name, strlen(name));
    if (wide) {
        put_number(zip->directory, 2, 1); /* the zip64 field */
        put_number(zip->directory, 2, 8);
        put_number(zip->directory, 8, zip->at);
    }
    fprintf(zip->list, "%s  %s\n", of->sha256, name);
    zip->entries++;
}

static void put_entry(archive *zip, const document *of)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "dokument-%05u.%s", zip->entries + 1, of->extension);
    list_entry(zip, of, name);
    put_number(zip->to, 4, 0x04034b50);
    put_common(zip->to, 20);
    put_number(zip->to, 4 + 4 + 4, 0);
    put_number(zip->to, 2, strlen(name));
    put_number(zip->to, 2, 0);
    put(zip->to, name, strlen(name));
    put(zip->to, of->packed, of->packed_size);
    put(zip->to, "PK\7\10", 4);
    put_sizes(zip->to, of);
    zip->at += 30 + strlen(name) + of->packed_size + 16;
}

static void put_end(archive *zip, const char *directory, size_t len)
{
    put(zip->to, directory, len);
    put_number(zip->to, 4, 0x06064b50);
    put_number(zip->to, 8, 44);
    put_number(zip->to, 2, 45);
    put_number(zip->to, 2, 45);
    put_number(zip->to, 4 + 4, 0); /* disks */
    put_number(zip->to, 8, zip->entries);
    put_number(zip->to, 8, zip->entries);
    put_number(zip->to, 8, len);
    put_number(zip->to, 8, zip->at);
    put_number(zip->to, 4, 0x07064b50);
    put_number(zip->to, 4, 0);
    put_number(zip->to, 8, zip->at + len);
    put_number(zip->to, 4, 1);
    put_number(zip->to, 4, 0x06054b50);
    put_number(zip->to, 4, 0);
    put_number(zip->to, 2, UINT16_MAX); /* all in the zip64 record */
    put_number(zip->to, 2, UINT16_MAX);
    put_number(zip->to, 4, UINT32_MAX);
    put_number(zip->to, 4, UINT32_MAX);
    put_number(zip->to, 2, 0);
}

int main(int argc, char **argv)
{
    if (argc != 3 || atoll(argv[1]) < 1) {
        fprintf(stderr, "usage: make_zip <MiB> <list>\n");
        return 2;
    }
    uint64_t wanted = (uint64_t)atoll(argv[1]) << 20;
    size_t size = wanted / 8 < LARGEST ? (size_t)wanted / 8 : LARGEST;
    char *directory;
    size_t directory_len;
    archive zip = {.to = stdout, .list = fopen(argv[2], "w")};
    zip.directory = open_memstream(&directory, &directory_len);
    if (!zip.list || !zip.directory)
        die(argv[2]);
    document documents[DOCUMENTS];
    for (unsigned i = 0; i < DOCUMENTS; i++)
        documents[i] = make_document(i, size);
    while (zip.at < wanted)
        put_entry(&zip, &documents[zip.entries % DOCUMENTS]);
    if (fclose(zip.directory))
        die("directory");
    put_end(&zip, directory, directory_len);
    if (fclose(zip.list) || fclose(zip.to))
        die("close");
    free(directory);
    for (unsigned i = 0; i < DOCUMENTS; i++)
        free(documents[i].packed);
    return 0;
}
