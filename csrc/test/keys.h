/* Keys and certificates for tests, made with the openssl program in the test's own folder. */
#ifndef FIKS_TEST_KEYS_H
#define FIKS_TEST_KEYS_H

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>

#include "../certificate.h"
#include "../key.h"
#include "harness.h"

/* Runs a shell script in the test's folder; the test fails when it does. */
__attribute__((unused, format(printf, 1, 2))) static void test_shell(const char *format, ...)
{
    char script[4096], command[8192];
    va_list args;
    va_start(args, format);
    vsnprintf(script, sizeof script, format, args);
    va_end(args);
    snprintf(command, sizeof command, "cd '%s' && ( set -e; %s\n) >>shell.log 2>&1",
             test_temp_dir(), script);
    if (system(command) != 0) {
        size_t len = 0;
        char *log = test_read_file(test_temp_path("shell.log"), &len);
        fprintf(stderr, "%s\n%s", script, log ? log : "");
        free(log);
        TEST_FAIL("a script failed");
    }
}

/* <name>.key (2048 bits, PKCS#8) and <name>.pem, self-signed, once per program. */
__attribute__((unused)) static void test_self_signed(const char *name)
{
    char file[128];
    snprintf(file, sizeof file, "%s.pem", name);
    if (access(test_temp_path(file), R_OK) == 0)
        return;
    test_shell("openssl req -x509 -newkey rsa:2048 -nodes -days 90 -keyout %s.key -out %s.pem "
               "-subj '/C=NO/O=Storevik kommune - 910753614/CN=%s'",
               name, name, name);
}

/* That key, loaded, with its certificate. Free it. */
__attribute__((unused)) static fiks_key *test_key(const char *name)
{
    char key[128], pem[128];
    fiks_error err = {0};
    fiks_key *loaded = NULL;
    test_self_signed(name);
    snprintf(key, sizeof key, "%s.key", name);
    snprintf(pem, sizeof pem, "%s.pem", name);
    fiks_key_options options = FIKS_OPTIONS(fiks_key_options);
    options.file = test_temp_path(key);
    options.certificate_file = test_temp_path(pem);
    CHECK_OK(fiks_key_new(&options, &loaded, &err), err);
    return loaded;
}

/* root -> intermediate -> leaf, and what can be made of it. */
__attribute__((unused)) static void fixtures(void)
{
    if (access(test_temp_path("ready"), R_OK) == 0)
        return;
    test_shell(
        "for n in root inter leaf other; do openssl genrsa -out $n.key 2048; done\n"
        "printf 'basicConstraints=critical,CA:TRUE\\n' >ca.ext\n"
        "printf 'keyUsage=digitalSignature\\n' >sign.ext\n"
        "printf 'keyUsage=keyEncipherment,dataEncipherment\\n' >enc.ext\n"
        "req() { openssl req -new -key $1.key -subj \"$2\" -utf8 -out $1.csr; }\n"
        "req root '/CN=Rot'; req inter '/CN=Mellom'; req other '/CN=Kryptering'\n"
        "req leaf '/C=NO/O=Bl\xc3\xa5"
        "b\xc3\xa6r kommune/serialNumber=910753614/CN=Virksomhet'\n"
        "openssl x509 -req -in root.csr -signkey root.key -days 3650 -extfile ca.ext -out root.pem\n"
        "openssl x509 -req -in inter.csr -CA root.pem -CAkey root.key -CAcreateserial -days 3000 "
        "-extfile ca.ext -out inter.pem\n"
        "openssl x509 -req -in leaf.csr -CA inter.pem -CAkey inter.key -CAcreateserial -days 300 "
        "-extfile sign.ext -out leaf.pem\n"
        "openssl x509 -req -in other.csr -CA inter.pem -CAkey inter.key -days 300 -extfile enc.ext "
        "-CAcreateserial -out other.pem\n"
        "cat root.pem inter.pem other.pem >rest.pem\n"
        "touch ready");
}

typedef struct request {
    const char *file, *password, *alias, *certificates;
} request;

__attribute__((unused)) static fiks_status load(request r, fiks_key **out, fiks_error *err)
{
    const char *file = strchr(r.file, '/') ? r.file : test_temp_path(r.file);
    fiks_key_options options = FIKS_OPTIONS(fiks_key_options);
    options.file = file;
    options.password = r.password;
    options.alias = r.alias;
    options.certificate_file = r.certificates ? test_temp_path(r.certificates) : NULL;
    return fiks_key_new(&options, out, err);
}

/* The subject of certificate `index`, in a static buffer. */
__attribute__((unused)) static const char *subject(const fiks_key *key, size_t index)
{
    static char text[256];
    size_t len = 0;
    const uint8_t *der = fiks_key_certificate(key, index, &len);
    fiks_certificate *certificate = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_certificate_new(der, len, "it", &certificate, &err), err);
    snprintf(text, sizeof text, "%s", fiks_certificate_get_info(certificate)->subject);
    fiks_certificate_free(certificate);
    return text;
}

/* Loads, checks the number of certificates and that it is the leaf's key; frees. */
__attribute__((unused)) static void check_loads(request r, size_t certificates)
{
    fiks_key *key = NULL;
    fiks_error err = {0};
    CHECK_OK(load(r, &key, &err), err);
    CHECK_EQ_INT(fiks_key_certificate_count(key), certificates);
    if (certificates)
        CHECK_HAS(subject(key, 0), "CN=Virksomhet");
    if (certificates > 1)
        CHECK_STR(subject(key, 1), "CN=Mellom");
    uint8_t sig[FIKS_SIGNATURE_MAX];
    size_t len = 0;
    CHECK_OK(fiks_key_sign(key, FIKS_RS256, "x", 1, sig, &len, &err), err);
    CHECK_EQ_INT(len, 256);
    fiks_key_free(key);
    CHECK_EQ_INT(ERR_peek_error(), 0);
}

__attribute__((unused)) static void check_fails(request r, const char *code, const char *part)
{
    fiks_key *key = NULL;
    fiks_error err = {0};
    fiks_status st = load(r, &key, &err);
    if (st != FIKS_CREDENTIALS || strcmp(err.code, code) != 0 || !strstr(err.message, part))
        TEST_FAIL("%s: status %d, code \"%s\", message \"%s\"; expected code \"%s\" and \"%s\"",
                  r.file, st, err.code, err.message, code, part);
    CHECK(key == NULL);
    CHECK_HAS(err.message, r.file);
    if (r.password && strlen(r.password) > 2) /* one letter may be in the temporary folder's name */
        CHECK(strstr(err.message, r.password) == NULL);
    CHECK_EQ_INT(ERR_peek_error(), 0);
}

__attribute__((unused)) static X509 *read_x509(const char *name)
{
    FILE *file = fopen(test_temp_path(name), "r");
    X509 *x509 = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    CHECK(x509 != NULL);
    fclose(file);
    return x509;
}

__attribute__((unused)) static EVP_PKEY *read_pkey(const char *name)
{
    FILE *file = fopen(test_temp_path(name), "r");
    EVP_PKEY *pkey = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    CHECK(pkey != NULL);
    fclose(file);
    return pkey;
}

#endif
