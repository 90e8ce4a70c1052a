#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <sys/stat.h>

#include "keys.h"

/* ---- PKCS#12 ------------------------------------------------------------------------------- */

TEST(pkcs12_of_today)
{
    fixtures();
    test_shell("openssl pkcs12 -export -inkey leaf.key -in leaf.pem -certfile rest.pem "
               "-name 'autentisering' -passout pass:hemmelig-1 -out new.p12");
    check_loads((request){"new.p12", "hemmelig-1", NULL, NULL}, 2);
    check_loads((request){"new.p12", "hemmelig-1", "autentisering", NULL}, 2);
    check_fails((request){"new.p12", "hemmelig-2", NULL, NULL}, "wrong_password", "wrong password");
    check_fails((request){"new.p12", NULL, NULL, NULL}, "password_missing",
                "no password was given");
    check_fails((request){"new.p12", "", NULL, NULL}, "wrong_password",
                "wrong password (the one given is empty)");
    check_fails((request){"new.p12", "hemmelig-1", "Autentisering", NULL}, "alias",
                "no entry \"Autentisering\"; it has \"autentisering\"");
}

TEST(pkcs12_with_rc2_and_triple_des)
{
    fixtures();
    test_shell("openssl pkcs12 -export -legacy -inkey leaf.key -in leaf.pem -certfile rest.pem "
               "-name 'a b' -passout pass:hemmelig-1 -out old.p12\n"
               "openssl pkcs12 -in old.p12 -info -noout -passin pass:hemmelig-1 -legacy 2>&1 | "
               "grep RC2");
    check_loads((request){"old.p12", "hemmelig-1", NULL, NULL}, 2);
    check_fails((request){"old.p12", "hemmelig-2", NULL, NULL}, "wrong_password", "wrong password");
    check_fails((request){"old.p12", NULL, NULL, NULL}, "password_missing", "no password");
    check_fails((request){"old.p12", "hemmelig-1", "c", NULL}, "alias", "it has \"a b\"");
}

/* Where the legacy module is not installed, the answer is what to do, not "wrong password". */
TEST(pkcs12_with_rc2_without_the_legacy_provider)
{
    fixtures();
    test_shell("openssl pkcs12 -export -legacy -inkey leaf.key -in leaf.pem "
               "-passout pass:hemmelig-1 -out old2.p12");
    setenv("OPENSSL_MODULES", test_temp_dir(), 1);
    fiks_key *key = NULL;
    fiks_error err = {0};
    fiks_status st = load((request){"old2.p12", "hemmelig-1", NULL, NULL}, &key, &err);
    unsetenv("OPENSSL_MODULES");
    CHECK_EQ_INT(st, FIKS_CREDENTIALS);
    CHECK_STR(err.code, "unsupported_cipher");
    CHECK_HAS(err.message, "RC2");
    CHECK_HAS(err.message, "\"legacy\" provider is not installed");
    CHECK_HAS(err.message, "the password is right");

    /* Without a MAC nobody can tell about the password. */
    test_shell("openssl pkcs12 -export -legacy -nomac -keypbe PBE-SHA1-RC2-40 -inkey leaf.key "
               "-in leaf.pem -passout pass:hemmelig-1 -out old3.p12");
    setenv("OPENSSL_MODULES", test_temp_dir(), 1);
    fiks_error_clear(&err);
    st = load((request){"old3.p12", "feil", NULL, NULL}, &key, &err);
    unsetenv("OPENSSL_MODULES");
    CHECK_EQ_INT(st, FIKS_CREDENTIALS);
    CHECK_STR(err.code, "unsupported_cipher");
    CHECK_HAS(err.message, "this OpenSSL cannot read");
    CHECK(strstr(err.message, "password") == NULL);
}

TEST(pkcs12_with_an_empty_or_without_password)
{
    fixtures();
    test_shell("openssl pkcs12 -export -inkey leaf.key -in leaf.pem -passout pass: -out empty.p12");
    check_loads((request){"empty.p12", NULL, NULL, NULL}, 1);
    check_loads((request){"empty.p12", "", NULL, NULL}, 1);
    check_fails((request){"empty.p12", "noe", NULL, NULL}, "wrong_password", "wrong password");
    test_shell("openssl pkcs12 -export -nomac -inkey leaf.key -in leaf.pem -passout pass:hemmelig "
               "-out nomac.p12");
    check_loads((request){"nomac.p12", "hemmelig", NULL, NULL}, 1);
    check_fails((request){"nomac.p12", "feil", NULL, NULL}, "wrong_password", "wrong password");
    check_fails((request){"nomac.p12", NULL, NULL, NULL}, "password_missing", "no password");
}

static void write_p12(PKCS12 *p12, const char *name)
{
    FILE *file = fopen(test_temp_path(name), "wb");
    CHECK(p12 && file && i2d_PKCS12_fp(file, p12) == 1);
    fclose(file);
    PKCS12_free(p12);
}

TEST(pkcs12_whose_password_is_none_at_all)
{
    fixtures();
    EVP_PKEY *pkey = read_pkey("leaf.key");
    X509 *x509 = read_x509("leaf.pem");
    PKCS12 *p12 = PKCS12_create(NULL, NULL, pkey, x509, NULL, 0, 0, 0, -1, 0);
    CHECK(p12 && PKCS12_set_mac(p12, NULL, 0, NULL, 0, 0, NULL));
    write_p12(p12, "null.p12");
    EVP_PKEY_free(pkey);
    X509_free(x509);
    check_loads((request){"null.p12", NULL, NULL, NULL}, 1);
    check_loads((request){"null.p12", "", NULL, NULL}, 1);
}

/* Adds a key and its certificate under a name, tied by localKeyID, as CAs deliver them. */
static void add_pair(STACK_OF(PKCS7) * *safes, const char *base, const char *name)
{
    char file[64];
    unsigned char id[EVP_MAX_MD_SIZE];
    unsigned int id_len = 0;
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    snprintf(file, sizeof file, "%s.key", base);
    EVP_PKEY *pkey = read_pkey(file);
    snprintf(file, sizeof file, "%s.pem", base);
    X509 *x509 = read_x509(file);
    X509_digest(x509, EVP_sha1(), id, &id_len);
    CHECK(X509_keyid_set1(x509, id, (int)id_len));
    CHECK(PKCS12_add_cert(&bags, x509));
    PKCS12_SAFEBAG *key_bag = PKCS12_add_key(&bags, pkey, 0, 2048, NID_aes_256_cbc, "hemmelig");
    CHECK(key_bag && PKCS12_add_localkeyid(key_bag, id, (int)id_len));
    if (name)
        CHECK(PKCS12_add_friendlyname_utf8(key_bag, name, -1));
    CHECK(PKCS12_add_safe(safes, bags, -1, 0, NULL));
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    EVP_PKEY_free(pkey);
    X509_free(x509);
}

static void write_two(const char *file, const char *first, const char *second)
{
    STACK_OF(PKCS7) *safes = NULL;
    add_pair(&safes, "other", second);
    add_pair(&safes, "leaf", first);
    PKCS12 *p12 = PKCS12_add_safes(safes, 0);
    CHECK(p12 && PKCS12_set_mac(p12, "hemmelig", -1, NULL, 0, 2048, NULL));
    write_p12(p12, file);
    sk_PKCS7_pop_free(safes, PKCS7_free);
}

TEST(pkcs12_with_several_entries)
{
    fixtures();
    write_two("two.p12", "authentication certificate", "kryptering \xc3\xa6\xc3\xb8\xc3\xa5");
    check_loads((request){"two.p12", "hemmelig", "authentication certificate", NULL}, 1);
    /* only one of the two may sign */
    check_loads((request){"two.p12", "hemmelig", NULL, NULL}, 1);
    fiks_key *key = NULL;
    fiks_error err = {0};
    CHECK_OK(load((request){"two.p12", "hemmelig", "kryptering \xc3\xa6\xc3\xb8\xc3\xa5", NULL},
                  &key, &err),
             err);
    CHECK_STR(subject(key, 0), "CN=Kryptering");
    fiks_key_free(key);
    check_fails((request){"two.p12", "hemmelig", "authentication", NULL}, "alias",
                "it has \"kryptering \xc3\xa6\xc3\xb8\xc3\xa5\", \"authentication certificate\"");
}

TEST(pkcs12_with_several_that_sign_wants_an_alias)
{
    fixtures();
    test_shell("openssl x509 -req -in other.csr -CA inter.pem -CAkey inter.key -days 300 "
               "-extfile sign.ext -CAcreateserial -out signer.pem; cp other.key signer.key");
    STACK_OF(PKCS7) *safes = NULL;
    add_pair(&safes, "signer", NULL);
    add_pair(&safes, "leaf", "en");
    PKCS12 *p12 = PKCS12_add_safes(safes, 0);
    CHECK(p12 && PKCS12_set_mac(p12, "hemmelig", -1, NULL, 0, 2048, NULL));
    write_p12(p12, "signers.p12");
    sk_PKCS7_pop_free(safes, PKCS7_free);
    check_fails((request){"signers.p12", "hemmelig", NULL, NULL}, "alias",
                "several keys: set alias to one of (no name), \"en\"");
    check_loads((request){"signers.p12", "hemmelig", "en", NULL}, 1);
}

TEST(pkcs12_lacking_a_part)
{
    fixtures();
    test_shell(
        "openssl pkcs12 -export -nokeys -in leaf.pem -passout pass:x -out nokey.p12\n"
        "openssl pkcs12 -export -nocerts -inkey leaf.key -passout pass:x -out nocert.p12\n"
        "openssl pkcs12 -export -inkey leaf.key -in leaf.pem -passout pass:x -out whole.p12\n"
        "head -c 900 whole.p12 >short.p12; printf '0\\202garbage' >junk.p12\n"
        "openssl x509 -in leaf.pem -outform DER -out leaf.der");
    check_fails((request){"nokey.p12", "x", NULL, NULL}, "no_key", "no private key");
    check_loads((request){"nocert.p12", "x", NULL, NULL}, 0);
    check_loads((request){"nocert.p12", "x", NULL, "leaf.pem"}, 1);
    check_fails((request){"short.p12", "x", NULL, NULL}, "format", "damaged");
    check_fails((request){"junk.p12", "x", NULL, NULL}, "format", "damaged");
    check_fails((request){"leaf.der", NULL, NULL, NULL}, "format", "is not one");
}

/* ---- PEM ----------------------------------------------------------------------------------- */

TEST(pem_in_every_usual_form)
{
    fixtures();
    test_shell(
        "openssl rsa -in leaf.key -traditional -out pkcs1.pem\n"
        "grep -q 'BEGIN RSA PRIVATE KEY' pkcs1.pem; grep -q 'BEGIN PRIVATE KEY' leaf.key\n"
        "cat root.pem other.pem leaf.pem inter.pem leaf.pem pkcs1.pem >shuffled.pem\n"
        "sed 's/$/\\r/' shuffled.pem >crlf.pem\n"
        "{ printf '\\357\\273\\277'; cat leaf.key leaf.pem; } >bom.pem\n"
        "{ echo 'Bag Attributes'; echo ' localKeyID: 01'; cat leaf.key; echo 'subject=CN = x'; "
        "cat leaf.pem; echo 'not at the end'; } >text.pem\n"
        "openssl x509 -in leaf.pem -outform DER -out leaf.der");
    check_loads((request){"leaf.key", NULL, NULL, NULL}, 0);
    check_loads((request){"pkcs1.pem", NULL, NULL, NULL}, 0);
    check_loads((request){"shuffled.pem", NULL, NULL, NULL}, 2);
    check_loads((request){"crlf.pem", NULL, NULL, NULL}, 2);
    check_loads((request){"bom.pem", NULL, NULL, NULL}, 1);
    check_loads((request){"text.pem", NULL, NULL, NULL}, 1);
    check_loads((request){"leaf.key", NULL, NULL, "shuffled.pem"}, 2);
    check_loads((request){"leaf.key", NULL, NULL, "leaf.der"}, 1);
    check_loads((request){"leaf.key", "not needed", NULL, "leaf.pem"}, 1);
}

TEST(pem_encrypted)
{
    fixtures();
    test_shell(
        "openssl pkey -in leaf.key -aes256 -passout pass:hemmelig -out enc8.pem\n"
        "openssl rsa -in leaf.key -traditional -aes256 -passout pass:hemmelig -out enc1.pem\n"
        "openssl pkcs8 -topk8 -in leaf.key -v1 PBE-SHA1-RC2-40 -passout pass:hemmelig "
        "-provider legacy -provider default -out rc2.pem\n"
        "openssl rsa -in leaf.key -traditional -des -passout pass:hemmelig "
        "-provider legacy -provider default -out des.pem");
    static const char *const files[] = {"enc8.pem", "enc1.pem", "rc2.pem"};
    for (size_t i = 0; i < 3; i++) {
        check_loads((request){files[i], "hemmelig", NULL, NULL}, 0);
        check_fails((request){files[i], "feil", NULL, NULL}, "wrong_password", "wrong password");
        /* would ask on the terminal, if it could */
        check_fails((request){files[i], NULL, NULL, NULL}, "password_missing",
                    "is encrypted and no password was given");
        check_fails((request){files[i], "", NULL, NULL}, "wrong_password",
                    "wrong password (the one given is empty)");
    }
    check_fails((request){"des.pem", "hemmelig", NULL, NULL}, "unsupported_cipher", "aes256");
}

TEST(pem_that_is_something_else)
{
    fixtures();
    test_shell("openssl pkey -in leaf.key -pubout -out pub.pem; : >nothing.pem\n"
               "head -c 700 leaf.key >cut.pem; sed '5s/^./!/' leaf.key >bad.pem\n"
               "cat leaf.key other.key >twokeys.pem; echo hei >hello.txt\n"
               "{ echo '-----BEGIN OPENSSH PRIVATE KEY-----'; echo AAAA; "
               "echo '-----END OPENSSH PRIVATE KEY-----'; } >ssh.pem\n"
               "{ echo '-----BEGIN CERTIFICATE-----'; echo AAAA; "
               "echo '-----END CERTIFICATE-----'; cat leaf.key; } >badcert.pem\n"
               "iconv -t UTF-16 leaf.key >utf16.pem");
    check_fails((request){"pub.pem", NULL, NULL, NULL}, "no_key", "only PUBLIC KEY");
    check_fails((request){"leaf.pem", NULL, NULL, NULL}, "no_key", "only certificates");
    check_fails((request){"nothing.pem", NULL, NULL, NULL}, "file", "empty");
    check_fails((request){"cut.pem", NULL, NULL, NULL}, "format", "damaged");
    check_fails((request){"bad.pem", NULL, NULL, NULL}, "format", "damaged");
    check_fails((request){"twokeys.pem", NULL, NULL, NULL}, "alias", "several private keys");
    check_fails((request){"hello.txt", NULL, NULL, NULL}, "format", "neither PKCS#12 nor PEM");
    check_fails((request){"ssh.pem", NULL, NULL, NULL}, "format", "ssh-keygen");
    check_fails((request){"badcert.pem", NULL, NULL, NULL}, "format",
                "certificate in it is damaged");
    check_fails((request){"utf16.pem", NULL, NULL, NULL}, "format", "UTF-16");
    check_fails((request){"leaf.key", NULL, "x", NULL}, "alias", "leave alias out");
}

TEST(certificate_file_that_does_not_fit)
{
    fixtures();
    check_fails((request){"leaf.key", NULL, NULL, "other.pem"}, "key_mismatch",
                "does not belong to the certificate");
    check_fails((request){"leaf.key", NULL, NULL, "rest.pem"}, "key_mismatch",
                "does not belong to any");
    fiks_key *key = NULL;
    fiks_error err = {0};
    CHECK_EQ_INT(load((request){"leaf.key", NULL, NULL, "leaf.key"}, &key, &err), FIKS_CREDENTIALS);
    CHECK_HAS(err.message, "holds no certificate");
}

/* ---- kinds and files ----------------------------------------------------------------------- */

TEST(only_rsa_and_not_too_weak)
{
    fixtures();
    test_shell("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.key\n"
               "openssl genpkey -algorithm ED25519 -out ed.key\n"
               "openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.key\n"
               "openssl genrsa -out weak.key 1024\n"
               "openssl pkcs12 -export -nocerts -inkey ec.key -passout pass:x -out ec.p12");
    check_fails((request){"ec.key", NULL, NULL, NULL}, "unsupported_key", "RSA keys only");
    check_fails((request){"ec.p12", "x", NULL, NULL}, "unsupported_key", "RSA keys only");
    check_fails((request){"ed.key", NULL, NULL, NULL}, "unsupported_key", "ED25519");
    check_fails((request){"pss.key", NULL, NULL, NULL}, "unsupported_key", "RSA-PSS");
    check_fails((request){"weak.key", NULL, NULL, NULL}, "weak_key", "1024 bits");
    fiks_key_options options = FIKS_OPTIONS(fiks_key_options);
    fiks_key *key = NULL;
    options.file = test_temp_path("weak.key");
    options.allow_weak = true;
    CHECK(fiks_key_new(&options, &key, NULL) == FIKS_OK && fiks_key_bits(key) == 1024);
    fiks_key_free(key);
}

TEST(java_key_stores_are_recognised)
{
    test_write_file(test_temp_path("store.p12"), "\xFE\xED\xFE\xED\0\0\0\2", 8);
    test_write_file(test_temp_path("store2.p12"), "\xCE\xCE\xCE\xCE\0\0\0\2", 8);
    check_fails((request){"store.p12", "x", NULL, NULL}, "jks", "keytool -importkeystore");
    check_fails((request){"store2.p12", "x", NULL, NULL}, "jks", "JCEKS");
}

TEST(files_that_cannot_be_read)
{
    CHECK(mkfifo(test_temp_path("fifo"), 0600) == 0);
    char *large = calloc(1, 1024 * 1024 + 1);
    test_write_file(test_temp_path("large"), large, 1024 * 1024 + 1);
    free(large);
    check_fails((request){"/", NULL, NULL, NULL}, "file", "directory");
    check_fails((request){"fifo", NULL, NULL, NULL}, "file", "not a regular file");
    check_fails((request){"/dev/zero", NULL, NULL, NULL}, "file", "not a regular file");
    check_fails((request){"large", NULL, NULL, NULL}, "file", "larger than 1 MB");
    check_fails((request){"absent", NULL, NULL, NULL}, "file", "No such file");
}

TEST(from_memory_with_a_name)
{
    fixtures();
    size_t len = 0;
    fiks_key *key = NULL;
    fiks_error err = {0};
    fiks_key_options options = FIKS_OPTIONS(fiks_key_options);
    options.data = test_read_file(test_temp_path("leaf.key"), &len);
    options.data_bytes = len;
    options.name = "n\xc3\xb8kkelen";
    CHECK_OK(fiks_key_new(&options, &key, &err), err);
    CHECK_STR(fiks_key_name(key), "n\xc3\xb8kkelen");
    CHECK(fiks_key_ref(key) == key);
    fiks_key_free(key);
    fiks_key_free(key);
    options.data_bytes = 100;
    CHECK_EQ_INT(fiks_key_new(&options, &key, &err), FIKS_CREDENTIALS);
    CHECK_HAS(err.message, "n\xc3\xb8kkelen");
    fiks_error_clear(&err);
    options.file = "x";
    CHECK_EQ_INT(fiks_key_new(&options, &key, &err), FIKS_CREDENTIALS);
    CHECK_HAS(err.message, "not both");
    free((void *)(uintptr_t)options.data);
    fiks_key_free(NULL);
    CHECK(fiks_key_ref(NULL) == NULL);
}

/* ---- validity ------------------------------------------------------------------------------ */

TEST(validity_is_asked_apart_from_loading)
{
    fixtures();
    fiks_key *key = NULL;
    fiks_error err = {0};
    CHECK_OK(load((request){"leaf.key", NULL, NULL, "leaf.pem"}, &key, &err), err);
    size_t len;
    const uint8_t *der = fiks_key_certificate(key, 0, &len);
    fiks_certificate *certificate = NULL;
    CHECK_OK(fiks_certificate_new(der, len, "it", &certificate, &err), err);
    int64_t from = fiks_certificate_get_info(certificate)->not_before_s * 1000;
    int64_t to = fiks_certificate_get_info(certificate)->not_after_s * 1000;
    fiks_certificate_free(certificate);
    CHECK_OK(fiks_key_check_validity(key, from, &err), err);
    CHECK_OK(fiks_key_check_validity(key, to, &err), err);
    CHECK_EQ_INT(fiks_key_check_validity(key, to + 1000, &err), FIKS_CREDENTIALS);
    CHECK_STR(err.code, "expired");
    CHECK_HAS(err.message, "CN=Virksomhet");
    CHECK_HAS(err.message, "valid 20");
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_key_check_validity(key, from - 1000, &err), FIKS_CREDENTIALS);
    CHECK_STR(err.code, "not_yet_valid");
    fiks_key_free(key);
}

/* ---- unwrapping ---------------------------------------------------------------------------- */

static size_t wrap_for(const char *pem, bool oaep, const uint8_t *cek, size_t cek_len, uint8_t *out)
{
    X509 *x509 = read_x509(pem);
    EVP_PKEY *pkey = X509_get_pubkey(x509);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    size_t len = FIKS_SIGNATURE_MAX;
    CHECK(EVP_PKEY_encrypt_init(ctx) == 1);
    CHECK(EVP_PKEY_CTX_set_rsa_padding(ctx, oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING) ==
          1);
    if (oaep)
        CHECK(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha1()) == 1 &&
              EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_strdup("hei"), 3) == 1);
    CHECK(EVP_PKEY_encrypt(ctx, out, &len, cek, cek_len) == 1);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    X509_free(x509);
    return len;
}

TEST(unwraps_with_oaep)
{
    fixtures();
    fiks_key *key = NULL, *wrong = NULL;
    fiks_error err = {0};
    uint8_t cek[32] = "0123456789abcdef0123456789abcde", wrapped[FIKS_SIGNATURE_MAX], got[32];
    fiks_wrap how = {true, NID_sha256, NID_sha1, (const uint8_t *)"hei", 3};
    size_t len = wrap_for("leaf.pem", true, cek, 32, wrapped);
    CHECK_OK(load((request){"leaf.key", NULL, NULL, NULL}, &key, &err), err);
    CHECK_OK(load((request){"other.key", NULL, NULL, NULL}, &wrong, &err), err);
    CHECK_OK(fiks_key_unwrap(key, &how, wrapped, len, got, 32, &err), err);
    CHECK_MEM(got, 32, cek, 32);
    CHECK_EQ_INT(fiks_key_unwrap(wrong, &how, wrapped, len, got, 32, &err), FIKS_CRYPTO);
    CHECK_STR(err.code, "no_key");
    fiks_error_clear(&err);
    how.label_len = 2;
    CHECK_EQ_INT(fiks_key_unwrap(key, &how, wrapped, len, got, 32, &err), FIKS_CRYPTO);
    fiks_error_clear(&err);
    how.label_len = 3;
    CHECK_EQ_INT(fiks_key_unwrap(key, &how, wrapped, len, got, 16, &err), FIKS_CRYPTO);
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_key_unwrap(key, &how, wrapped, len - 1, got, 32, &err), FIKS_CRYPTO);
    fiks_error_clear(&err);
    how.md_nid = NID_undef;
    CHECK_EQ_INT(fiks_key_unwrap(key, &how, wrapped, len, got, 32, &err), FIKS_CRYPTO);
    CHECK_STR(err.code, "algorithm");
    fiks_key_free(key);
    fiks_key_free(wrong);
    CHECK_EQ_INT(ERR_peek_error(), 0);
}

TEST(unwraps_with_pkcs1_and_never_says_that_it_failed)
{
    fixtures();
    fiks_key *key = NULL, *wrong = NULL;
    fiks_error err = {0};
    uint8_t cek[32] = "0123456789abcdef0123456789abcde", wrapped[FIKS_SIGNATURE_MAX];
    uint8_t got[32], again[32];
    fiks_wrap how = {.oaep = false};
    size_t len = wrap_for("leaf.pem", false, cek, 32, wrapped);
    CHECK_OK(load((request){"leaf.key", NULL, NULL, NULL}, &key, &err), err);
    CHECK_OK(load((request){"other.key", NULL, NULL, NULL}, &wrong, &err), err);
    CHECK_OK(fiks_key_unwrap(key, &how, wrapped, len, got, 32, &err), err);
    CHECK_MEM(got, 32, cek, 32);
    CHECK_OK(fiks_key_unwrap(wrong, &how, wrapped, len, got, 32, &err), err);
    CHECK_OK(fiks_key_unwrap(wrong, &how, wrapped, len, again, 32, &err), err);
    CHECK(memcmp(got, cek, 32) != 0 && memcmp(got, again, 32) != 0);
    CHECK_OK(fiks_key_unwrap(key, &how, wrapped, len, got, 16, &err), err);
    CHECK(memcmp(got, cek, 16) != 0);
    fiks_key_free(key);
    fiks_key_free(wrong);
}

int main(void)
{
    return run_tests("test_key");
}
