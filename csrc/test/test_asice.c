/* Containers are read back by programs that are not ours: unzip and openssl. */
#include "harness.h"

#include "fiks.h" /* and nothing else of ours: what a C program has */

static fiks_key *key_with_certificate(void)
{
    char command[2048];
    snprintf(command, sizeof command,
             "cd %s && openssl req -quiet -x509 -newkey rsa:2048 -nodes -days 30 -subj "
             "'/O=Storevik kommune/serialNumber=310000019' -keyout k.pem -out c.pem 2>/dev/null || "
             "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "
             "'/O=Storevik kommune/serialNumber=310000019' -keyout k.pem -out c.pem 2>/dev/null; "
             "cat k.pem c.pem > both.pem",
             test_temp_dir(), test_temp_dir());
    CHECK_EQ_INT(system(command), 0);
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    o.file = test_temp_path("both.pem");
    fiks_key *key;
    fiks_error err = {0};
    CHECK_OK(fiks_key_new(&o, &key, &err), err);
    return key;
}

static const fiks_asice_file files[] = {{"brev æøå & <1>.pdf", "%PDF-1.4\n", 9},
                                        {"vedlegg/tom.txt", "", 0}};

static void shell(const char *command)
{
    char whole[2048];
    snprintf(whole, sizeof whole, "cd %s && { %s; } >out.txt 2>&1", test_temp_dir(), command);
    if (system(whole) != 0) {
        char *out = test_read_file(test_temp_path("out.txt"), NULL);
        TEST_FAIL("%s: %s", command, out ? out : "");
    }
}

TEST(others_can_read_and_verify_it)
{
    fiks_key *key = key_with_certificate();
    void *bytes;
    size_t len;
    fiks_error err = {0};
    CHECK_OK(fiks_asice_build(files, 2, key, &bytes, &len, &err), err);
    test_write_file(test_temp_path("x.asice"), bytes, len);
    CHECK_MEM((char *)bytes + 30, 8 + 31, "mimetypeapplication/vnd.etsi.asic-e+zip", 39);
    fiks_bytes_free(bytes, len);
    fiks_key_free(key);
    shell("unzip -tq x.asice");
    shell("rm -rf u && mkdir u && cd u && LC_ALL=C.UTF-8 unzip -q ../x.asice");
    shell("grep -q PDF-1.4 u/brev*.pdf");
    shell("test ! -s u/vedlegg/tom.txt");
    shell("openssl cms -verify -binary -inform DER -in u/META-INF/signature-*.p7s -CAfile c.pem "
          "-purpose any -content u/META-INF/ASiCManifest.xml -out /dev/null");
    shell("openssl dgst -sha256 -binary u/brev*.pdf | openssl base64 > d && "
          "grep -qF \"$(cat d)\" u/META-INF/ASiCManifest.xml");
    shell("grep -q 'URI=\"brev æøå &amp; &lt;1&gt;.pdf\" MimeType=\"application/pdf\" "
          "Rootfile=\"true\"' u/META-INF/ASiCManifest.xml");
    shell("printf x >> u/META-INF/ASiCManifest.xml; ! openssl cms -verify -binary -inform DER -in "
          "u/META-INF/signature-*.p7s -CAfile c.pem -purpose any -content "
          "u/META-INF/ASiCManifest.xml -out /dev/null");
}

TEST(encrypted_for_a_receiver_who_reads_it)
{
    fiks_key *key = key_with_certificate();
    const char *certificate = test_read_file(test_temp_path("c.pem"), NULL);
    void *container, *sealed;
    size_t container_len, len;
    fiks_error err = {0};
    CHECK_OK(fiks_asice_build(files, 2, key, &container, &container_len, &err), err);
    CHECK_OK(fiks_cms_encrypt(container, container_len, &certificate, 1, &sealed, &len, &err), err);
    test_write_file(test_temp_path("x.cms"), sealed, len);
    fiks_bytes_free(container, container_len);
    fiks_bytes_free(sealed, len);
    free((char *)certificate);
    fiks_key_free(key);
    shell("openssl cms -decrypt -binary -inform DER -in x.cms -inkey k.pem -out back.asice");
    shell("rm -rf v && mkdir v && cd v && LC_ALL=C.UTF-8 unzip -q ../back.asice");
    shell("grep -q PDF-1.4 v/brev*.pdf");
}

TEST(names_a_receiver_would_refuse)
{
    static const char *const bad[] = {NULL,       "",           "../a",       "/a", "a\\b",
                                      "mimetype", "META-INF/x", "meta-inf/x", "a/", "\xe6.pdf"};
    fiks_key *key = key_with_certificate();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fiks_asice_file file = {bad[i], "x", 1};
        void *bytes;
        size_t len;
        fiks_error err = {0};
        if (fiks_asice_build(&file, 1, key, &bytes, &len, &err) != FIKS_INVALID)
            TEST_FAIL("took \"%s\"", bad[i] ? bad[i] : "(NULL)");
        CHECK(bytes == NULL);
    }
    fiks_asice_file twice[] = {{"a.pdf", "x", 1}, {"A.PDF", "x", 1}};
    void *bytes;
    size_t len;
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_asice_build(twice, 2, key, &bytes, &len, &err), FIKS_INVALID);
    CHECK_EQ_INT(fiks_asice_build(twice, 0, key, &bytes, &len, NULL), FIKS_INVALID);
    fiks_key_free(key);
}

TEST(a_key_without_certificate_cannot_sign)
{
    fiks_key_free(key_with_certificate());
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    o.file = test_temp_path("k.pem");
    fiks_key *key;
    fiks_error err = {0};
    CHECK_OK(fiks_key_new(&o, &key, &err), err);
    void *bytes;
    size_t len;
    CHECK_EQ_INT(fiks_asice_build(files, 2, key, &bytes, &len, &err), FIKS_CREDENTIALS);
    fiks_key_free(key);
}

int main(void)
{
    return run_tests("test_asice");
}
