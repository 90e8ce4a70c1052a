/* What a token depends on, checked, copied, and made into the cache's key. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "hash.h"
#include "token_cache.h"

struct fiks_token_key {
    atomic_int refs;
    fiks_token_inputs inputs; /* its strings point into `texts` */
    fiks_buf texts;
    fiks_buf name; /* every input, in one text */
    uint64_t hash;
};

/* ---- the name ------------------------------------------------------------------------------ */

/* With its length in front, so that no two lists of inputs make the same text. */
static void add(fiks_buf *name, const char *value)
{
    if (value)
        fiks_buf_addf(name, "%zu:%s,", strlen(value), value);
    else
        fiks_buf_adds(name, "-,");
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Order and repetition do not matter: "a b" and "b a b" are one token. */
static fiks_status add_scopes(fiks_buf *name, const char *scope, fiks_error *err)
{
    size_t len = strlen(scope), count = 0;
    char *copy = fiks_strdup(scope), *rest = NULL;
    const char **list = calloc(len / 2 + 1, sizeof *list);
    if (!copy || !list) {
        free(copy);
        free(list);
        return fiks_fail_memory(err);
    }
    for (char *at = strtok_r(copy, " ", &rest); at; at = strtok_r(NULL, " ", &rest))
        list[count++] = at;
    qsort(list, count, sizeof *list, compare);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(list[i], list[i - 1]) != 0)
            add(name, list[i]);
    fiks_buf_adds(name, ";");
    free(copy);
    free(list);
    return FIKS_OK;
}

/* A renewed certificate is another credential, also over the same key. */
static fiks_status add_credential(fiks_buf *name, const fiks_token_inputs *in, fiks_error *err)
{
    add(name, fiks_key_thumbprint(in->key));
    add(name, in->kid);
    fiks_buf_addf(name, "%d%d,", (int)in->alg, in->x5c_leaf);
    if (in->kid)
        return FIKS_OK;
    for (size_t i = 0; i < fiks_key_certificate_count(in->key); i++) {
        size_t len;
        uint8_t digest[32];
        const uint8_t *der = fiks_key_certificate(in->key, i, &len);
        fiks_status st = fiks_sha256(der, len, digest, err);
        if (st)
            return st;
        fiks_hex_add(name, digest, sizeof digest);
    }
    return FIKS_OK;
}

static fiks_status set_name(fiks_token_key *key, fiks_error *err)
{
    const fiks_token_inputs *in = &key->inputs;
    fiks_buf *name = &key->name;
    fiks_buf_addf(name, "%d%d%d,", in->contract_2018, in->resource_array, in->accept_fewer_scopes);
    add(name, in->token_endpoint);
    add(name, in->issuer);
    add(name, in->network);
    add(name, in->client_id);
    add(name, in->consumer_org);
    add(name, in->resource);
    add(name, in->pid);
    add(name, in->authorization_details);
    fiks_status st = add_scopes(name, in->scope, err);
    if (!st)
        st = add_credential(name, in, err);
    if (!st && name->failed)
        st = fiks_fail_memory(err);
    if (st)
        return st;
    key->hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < name->len; i++)
        key->hash = (key->hash ^ (uint8_t)name->data[i]) * UINT64_C(1099511628211);
    key->hash ^= key->hash >> 32;
    return FIKS_OK;
}

/* ---- the copy ------------------------------------------------------------------------------ */

/* The string members, so that copying them is one loop. */
enum { TEXTS = 10 };

static void list_texts(fiks_token_inputs *in, const char **list[TEXTS])
{
    list[0] = &in->token_endpoint;
    list[1] = &in->issuer;
    list[2] = &in->client_id;
    list[3] = &in->scope;
    list[4] = &in->consumer_org;
    list[5] = &in->resource;
    list[6] = &in->pid;
    list[7] = &in->authorization_details;
    list[8] = &in->kid;
    list[9] = &in->network;
}

static fiks_status copy_texts(fiks_token_key *key, fiks_error *err)
{
    const char **list[TEXTS];
    size_t total = 0;
    fiks_token_inputs *in = &key->inputs;
    if (in->consumer_org && strncmp(in->consumer_org, "0192:", 5) == 0)
        in->consumer_org += 5;
    list_texts(in, list);
    for (size_t i = 0; i < TEXTS; i++)
        total += *list[i] ? strlen(*list[i]) + 1 : 0;
    if (!fiks_buf_reserve(&key->texts, total))
        return fiks_fail_memory(err);
    for (size_t i = 0; i < TEXTS; i++) {
        if (!*list[i])
            continue;
        char *to = key->texts.data + key->texts.len; /* reserved: it does not move */
        fiks_buf_add(&key->texts, *list[i], strlen(*list[i]) + 1);
        *list[i] = to;
    }
    return FIKS_OK;
}

fiks_status fiks_token_key_new(const fiks_token_inputs *inputs, fiks_token_key **out,
                               fiks_error *err)
{
    *out = NULL;
    fiks_status st = fiks_grant_check(inputs, err);
    if (st)
        return st;
    fiks_token_key *key = calloc(1, sizeof *key);
    if (!key)
        return fiks_fail_memory(err);
    atomic_init(&key->refs, 1);
    key->inputs = *inputs;
    fiks_key_ref(inputs->key);
    st = copy_texts(key, err);
    if (!st)
        st = set_name(key, err);
    if (st) {
        fiks_token_key_free(key);
        return st;
    }
    *out = key;
    return FIKS_OK;
}

fiks_token_key *fiks_token_key_ref(fiks_token_key *key)
{
    atomic_fetch_add(&key->refs, 1);
    return key;
}

void fiks_token_key_free(fiks_token_key *key)
{
    if (!key || atomic_fetch_sub(&key->refs, 1) != 1)
        return;
    fiks_key_free(key->inputs.key);
    fiks_buf_free(&key->texts);
    fiks_buf_free(&key->name);
    free(key);
}

const fiks_token_inputs *fiks_token_key_inputs(const fiks_token_key *key)
{
    return &key->inputs;
}

uint64_t fiks_token_key_hash(const fiks_token_key *key)
{
    return key->hash;
}

bool fiks_token_key_equal(const fiks_token_key *a, const fiks_token_key *b)
{
    return a == b || (a->hash == b->hash && a->name.len == b->name.len &&
                      memcmp(a->name.data, b->name.data, a->name.len) == 0);
}
