#include "keys.h"

static fiks_certificate *certificate(const char *name)
{
    size_t len = 0;
    fiks_certificate *c = NULL;
    fiks_error err = {0};
    char *text = test_read_file(test_temp_path(name), &len);
    fiks_status st = fiks_certificate_new(text, len, name, &c, &err);
    free(text);
    CHECK_OK(st, err);
    return c;
}

TEST(says_what_a_certificate_holds)
{
    fixtures();
    fiks_certificate *c = certificate("leaf.pem");
    const fiks_certificate_info *info = fiks_certificate_get_info(c);
    CHECK_STR(info->subject, "CN=Virksomhet,serialNumber=910753614,O=Bl\xc3\xa5"
                             "b\xc3\xa6r kommune,C=NO");
    CHECK_STR(info->issuer, "CN=Mellom");
    CHECK_STR(info->organisasjonsnummer, "910753614");
    CHECK_EQ_INT(info->not_after_s - info->not_before_s, 300 * 86400);
    CHECK(strlen(info->serial) >= 8);
    fiks_buf pem = {0};
    fiks_error err = {0};
    CHECK_OK(fiks_certificate_pem(c, &pem, &err), err);
    char *file = test_read_file(test_temp_path("leaf.pem"), NULL);
    CHECK_STR(pem.data, file);
    free(file);
    fiks_buf_free(&pem);
    fiks_certificate_free(c);
}

TEST(finds_the_organisation_number)
{
    static const struct {
        const char *subject, *number;
    } rows[] = {
        {"/O=Storevik kommune - 910753614", "910753614"},
        {"/O=Storevik 1234910753614", ""},
        {"/O=Storevik", ""},
        {"/organizationIdentifier=NTRNO-910753614/O=X - 999999999", "910753614"},
        {"/organizationIdentifier=PSDNO-FSA-910753614", "910753614"},
        {"/serialNumber=910753614/O=Storevik", "910753614"},
        {"/serialNumber=UN:NO-9578-4050-1/O=Storevik-910753614", "910753614"},
    };
    fixtures();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_shell("openssl req -x509 -key leaf.key -subj '%s' -out orgnr.pem", rows[i].subject);
        fiks_certificate *c = certificate("orgnr.pem");
        CHECK_STR(fiks_certificate_get_info(c)->organisasjonsnummer, rows[i].number);
        fiks_certificate_free(c);
    }
}

static fiks_status verify_chain(const char *const *chain, const char *anchor, int64_t offset_s,
                                fiks_error *err)
{
    fiks_certificate *list[4];
    size_t count = 0;
    for (; chain[count]; count++)
        list[count] = certificate(chain[count]);
    fiks_certificate *root = certificate(anchor);
    int64_t at = fiks_certificate_get_info(list[0])->not_before_s + offset_s;
    fiks_status st = fiks_certificate_verify_chain(list, count, &root, 1, at, err);
    for (size_t i = 0; i < count; i++)
        fiks_certificate_free(list[i]);
    fiks_certificate_free(root);
    CHECK_EQ_INT(ERR_peek_error(), 0);
    return st;
}

TEST(verifies_chains)
{
    fixtures();
    static const char *const whole[] = {"leaf.pem", "inter.pem", NULL};
    static const char *const leaf[] = {"leaf.pem", NULL};
    static const char *const not_ca[] = {"leaf.pem", "other.pem", NULL};
    fiks_error err = {0};
    CHECK_OK(verify_chain(whole, "root.pem", 60, &err), err);
    CHECK_OK(verify_chain(leaf, "inter.pem", 60, &err), err);
    CHECK_EQ_INT(verify_chain(leaf, "root.pem", 60, &err), FIKS_CREDENTIALS);
    CHECK_STR(err.code, "untrusted");
    fiks_error_clear(&err);
    CHECK_EQ_INT(verify_chain(not_ca, "root.pem", 60, &err), FIKS_CREDENTIALS);
    CHECK_STR(err.code, "untrusted");
    fiks_error_clear(&err);
    CHECK_EQ_INT(verify_chain(whole, "other.pem", 60, &err), FIKS_CREDENTIALS);
    CHECK_STR(err.code, "untrusted");
    fiks_error_clear(&err);
    CHECK_EQ_INT(verify_chain(whole, "root.pem", 301 * 86400, &err), FIKS_CREDENTIALS);
    CHECK_STR(err.code, "expired");
    CHECK_HAS(err.message, "Virksomhet");
    fiks_error_clear(&err);
    CHECK_EQ_INT(verify_chain(whole, "root.pem", -7 * 86400, &err), FIKS_CREDENTIALS);
    CHECK_STR(err.code, "not_yet_valid");
    CHECK_EQ_INT(fiks_certificate_verify_chain(NULL, 0, NULL, 0, 0, NULL), FIKS_CREDENTIALS);
}

TEST(verifies_signatures_of_others)
{
    fixtures();
    test_shell("printf 'hei' >data; openssl dgst -sha384 -sign leaf.key -out data.sig data");
    size_t len = 0;
    char *sig = test_read_file(test_temp_path("data.sig"), &len);
    fiks_certificate *c = certificate("leaf.pem");
    fiks_public_key *key = NULL;
    fiks_error err = {0};
    bool good = false;
    CHECK_OK(fiks_public_key_of(c, &key, &err), err);
    CHECK_OK(fiks_public_key_verify(key, FIKS_RS384, "hei", 3, sig, len, &good, &err), err);
    CHECK(good);
    CHECK_OK(fiks_public_key_verify(key, FIKS_RS256, "hei", 3, sig, len, &good, &err), err);
    CHECK(!good);
    CHECK_OK(fiks_public_key_verify(key, FIKS_RS384, "hei!", 4, sig, len, &good, &err), err);
    CHECK(!good);
    CHECK_OK(fiks_public_key_verify(key, FIKS_RS384, "hei", 3, "", 0, &good, &err), err);
    CHECK(!good);
    fiks_public_key_free(key);
    fiks_certificate_free(c);
    free(sig);
    CHECK_EQ_INT(fiks_public_key_from_jwk("!", "AQAB", &key, &err), FIKS_CREDENTIALS);
    CHECK(key == NULL);
    CHECK_EQ_INT(ERR_peek_error(), 0);
}

int main(void)
{
    return run_tests("test_certificate");
}
