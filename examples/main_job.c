/*
 * The main job in C: a client with a virksomhetssertifikat indexes a batch in Meldingsboks
 * (contract of 2018) and in Innsyn (today's), receives what waits in SvarInn (decrypted, verified,
 * unpacked, acknowledged), and sends an encrypted case to another archive through Fiks IO.
 *
 *     FIKS_INTEGRASJON_ID=... FIKS_INTEGRASJON_PASSORD=... main_job SANDBOX.json FOLDER
 *
 * SANDBOX.json is what sandbox/start writes; against the real platform the same values come from
 * your own settings. The JSON of answers is read with jansson, as any program would.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fiks.h"

static const char *text(json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static json_t *member(json_t *root, const char *a, const char *b)
{
    return json_object_get(json_object_get(root, a), b);
}

static int report(const char *what, const fiks_error *err)
{
    fprintf(stderr, "%s: %s (%s): %s\n", what, fiks_status_name(err->kind), err->code,
            err->message);
    return 1;
}

/* ---- settings -------------------------------------------------------------------------------- */

static fiks_key *load_key(json_t *from, const char *password_name, fiks_error *err)
{
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    o.file = text(from, "pkcs12");
    o.password = text(from, password_name);
    fiks_key *key = NULL;
    fiks_key_new(&o, &key, err);
    return key;
}

static fiks_client *new_client(json_t *sandbox, const char *contract_name, fiks_error *err)
{
    json_t *contract = member(sandbox, "contracts", contract_name);
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.contract = contract_name;
    o.api_url = o.svarut_url = text(sandbox, "base_url");
    o.issuer = text(contract, "issuer");
    o.token_endpoint = text(contract, "token_endpoint");
    o.client_id = text(contract, "client_id");
    o.ca_file = text(sandbox, "ca_file");
    o.integrasjon_id = getenv("FIKS_INTEGRASJON_ID"); /* not arguments: those everybody can see */
    o.integrasjon_passord = getenv("FIKS_INTEGRASJON_PASSORD");
    o.key = load_key(member(sandbox, "organisations", "kommune"), "pkcs12_password", err);
    fiks_client *client = NULL;
    if (o.key)
        fiks_client_new(&o, &client, err);
    fiks_key_free(o.key);
    return client;
}

/* ---- Meldingsboks ------------------------------------------------------------------------------
 */

static char *batch(const char *fiks_organisasjon)
{
    char id[37];
    if (fiks_uuid(id, NULL))
        return NULL;
    json_t *messages = json_pack(
        "[{s:s, s:i, s:s, s:{s:s, s:s}, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:I, s:s, s:s}}]",
        "id", id, "innloggingsniva", 4, "eksponertFor", "01816236955", "fiksOrganisasjon", "id",
        fiks_organisasjon, "visningsnavn", "Storevik kommune", "enhet", "id", "BYGG",
        "visningsnavn", "Byggesaksavdelingen", "typeMetadata", "type", "sakmappe", "mappeId",
        "2018/7", "tittel", "Søknad om skjenkebevilling", "saksstatus", "UNDER_BEHANDLING",
        "saksdato", (json_int_t)1514764800000, "saksansvarlig", "Åse Ødegård", "administrativEnhet",
        "Byggesak");
    char *out = messages ? json_dumps(messages, JSON_COMPACT) : NULL;
    json_decref(messages);
    return out;
}

/* How many were not indexed: HTTP 200 says nothing about a message, each has its own result. */
static int failed_messages(const fiks_response *response)
{
    json_t *answer = json_loadb(response->body, response->body_bytes, 0, NULL), *item;
    json_t *results = json_object_get(answer, "resultat");
    size_t i, indexed = 0, count = json_array_size(results);
    json_array_foreach(results, i, item)
    {
        if (!strcmp(text(item, "resultatKode"), "OK"))
            indexed++;
        else
            fprintf(stderr, "meldingsboks: message %s: %s: %s\n", text(item, "id"),
                    text(item, "resultatKode"), text(item, "resultatMelding"));
    }
    if (count)
        printf("meldingsboks: %zu of %zu messages indexed in %lld ms\n", indexed, count,
               (long long)response->elapsed_ms);
    else
        fprintf(stderr, "meldingsboks: the answer has no results\n");
    json_decref(answer);
    return count ? (int)(count - indexed) : 1;
}

/* Indexes a batch, which is freed; `failed` reads the answer and counts what was not indexed. */
static int index_messages(fiks_client *client, const char *operation, char *body,
                          int (*failed)(const fiks_response *))
{
    fiks_error err = {0};
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = operation;
    o.body = body;
    o.body_bytes = body ? strlen(body) : 0;
    fiks_call *call;
    const fiks_response *response;
    int bad = fiks_call_perform(client, &o, &call, &response, &err) ? report("index", &err)
                                                                    : failed(response);
    fiks_call_free(call);
    free(body);
    return bad;
}

/* ---- Innsyn ------------------------------------------------------------------------------------
 */

/* Index v2 takes a message's metadata as Base64 of JSON. For free(). */
static char *base64(const char *data)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = strlen(data), n = 0;
    char *out = malloc(len / 3 * 4 + 5);
    for (size_t i = 0; out && i < len; i += 3) {
        unsigned left = len - i < 3 ? (unsigned)(len - i) : 3, word = 0;
        for (unsigned k = 0; k < 3; k++)
            word = word << 8 | (k < left ? (unsigned char)data[i + k] : 0);
        for (unsigned k = 0; k < 4; k++)
            out[n++] = '=';
        for (unsigned k = 0; k <= left; k++)
            out[n - 4 + k] = digits[word >> (18 - 6 * k) & 63];
    }
    if (out)
        out[n] = '\0';
    return out;
}

static char *innsyn_batch(const char *fiks_organisasjon)
{
    char id[37];
    char *metadata = base64("{\"type\":\"SAK\",\"tittel\":\"Søknad om skjenkebevilling\"}");
    if (!metadata || fiks_uuid(id, NULL)) {
        free(metadata);
        return NULL;
    }
    json_t *messages =
        json_pack("{s:[{s:s, s:i, s:{s:s, s:s}, s:s, s:s, s:s}]}", "meldinger", "meldingId", id,
                  "sikkerhetsniva", 4, "eksponertFor", "identifikatorType", "FODSELSNUMMER",
                  "verdi", "01816236955", "fiksOrganisasjonId", fiks_organisasjon, "versjon",
                  "MAPPE_V1", "meldingMetadata", metadata);
    char *out = messages ? json_dumps(messages, JSON_COMPACT) : NULL;
    json_decref(messages);
    free(metadata);
    return out;
}

/* A good batch is answered with counts, and the ids of those whose person has not consented. */
static int failed_innsyn(const fiks_response *response)
{
    json_t *answer = json_loadb(response->body, response->body_bytes, 0, NULL);
    json_t *created = json_object_get(answer, "opprettet"),
           *updated = json_object_get(answer, "oppdatert");
    json_t *without = json_object_get(answer, "meldingerUtenSamtykke"), *id;
    size_t i;
    json_array_foreach(without, i, id)
        fprintf(stderr, "innsyn: message %s: no consent\n", json_string_value(id));
    if (json_is_integer(created) && json_is_integer(updated))
        printf("innsyn: %lld new, %lld updated in %lld ms\n",
               (long long)json_integer_value(created), (long long)json_integer_value(updated),
               (long long)response->elapsed_ms);
    else
        fprintf(stderr, "innsyn: the answer has no counts\n");
    int bad = json_is_integer(created) ? (int)json_array_size(without) : 1;
    json_decref(answer);
    return bad;
}

/* ---- SvarInn -----------------------------------------------------------------------------------
 */

typedef struct receiver {
    fiks_client *client;
    const char *username, *password, *folder;
    fiks_key *key;
} receiver;

static fiks_call *svarinn_call(const receiver *r, const char *operation, const char *id,
                               const char *url, fiks_sink *sink, const fiks_response **response,
                               fiks_error *err)
{
    fiks_param params[] = {{"id", id}, {"url", url}};
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = operation;
    o.params = params;
    o.param_count = url ? 2 : id ? 1 : 0;
    o.username = r->username;
    o.password = r->password;
    o.sink = sink;
    fiks_call *call;
    if (fiks_call_perform(r->client, &o, &call, response, err) && !call)
        fiks_sink_free(sink); /* the call never started, so it is still ours */
    return call;
}

/* An id goes into a path: only what the platform is known to use is let in. */
static bool is_plain_id(const char *id)
{
    size_t n = strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-");
    return n > 0 && n <= 64 && !id[n];
}

/* What the list says about the files, for free(); NULL = out of memory. */
static fiks_expected_file *expected_files(json_t *forsendelse, size_t *count)
{
    json_t *files = json_object_get(forsendelse, "filmetadata"), *file;
    size_t i;
    *count = json_array_size(files);
    fiks_expected_file *expected = calloc(*count + 1, sizeof *expected);
    if (!expected)
        return NULL;
    json_array_foreach(files, i, file) expected[i] =
        (fiks_expected_file){.name = text(file, "filnavn"),
                             .sha256 = text(file, "sha256hash"),
                             .size_bytes = json_integer_value(json_object_get(file, "size"))};
    return expected;
}

static fiks_sink *new_sink(const receiver *r, const fiks_expected_file *expected, size_t count,
                           const char *folder, fiks_error *err)
{
    fiks_forsendelse_options o = FIKS_OPTIONS(fiks_forsendelse_options);
    o.folder = folder;
    o.keys = &r->key;
    o.key_count = 1;
    o.expected = expected;
    o.expected_count = count;
    fiks_sink *sink = NULL;
    fiks_forsendelse_sink_new(&o, &sink, err);
    return sink;
}

static void print_files(const fiks_received_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("  %s: %lld bytes, %s\n", files[i].name, (long long)files[i].size_bytes,
               files[i].verdict == FIKS_VERIFIED ? "verified" : "NOT VERIFIED");
}

/* The folder is there from an earlier run that could not acknowledge: is it still whole? */
static void look_again(const char *folder, const fiks_expected_file *expected, size_t count,
                       fiks_error *err)
{
    fiks_verified *verified = NULL;
    fiks_forsendelse_verify(folder, expected, count, &verified, err);
    size_t seen = 0;
    const fiks_received_file *files = verified ? fiks_verified_files(verified, &seen) : NULL;
    print_files(files, seen);
    fiks_verified_free(verified);
}

static void download(const receiver *r, json_t *forsendelse, const fiks_expected_file *expected,
                     size_t count, const char *folder, fiks_error *err)
{
    fiks_sink *sink = new_sink(r, expected, count, folder, err);
    if (!sink)
        return;
    const fiks_response *response;
    fiks_call *call = svarinn_call(r, "svarinn.v1.download", text(forsendelse, "id"),
                                   text(forsendelse, "downloadUrl"), sink, &response, err);
    size_t seen = 0;
    const fiks_received_file *files =
        call ? fiks_forsendelse_sink_files(fiks_call_sink(call), &seen) : NULL;
    print_files(files, seen);
    fiks_call_free(call);
}

/* Acknowledged only when the folder is there, whole and durable. */
static int receive_one(const receiver *r, json_t *forsendelse)
{
    char folder[4096];
    fiks_error err = {0};
    const char *id = text(forsendelse, "id");
    int n = is_plain_id(id) ? snprintf(folder, sizeof folder, "%s/%s", r->folder, id) : -1;
    size_t count = 0;
    fiks_expected_file *expected =
        n > 0 && (size_t)n < sizeof folder ? expected_files(forsendelse, &count) : NULL;
    if (!expected) {
        fprintf(stderr, "svarinn: a forsendelse was left where it is\n");
        return 1;
    }
    bool again = access(folder, F_OK) == 0;
    if (again)
        look_again(folder, expected, count, &err);
    else
        download(r, forsendelse, expected, count, folder, &err);
    free(expected);
    if (err.kind)
        return report(id, &err);
    const fiks_response *response;
    fiks_call *call = svarinn_call(r, "svarinn.v1.acknowledge", id, NULL, NULL, &response, &err);
    fiks_call_free(call);
    if (err.kind)
        return report(id, &err);
    printf("svarinn: %s is in %s%s, acknowledged\n", text(forsendelse, "tittel"), folder,
           again ? " since an earlier run" : "");
    return 0;
}

static int receive(const receiver *r)
{
    fiks_error err = {0};
    const fiks_response *response;
    fiks_call *call = svarinn_call(r, "svarinn.v1.list", NULL, NULL, NULL, &response, &err);
    json_t *list = err.kind ? NULL : json_loadb(response->body, response->body_bytes, 0, NULL);
    int bad = err.kind ? report("svarinn", &err) : !json_is_array(list);
    size_t i;
    json_t *forsendelse;
    json_array_foreach(list, i, forsendelse) bad +=
        receive_one(r, forsendelse); /* one bad item never stops the others */
    printf("svarinn: %zu listed, %d not received\n", json_array_size(list), bad);
    json_decref(list);
    fiks_call_free(call);
    return bad;
}

/* ---- Fiks IO -----------------------------------------------------------------------------------
 */

/* The receiver's certificate (PEM), out of the catalogue; for free(). */
static char *receiver_certificate(fiks_client *client, const char *konto, fiks_error *err)
{
    fiks_param params[] = {{"kontoId", konto}};
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = "fiksio.offentlig_nokkel";
    o.params = params;
    o.param_count = 1;
    fiks_call *call;
    const fiks_response *response;
    char *pem = NULL;
    if (!fiks_call_perform(client, &o, &call, &response, err)) {
        json_t *answer = json_loadb(response->body, response->body_bytes, 0, NULL);
        if (json_is_true(json_object_get(answer, "valid")))
            pem = strdup(text(answer, "nokkel"));
        json_decref(answer);
    }
    fiks_call_free(call);
    if (!pem && !err->kind)
        fprintf(stderr, "fiks-io: konto %s has no valid public key\n", konto);
    return pem;
}

/* The case as the receiver gets it: an ASiC-E container, encrypted for its key. */
static fiks_status seal(const fiks_key *key, const char *certificate, void **out, size_t *len,
                        fiks_error *err)
{
    static const char arkivmelding[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<arkivmelding "
        "xmlns=\"https://ks-no.github.io/standarder/fiks-protokoll/fiks-arkiv/arkivmelding/v1\">"
        "<system>Storevik sakarkiv</system></arkivmelding>\n";
    static const char brev[] = "Søknaden er innvilget. Hilsen Åse Ødegård\n";
    const fiks_asice_file files[] = {{"arkivmelding.xml", arkivmelding, sizeof arkivmelding - 1},
                                     {"vedlegg/brev på nynorsk.txt", brev, sizeof brev - 1}};
    void *container;
    size_t container_len;
    fiks_status st =
        fiks_asice_build(files, sizeof files / sizeof *files, key, &container, &container_len, err);
    if (!st)
        st = fiks_cms_encrypt(container, container_len, &certificate, 1, out, len, err);
    fiks_bytes_free(container, container_len);
    return st;
}

/* For free(). */
static char *message_metadata(const char *from, const char *to, const char *own_id)
{
    json_t *metadata =
        json_pack("{s:s, s:s, s:s, s:n, s:n, s:{s:s}}", "avsenderKontoId", from, "mottakerKontoId",
                  to, "meldingType", "no.ks.fiks.arkiv.v1.arkivering.arkivmelding.opprett",
                  "svarPaMelding", "ttl", "headere", "klientMeldingId", own_id);
    char *out = metadata ? json_dumps(metadata, JSON_COMPACT) : NULL;
    json_decref(metadata);
    return out;
}

/* Sent once: when its fate is unknown, a second one is sent with the same own id, or not at all. */
static int post_message(fiks_client *client, const char *metadata, const void *sealed, size_t len,
                        const char *own_id)
{
    fiks_error err = {0};
    const fiks_part parts[] = {{.name = "metadata",
                                .content_type = "application/json",
                                .data = metadata,
                                .data_bytes = strlen(metadata)},
                               {.name = "data",
                                .filename = own_id,
                                .content_type = "application/octet-stream",
                                .data = sealed,
                                .data_bytes = len}};
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = "fiksio.send";
    o.parts = parts;
    o.part_count = 2;
    fiks_call *call;
    const fiks_response *response;
    int bad = fiks_call_perform(client, &o, &call, &response, &err) ? report(own_id, &err) : 0;
    json_t *receipt = bad ? NULL : json_loadb(response->body, response->body_bytes, 0, NULL);
    if (*text(receipt, "meldingId"))
        printf("fiks-io: sent melding %s, %zu encrypted bytes, in %lld ms\n",
               text(receipt, "meldingId"), len, (long long)response->elapsed_ms);
    else if (!bad)
        bad = fprintf(stderr, "fiks-io: taken, under an id that the answer does not say\n") != 0;
    json_decref(receipt);
    fiks_call_free(call);
    return bad;
}

static int send_case(fiks_client *client, json_t *sandbox)
{
    json_t *sender = member(sandbox, "fiksio", "avsender");
    const char *to = text(member(sandbox, "fiksio", "mottaker"), "konto_id");
    fiks_error err = {0};
    char own_id[37], *metadata = NULL;
    void *sealed = NULL;
    size_t len = 0;
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    o.file = text(sender, "key_file");
    o.certificate_file = text(sender, "certificate_file");
    fiks_key *key = NULL;
    char *certificate = receiver_certificate(client, to, &err);
    if (certificate && !fiks_key_new(&o, &key, &err) && !fiks_uuid(own_id, &err) &&
        !seal(key, certificate, &sealed, &len, &err))
        metadata = message_metadata(text(sender, "konto_id"), to, own_id);
    int bad = 1;
    if (metadata)
        bad = post_message(client, metadata, sealed, len, own_id);
    else if (err.kind)
        report("fiks-io", &err);
    fiks_bytes_free(sealed, len);
    fiks_key_free(key);
    free(metadata);
    free(certificate);
    return bad;
}

/* ---- the job -----------------------------------------------------------------------------------
 */

/* One bad step does not stop the others. How many things went wrong. */
static int do_job(json_t *sandbox, const char *folder, fiks_error *err)
{
    json_t *svarinn = json_object_get(sandbox, "svarinn");
    const char *organisasjon =
        text(member(sandbox, "organisations", "kommune"), "fiks_organisasjon_id");
    fiks_client *of_2018 = new_client(sandbox, "2018", err),
                *current = of_2018 ? new_client(sandbox, "current", err) : NULL;
    receiver r = {.client = of_2018,
                  .username = text(svarinn, "brukernavn"),
                  .password = text(svarinn, "passord"),
                  .folder = folder,
                  .key = current ? load_key(svarinn, "pkcs12_password", err) : NULL};
    int bad = 1;
    if (r.key)
        bad =
            index_messages(of_2018, "meldingsboks.2018-v1.index", batch(organisasjon),
                           failed_messages) +
            index_messages(current, "innsyn.v2.index", innsyn_batch(organisasjon), failed_innsyn) +
            receive(&r) + send_case(current, sandbox);
    fiks_key_free(r.key);
    fiks_client_free(current);
    fiks_client_free(of_2018);
    return bad;
}

int main(int argc, char **argv)
{
    if (argc != 3 || !getenv("FIKS_INTEGRASJON_ID") || !getenv("FIKS_INTEGRASJON_PASSORD")) {
        fprintf(stderr, "usage: FIKS_INTEGRASJON_ID=... FIKS_INTEGRASJON_PASSORD=... main_job "
                        "SANDBOX.json FOLDER\n");
        return 2;
    }
    json_error_t why;
    json_t *sandbox = json_load_file(argv[1], 0, &why);
    if (!sandbox) {
        fprintf(stderr, "%s: line %d: %s\n", argv[1], why.line, why.text);
        return 1;
    }
    fiks_error err = {0};
    int bad = do_job(sandbox, argv[2], &err);
    if (err.kind)
        report(argv[1], &err);
    json_decref(sandbox);
    return bad ? 1 : 0;
}
