/*
 * Keys that never leave their token (PKCS#11), named by a URI (RFC 7512). OpenSSL 3 in Debian 12
 * has the engine "pkcs11" of libp11 but no provider, so this is the one file that uses the engine
 * API, which OpenSSL calls deprecated.
 *
 * libp11 binds once per process and knows one module: so the engine is shared with the host program
 * (which may have it already), never unloaded, and another module-path is refused. Without one it
 * asks p11-kit, which knows all modules of the system.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ui.h>

#include "error.h"
#include "key_load.h"

bool fiks_key_is_pkcs11(const char *uri)
{
    return strncmp(uri, "pkcs11:", 7) == 0;
}

/* ---- the URI ------------------------------------------------------------------------------- */

typedef struct parsed {
    fiks_buf object; /* "pkcs11:" and what names the object, without type and without a PIN */
    fiks_buf pin;
    bool pin_given;
    fiks_buf module;
} parsed;

static void clear(parsed *p)
{
    fiks_buf_free(&p->object);
    fiks_buf_free(&p->pin);
    fiks_buf_free(&p->module);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* False: a '%' that is not followed by two hex digits, or a NUL. */
static bool unescape(const char *text, size_t len, fiks_buf *out)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0 || !(high * 16 + low))
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        fiks_buf_add(out, &c, 1);
    }
    return fiks_buf_add(out, "", 0);
}

static bool is_named(const char *attribute, size_t len, const char *name)
{
    size_t n = strlen(name);
    return len > n && memcmp(attribute, name, n) == 0 && attribute[n] == '=';
}

/* One attribute. The engine looks for keys and certificates by the same name, so `type` goes; and
 * it prints what it does not find, so no PIN must stay. */
static fiks_status take(parsed *p, const char *text, size_t len, bool query, const char *name,
                        fiks_error *err)
{
    bool good = true;
    if (is_named(text, len, "pin-value")) {
        p->pin_given = true;
        good = unescape(text + 10, len - 10, &p->pin);
    } else if (query && is_named(text, len, "module-path")) {
        good = unescape(text + 12, len - 12, &p->module);
    } else if (is_named(text, len, "pin-source")) {
        return fiks_fail(err, FIKS_CREDENTIALS, "uri",
                         "%s: pin-source is not supported: give the PIN as password", name);
    } else if (!query && len && !is_named(text, len, "type")) {
        fiks_buf_adds(&p->object, p->object.len > 7 ? ";" : "");
        fiks_buf_add(&p->object, text, len);
    }
    if (!good)
        return fiks_fail(err, FIKS_CREDENTIALS, "uri",
                         "%s: a '%%' in the URI is not followed by "
                         "two hex digits",
                         name);
    return FIKS_OK;
}

static fiks_status parse(const char *uri, const char *name, parsed *p, fiks_error *err)
{
    const char *at = uri + 7;
    bool query = false;
    fiks_status st = FIKS_OK;
    fiks_buf_adds(&p->object, "pkcs11:");
    while (!st) {
        size_t len = strcspn(at, query ? "&" : ";?");
        st = take(p, at, len, query, name, err);
        at += len;
        if (!*at)
            break;
        query = query || *at == '?';
        at++;
    }
    if (!st && (p->object.failed || p->pin.failed || p->module.failed))
        st = fiks_fail_memory(err);
    if (!st && p->object.len == 7)
        st = fiks_fail(err, FIKS_CREDENTIALS, "uri",
                       "the PKCS#11 URI names nothing: give token and object, such as "
                       "pkcs11:token=fiks;object=virksomhet");
    return st;
}

void fiks_key_pkcs11_name(const char *uri, char *to, size_t to_bytes)
{
    parsed p = {0};
    fiks_error_text(to, to_bytes, parse(uri, "", &p, NULL) ? "pkcs11:" : p.object.data);
    clear(&p);
}

#ifdef OPENSSL_NO_ENGINE

fiks_status fiks_key_load_pkcs11(const fiks_key_source *source, fiks_key_parts *parts,
                                 fiks_error *err)
{
    (void)parts;
    return fiks_fail(err, FIKS_CREDENTIALS, "engine",
                     "%s: this OpenSSL was built without engines, so PKCS#11 keys cannot be used",
                     source->name);
}

#else

/* ---- the engine ---------------------------------------------------------------------------- */

static ENGINE *engine;      /* for as long as the process lives */
static char *engine_module; /* "" = the system's */
static bool pin_was_set;
static CRYPTO_RWLOCK *lock; /* of these, and of the engine while it has a PIN */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void make_lock(void)
{
    lock = CRYPTO_THREAD_lock_new();
}

static fiks_status start_engine(const char *module, const char *name, fiks_error *err)
{
    if (module[0] && access(module, R_OK) != 0) /* libp11 would say so on stderr */
        return fiks_fail(err, FIKS_CREDENTIALS, "file", "%s: cannot read the PKCS#11 module %s",
                         name, module);
    OPENSSL_init_crypto(OPENSSL_INIT_ENGINE_DYNAMIC, NULL);
    ENGINE *found = ENGINE_by_id("pkcs11");
    if (!found)
        return fiks_fail(err, FIKS_CREDENTIALS, "engine",
                         "%s: OpenSSL's engine \"pkcs11\" is not installed: on Debian it is in the "
                         "package libengine-pkcs11-openssl",
                         name);
    /* libcurl and SoftHSM make every engine a default one that they find. Then keys from files
     * would go through this one, too, and OpenSSL could neither encrypt CMS nor make keys of
     * numbers. */
    ENGINE_set_flags(found, ENGINE_get_flags(found) | ENGINE_FLAGS_NO_REGISTER_ALL);
    char *copy = fiks_strdup(module);
    bool ok = copy && (!module[0] || ENGINE_ctrl_cmd_string(found, "MODULE_PATH", module, 0)) &&
              ENGINE_ctrl_cmd_string(found, "QUIET", NULL, 0) && ENGINE_init(found);
    ENGINE_free(found); /* ENGINE_init took a reference of its own */
    if (!ok) {
        free(copy);
        return fiks_fail(err, FIKS_CREDENTIALS, "engine",
                         "%s: the engine \"pkcs11\" does not start", name);
    }
    engine = found;
    engine_module = copy;
    return FIKS_OK;
}

static fiks_status need_engine(const char *module, const char *name, fiks_error *err)
{
    if (!engine)
        return start_engine(module, name, err);
    if (strcmp(module, engine_module) == 0)
        return FIKS_OK;
    return fiks_fail(
        err, FIKS_CREDENTIALS, "engine",
        "%s: this process uses the PKCS#11 module %s already, and there can be but one: "
        "leave module-path out and let p11-kit find them all",
        name, engine_module[0] ? engine_module : "of the system (p11-kit)");
}

/* ---- what it gives ------------------------------------------------------------------------- */

/* Numbers of PKCS#11 2.40, 4.1.1, which libp11 uses as reasons in OpenSSL's queue. */
enum {
    CKR_PIN_INCORRECT = 0xA0,
    CKR_PIN_INVALID = 0xA1,
    CKR_PIN_LEN_RANGE = 0xA2,
    CKR_PIN_EXPIRED = 0xA3,
    CKR_PIN_LOCKED = 0xA4
};

/* The first reason in the queue that is about a PIN; 0 = none. */
static int pin_problem(void)
{
    unsigned long code;
    int found = 0;
    while ((code = ERR_get_error()) != 0) {
        int reason = ERR_GET_REASON(code);
        if (!found && ERR_GET_LIB(code) >= ERR_LIB_USER && reason >= CKR_PIN_INCORRECT &&
            reason <= CKR_PIN_LOCKED)
            found = reason;
    }
    return found;
}

/* Without one of ours the engine would ask for a PIN on the terminal. */
static int refuse_to_ask(UI *ui, UI_STRING *string)
{
    (void)string;
    *(bool *)UI_get0_user_data(ui) = true;
    return -1;
}

static fiks_status no_key_error(const char *name, bool asked, fiks_error *err)
{
    int problem = pin_problem();
    if (problem == CKR_PIN_LOCKED)
        return fiks_fail(
            err, FIKS_CREDENTIALS, "pin_locked",
            "%s: the token has locked its PIN after wrong ones: unlock it with its own "
            "tool",
            name);
    if (problem)
        return fiks_fail(err, FIKS_CREDENTIALS, "wrong_password",
                         "%s: wrong PIN%s: check it before the next try, tokens lock themselves",
                         name, problem == CKR_PIN_EXPIRED ? " (it has expired)" : "");
    if (asked)
        return fiks_fail(err, FIKS_CREDENTIALS, "password_missing",
                         "%s: the token wants a PIN: give it as password", name);
    return fiks_fail(err, FIKS_CREDENTIALS, "no_key",
                     "%s: no token has a private key of this name (pkcs11-tool -O lists what there "
                     "is)",
                     name);
}

static EVP_PKEY *load_key(const parsed *p, bool *asked)
{
    UI_METHOD *silent = UI_create_method("fiks");
    EVP_PKEY *pkey = NULL;
    *asked = false;
    if (silent && UI_method_set_reader(silent, refuse_to_ask) == 0)
        pkey = ENGINE_load_private_key(engine, p->object.data, silent, asked);
    UI_destroy_method(silent);
    return pkey;
}

/* libp11's LOAD_CERT_CTRL takes this. */
typedef struct wanted_certificate {
    const char *uri;
    X509 *x509;
} wanted_certificate;

/* Many tokens hold none: then certificate_file has it, or kid stands in. */
static fiks_status load_certificate(const parsed *p, fiks_key_parts *parts, fiks_error *err)
{
    wanted_certificate wanted = {.uri = p->object.data};
    if (!ENGINE_ctrl_cmd(engine, "LOAD_CERT_CTRL", 0, &wanted, NULL, 1) || !wanted.x509)
        return FIKS_OK;
    if (sk_X509_push(parts->certificates, wanted.x509))
        return FIKS_OK;
    X509_free(wanted.x509);
    return fiks_fail_memory(err);
}

static fiks_status load_objects(const parsed *p, const char *pin, const char *name,
                                fiks_key_parts *parts, fiks_error *err)
{
    bool asked = false;
    ERR_clear_error();
    if (!pin && pin_was_set) /* libp11 would try with an empty one, and the token counts */
        return fiks_fail(err, FIKS_CREDENTIALS, "password_missing",
                         "%s: no PIN was given: give it as password, for every key", name);
    if (pin && !ENGINE_ctrl_cmd_string(engine, "PIN", pin, 0))
        return fiks_fail(err, FIKS_CREDENTIALS, "engine", "%s: the engine does not take a PIN",
                         name);
    pin_was_set = pin_was_set || pin;
    parts->pkey = load_key(p, &asked);
    fiks_status st = parts->pkey ? load_certificate(p, parts, err) : no_key_error(name, asked, err);
    if (pin) /* the next key may be on another token, whose PIN this is not */
        ENGINE_ctrl_cmd_string(engine, "PIN", "", 0);
    return st;
}

fiks_status fiks_key_load_pkcs11(const fiks_key_source *source, fiks_key_parts *parts,
                                 fiks_error *err)
{
    parsed p = {0};
    fiks_status st = parse(source->data, source->name, &p, err);
    const char *pin = p.pin_given ? p.pin.data : source->password;
    if (!st && (!CRYPTO_THREAD_run_once(&once, make_lock) || !lock))
        st = fiks_fail_memory(err);
    if (!st) {
        CRYPTO_THREAD_write_lock(lock);
        st = need_engine(p.module.data ? p.module.data : "", source->name, err);
        if (!st)
            st = load_objects(&p, pin, source->name, parts, err);
        CRYPTO_THREAD_unlock(lock);
    }
    clear(&p);
    return st;
}

#endif
