/*
 * The main job in C: a client with a virksomhetssertifikat indexes a batch in Meldingsboks
 * (contract of 2018) and receives what waits in SvarInn: decrypted, verified, unpacked,
 * acknowledged.
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

static fiks_client *new_client(json_t *sandbox, fiks_error *err)
{
    json_t *contract = member(sandbox, "contracts", "2018");
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.contract = "2018";
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

static int index_messages(fiks_client *client, const char *fiks_organisasjon)
{
    fiks_error err = {0};
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = "meldingsboks.2018-v1.index";
    char *body = batch(fiks_organisasjon);
    o.body = body;
    o.body_bytes = body ? strlen(body) : 0;
    fiks_call *call;
    const fiks_response *response;
    int failed = fiks_call_perform(client, &o, &call, &response, &err) ? report("index", &err) : 0;
    if (!failed)
        failed = failed_messages(response);
    fiks_call_free(call);
    free(body);
    return failed;
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

int main(int argc, char **argv)
{
    if (argc != 3 || !getenv("FIKS_INTEGRASJON_ID") || !getenv("FIKS_INTEGRASJON_PASSORD")) {
        fprintf(stderr, "usage: FIKS_INTEGRASJON_ID=... FIKS_INTEGRASJON_PASSORD=... main_job "
                        "SANDBOX.json FOLDER\n");
        return 2;
    }
    json_error_t bad;
    json_t *sandbox = json_load_file(argv[1], 0, &bad);
    if (!sandbox) {
        fprintf(stderr, "%s: line %d: %s\n", argv[1], bad.line, bad.text);
        return 1;
    }
    json_t *svarinn = json_object_get(sandbox, "svarinn");
    fiks_error err = {0};
    fiks_client *client = new_client(sandbox, &err);
    receiver r = {.client = client,
                  .username = text(svarinn, "brukernavn"),
                  .password = text(svarinn, "passord"),
                  .folder = argv[2],
                  .key = client ? load_key(svarinn, "pkcs12_password", &err) : NULL};
    int failed = 1;
    if (!client || !r.key)
        report(argv[1], &err);
    else
        failed = index_messages(client, text(member(sandbox, "organisations", "kommune"),
                                             "fiks_organisasjon_id")) +
                 receive(&r);
    fiks_key_free(r.key);
    fiks_client_free(client);
    json_decref(sandbox);
    return failed ? 1 : 0;
}
