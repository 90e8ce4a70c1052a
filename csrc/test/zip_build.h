/* Building zip archives, right ones and wrong ones, for tests. */
#ifndef FIKS_TEST_ZIP_BUILD_H
#define FIKS_TEST_ZIP_BUILD_H

#include <zlib.h>

#include "../str.h"
#include "harness.h"

/* How the sizes and CRC of an entry are told. */
typedef enum sizes { IN_FRONT, BEHIND, BEHIND_UNMARKED, BEHIND_64, BEHIND_64_UNMARKED } sizes;

typedef struct zip_file {
    const char *name;
    const void *data;
    size_t len;
    size_t name_len; /* 0 = strlen(name) */
    int method;      /* 0 or 8; others are written as stored */
    sizes sizes;
    bool wide;           /* zip64 extra fields */
    uint16_t flags;      /* besides bits 3 */
    uint32_t attributes; /* external */
    uint16_t made_by;
    const char *extra; /* of the local header */
    size_t extra_len;
    /* Faults. */
    const char *central_name;
    uint32_t crc_xor;         /* of the real CRC, wherever it is told */
    uint32_t central_crc_xor; /* only in the central directory */
    int32_t size_off;         /* added to the size in front */
    int32_t central_size_off;
    int32_t packed_off; /* added to the packed size in front */
    bool not_listed;
    bool listed_twice;
} zip_file;

typedef struct zip_plan {
    bool end64;
    const char *comment;
    const char *prefix; /* before it all */
    int32_t count_off, start_off, length_off, locator_off;
    uint16_t disk;
    bool backwards; /* central directory in reverse order */
} zip_plan;

static void z16(fiks_buf *to, uint32_t value)
{
    uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    fiks_buf_add(to, bytes, 2);
}

static void z32(fiks_buf *to, uint32_t value)
{
    z16(to, value);
    z16(to, value >> 16);
}

static void z64(fiks_buf *to, uint64_t value)
{
    z32(to, (uint32_t)value);
    z32(to, (uint32_t)(value >> 32));
}

static fiks_buf zip_deflate(const void *data, size_t len)
{
    fiks_buf out = {0};
    z_stream z = {0};
    deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    uLong bound = deflateBound(&z, len);
    fiks_buf_reserve(&out, bound);
    z.next_in = (Bytef *)data;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)out.data;
    z.avail_out = (uInt)bound;
    CHECK_EQ_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.len = z.total_out;
    deflateEnd(&z);
    return out;
}

static size_t zip_name_len(const zip_file *f)
{
    return f->name_len ? f->name_len : strlen(f->name);
}

static void zip_descriptor(fiks_buf *to, const zip_file *f, uint32_t crc, size_t packed)
{
    if (f->sizes == BEHIND || f->sizes == BEHIND_64)
        z32(to, 0x08074b50);
    z32(to, crc);
    if (f->sizes >= BEHIND_64) {
        z64(to, packed);
        z64(to, f->len);
    } else {
        z32(to, (uint32_t)packed);
        z32(to, (uint32_t)f->len);
    }
}

static void zip_local(fiks_buf *to, const zip_file *f, const fiks_buf *packed, uint32_t crc)
{
    bool behind = f->sizes != IN_FRONT;
    z32(to, 0x04034b50);
    z16(to, 20);
    z16(to, f->flags | (behind ? 8u : 0u));
    z16(to, (uint32_t)f->method);
    z32(to, 0x21 << 16);
    z32(to, behind ? 0 : crc);
    z32(to, f->wide ? UINT32_MAX : behind ? 0 : (uint32_t)((int32_t)packed->len + f->packed_off));
    z32(to, f->wide ? UINT32_MAX : behind ? 0 : (uint32_t)((int32_t)f->len + f->size_off));
    z16(to, (uint32_t)zip_name_len(f));
    z16(to, (uint32_t)(f->extra_len + (f->wide ? 20 : 0)));
    fiks_buf_add(to, f->name, zip_name_len(f));
    fiks_buf_add(to, f->extra, f->extra_len);
    if (f->wide) {
        z16(to, 1);
        z16(to, 16);
        z64(to, behind ? 0 : f->len);
        z64(to, behind ? 0 : packed->len);
    }
    fiks_buf_add(to, packed->data, packed->len);
    if (behind)
        zip_descriptor(to, f, crc, packed->len);
}

static void zip_central(fiks_buf *to, const zip_file *f, size_t packed, uint32_t crc, size_t at)
{
    const char *name = f->central_name ? f->central_name : f->name;
    size_t name_len = f->central_name ? strlen(name) : zip_name_len(f);
    z32(to, 0x02014b50);
    z16(to, f->made_by);
    z16(to, 20);
    z16(to, f->flags | (f->sizes != IN_FRONT ? 8u : 0u));
    z16(to, (uint32_t)f->method);
    z32(to, 0x21 << 16);
    z32(to, crc ^ f->central_crc_xor);
    z32(to, f->wide ? UINT32_MAX : (uint32_t)packed);
    z32(to, f->wide ? UINT32_MAX : (uint32_t)((int32_t)f->len + f->central_size_off));
    z16(to, (uint32_t)name_len);
    z16(to, f->wide ? 28 : 0);
    z16(to, 0);
    z16(to, 0);
    z16(to, 0);
    z32(to, f->attributes);
    z32(to, f->wide ? UINT32_MAX : (uint32_t)at);
    fiks_buf_add(to, name, name_len);
    if (f->wide) {
        z16(to, 1);
        z16(to, 24);
        z64(to, f->len);
        z64(to, packed);
        z64(to, at);
    }
}

static void zip_end(fiks_buf *to, const zip_plan *p, size_t count, size_t start, size_t at)
{
    size_t length = at - start + (size_t)p->length_off;
    count += (size_t)p->count_off;
    start += (size_t)p->start_off;
    if (p->end64) {
        z32(to, 0x06064b50);
        z64(to, 44);
        z32(to, 45 | 45 << 16);
        z64(to, 0);
        z64(to, count);
        z64(to, count);
        z64(to, length);
        z64(to, start);
        z32(to, 0x07064b50);
        z32(to, 0);
        z64(to, at + (size_t)p->locator_off);
        z32(to, 1);
    }
    const char *comment = p->comment ? p->comment : "";
    z32(to, 0x06054b50);
    z16(to, p->disk);
    z16(to, p->disk);
    z16(to, p->end64 ? UINT16_MAX : (uint32_t)count);
    z16(to, p->end64 ? UINT16_MAX : (uint32_t)count);
    z32(to, p->end64 ? UINT32_MAX : (uint32_t)length);
    z32(to, p->end64 ? UINT32_MAX : (uint32_t)start);
    z16(to, (uint32_t)strlen(comment));
    fiks_buf_adds(to, comment);
}

__attribute__((unused)) static fiks_buf zip_build(const zip_file *files, size_t count,
                                                  const zip_plan *plan)
{
    static const zip_plan ordinary;
    const zip_plan *p = plan ? plan : &ordinary;
    fiks_buf out = {0}, directory = {0};
    size_t listed = 0;
    fiks_buf_adds(&out, p->prefix ? p->prefix : "");
    for (size_t i = 0; i < count; i++) {
        const zip_file *f = &files[i];
        fiks_buf packed = {0}, one = {0};
        size_t at = out.len;
        uint32_t crc = (uint32_t)crc32(0, f->data, (uInt)f->len) ^ f->crc_xor;
        if (f->method == 8)
            packed = zip_deflate(f->data, f->len);
        else
            fiks_buf_add(&packed, f->data, f->len);
        zip_local(&out, f, &packed, crc);
        for (int n = f->not_listed ? 0 : f->listed_twice ? 2 : 1; n > 0; n--, listed++)
            zip_central(&one, f, packed.len, crc, at);
        fiks_buf_add(&one, directory.data, p->backwards ? directory.len : 0);
        if (p->backwards)
            fiks_buf_clear(&directory);
        fiks_buf_add(&directory, one.data, one.len);
        fiks_buf_free(&one);
        fiks_buf_free(&packed);
    }
    size_t start = out.len;
    fiks_buf_add(&out, directory.data, directory.len);
    zip_end(&out, p, listed, start, out.len);
    fiks_buf_free(&directory);
    return out;
}

#endif
