/* A token of SoftHSM for one test program, in its temporary folder. */
#ifndef FIKS_TEST_SOFTHSM_H
#define FIKS_TEST_SOFTHSM_H

#include "keys.h"

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"
#define IN_SOFTHSM "?module-path=" SOFTHSM

/* Makes the token `fiks`, empty; later programs that are started find it, too. */
static void softhsm_make_token(const char *pin)
{
    char conf[1024];
    mkdir(test_temp_path("tokens"), 0700);
    int n = snprintf(conf, sizeof conf, "directories.tokendir = %s\nlog.level = ERROR\n",
                     test_temp_path("tokens"));
    test_write_file(test_temp_path("softhsm2.conf"), conf, (size_t)n);
    setenv("SOFTHSM2_CONF", test_temp_path("softhsm2.conf"), 1);
    test_shell("softhsm2-util --init-token --free --label fiks --pin %s --so-pin 0000-so", pin);
}

#endif
