#include "operation.h"

#include <string.h>

/* The platform's read timeout (guide of 2018-01-02); a total for answers held in memory; and for
 * downloads SvarInn's own stall limit. */
enum { READ_MS = 30000, TOTAL_MS = 60000, STALL_MS = 60000, BATCH_MS = 300000, UPLOAD_MS = 960000 };

#define API FIKS_HOST_API, FIKS_AUTH_INTEGRASJON
#define SVARUT FIKS_HOST_SVARUT, FIKS_AUTH_BASIC
#define ONCE false
#define REPEAT true

const fiks_operation fiks_operation_request = {"request", "GET", "",      API,     FIKS_RESULT_ANY,
                                               ONCE,      0,     READ_MS, TOTAL_MS};

/* A PUT of messages with ids of our choosing, and a DELETE, are the same done twice. */
#define INDEX(name, path)                                                                          \
    {                                                                                              \
        name, "PUT", path, API, FIKS_RESULT_JSON, REPEAT, 0, READ_MS * 2, BATCH_MS                 \
    }
#define SLETT(name, path)                                                                          \
    {                                                                                              \
        name, "DELETE", path, API, FIKS_RESULT_JSON, REPEAT, 0, READ_MS, TOTAL_MS                  \
    }

static const fiks_operation table[] = {
    {"token", "POST", "", FIKS_HOST_API, FIKS_AUTH_TOKEN_ONLY, FIKS_RESULT_ANY, REPEAT, 0, READ_MS,
     TOTAL_MS},

    INDEX("meldingsboks.2018-a.index", "/meldingindexer/api/indexRequest"),
    SLETT("meldingsboks.2018-a.slett", "/meldingindexer/api/deleteRequest"),
    SLETT("meldingsboks.2018-a.slett_meg", "/meldingindexer/api/deleteMeRequest"),
    INDEX("meldingsboks.2018-b.index", "/meldingindexer/api/indexRequest"),
    SLETT("meldingsboks.2018-b.slett", "/meldingindexer/api/slett"),
    SLETT("meldingsboks.2018-b.slett_meg", "/meldingindexer/api/slettMeg"),
    INDEX("meldingsboks.2018-v1.index", "/meldingindexer/api/v1/indexRequest"),
    SLETT("meldingsboks.2018-v1.slett", "/meldingindexer/api/v1/slett"),
    SLETT("meldingsboks.2018-v1.slett_meg", "/meldingindexer/api/v1/slettMeg"),

    INDEX("innsyn.v1.index", "/innsyn-index/api/v1/indexRequest"),
    INDEX("innsyn.v2.index", "/innsyn-index/api/v2/indexRequest"),
    SLETT("innsyn.slett", "/innsyn-index/api/v1/delete/slett"),
    {"innsyn.slett_by_melding_id", "POST", "/innsyn-index/api/v1/delete/slettByMeldingId", API,
     FIKS_RESULT_JSON, REPEAT, 0, READ_MS, TOTAL_MS},

    {"svarinn.v1.list", "GET", "/tjenester/svarinn/mottaker/hentNyeForsendelser", SVARUT,
     FIKS_RESULT_JSON, REPEAT, 0, READ_MS, TOTAL_MS},
    {"svarinn.v1.download", "GET", "/tjenester/svarinn/forsendelse/{id}", SVARUT,
     FIKS_RESULT_STREAM, REPEAT, 200, STALL_MS, 0},
    {"svarinn.v1.acknowledge", "POST", "/tjenester/svarinn/kvitterMottak/forsendelse/{id}", SVARUT,
     FIKS_RESULT_ANY, REPEAT, 0, READ_MS, TOTAL_MS},
    {"svarinn.v1.fail", "POST", "/tjenester/svarinn/mottakFeilet/forsendelse/{id}", SVARUT,
     FIKS_RESULT_ANY, ONCE, 0, READ_MS, TOTAL_MS},

    {"svarinn.v2.list", "GET", "/api/svarinn/v2/forsendelser", SVARUT, FIKS_RESULT_JSON, REPEAT, 0,
     READ_MS, TOTAL_MS},
    {"svarinn.v2.download", "GET", "/api/svarinn/v2/forsendelser/{id}", SVARUT, FIKS_RESULT_STREAM,
     REPEAT, 200, STALL_MS, 0},
    {"svarinn.v2.status", "PATCH", "/api/svarinn/v2/forsendelser/{id}/status", SVARUT,
     FIKS_RESULT_ANY, ONCE, 0, READ_MS, TOTAL_MS},

    {"fiksio.send", "POST", "/fiks-io/api/v1/send", API, FIKS_RESULT_ANY, ONCE, 0, READ_MS * 2,
     UPLOAD_MS},
    {"fiksio.2018.send", "POST", "/svarinn2/api/v1/send", API, FIKS_RESULT_ANY, ONCE, 0,
     READ_MS * 2, UPLOAD_MS},
    {"fiksio.konto", "GET", "/fiks-io/katalog/api/v1/kontoer/{kontoId}", API, FIKS_RESULT_JSON,
     REPEAT, 0, READ_MS, TOTAL_MS},
    {"fiksio.status", "GET", "/fiks-io/katalog/api/v1/kontoer/{kontoId}/status", API,
     FIKS_RESULT_JSON, REPEAT, 0, READ_MS, TOTAL_MS},
    {"fiksio.offentlig_nokkel", "GET", "/fiks-io/katalog/api/v1/kontoer/{kontoId}/offentligNokkel",
     FIKS_HOST_API, FIKS_AUTH_NONE, FIKS_RESULT_JSON, REPEAT, 0, READ_MS, TOTAL_MS},
};

enum { COUNT = sizeof table / sizeof *table };

const fiks_operation *fiks_operation_find(const char *name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const char *const *fiks_operation_names(void)
{
    static const char *names[COUNT + 1];
    /* Every thread writes the same pointers, so a race changes nothing. */
    for (size_t i = 0; i < COUNT; i++)
        __atomic_store_n(&names[i], table[i].name, __ATOMIC_RELAXED);
    return names;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein distance of names of up to 63 bytes. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], bn = strnlen(b, 63);
    for (size_t j = 0; j <= bn; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < bn; j++) {
            size_t above = row[j + 1];
            row[j + 1] = smallest(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[bn];
}

const char *fiks_operation_nearest(const char *name)
{
    size_t best = 0, best_distance = (size_t)-1;
    for (size_t i = 0; i < COUNT; i++) {
        size_t d = distance(name, table[i].name);
        if (d < best_distance) {
            best = i;
            best_distance = d;
        }
    }
    return table[best].name;
}
