-- Rows 1 to 19 of the edge cases of authentication: keys, certificates and their passwords.
-- docs/errors.md ("Authentication, row by row") says what a user sees of each.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"
local proof = require "spec.support.proof"

local SECRET = "hemmelig-p12"

describe("credentials,", function()
  local here, made

  local MATERIAL = [[
    p12() { out=$1; shift; openssl pkcs12 -export -passout pass:]] .. SECRET .. [[ -out $out "$@"; }
    p12 new.p12 -inkey kommune.key -in kommune.pem -name 'Et Alias'
    p12 old.p12 -inkey kommune.key -in kommune.pem -legacy -descert
    p12 nokey.p12 -nokeys -in kommune.pem
    p12 nocert.p12 -nocerts -inkey kommune.key
    printf '\376\355\376\355\0\0\0\2' >store.p12
    openssl rsa -in kommune.key -traditional -out pkcs1.key
    openssl pkcs8 -topk8 -in kommune.key -passout pass:]] .. SECRET .. [[ -out encrypted.key
    openssl rsa -in kommune.key -aes256 -traditional -passout pass:]] .. SECRET .. [[ -out old.key
    openssl pkey -in kommune.key -pubout -out public.key
    self_signed root /CN=Rot -addext basicConstraints=critical,CA:TRUE
    openssl req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj '/CN=Blad'
    openssl req -newkey rsa:2048 -nodes -keyout inter.key -out inter.csr -subj '/CN=Mellom'
    echo basicConstraints=critical,CA:TRUE >ca.ext
    sign() { openssl x509 -req -in $1.csr -out $1.pem -CA $2.pem -CAkey $2.key -set_serial $3 \
      -days 300 $4; }
    sign inter root 2 '-extfile ca.ext'; sign leaf inter 3
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.key
    openssl genpkey -algorithm ED25519 -out ed.key
    openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.key
    openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -out dsa.params
    openssl genpkey -paramfile dsa.params -out dsa.key
    openssl genrsa -out weak.key 1024
    openssl genrsa -out tiny.key 768
    openssl genrsa -primes 5 -out large.key 8448
    self_signed_by() { openssl req -x509 -key $1.key -subj /CN=Tid -days 300 -out $1.pem; }
    self_signed_by weak; self_signed_by large
    again() { openssl req -x509 -key kommune.key -subj /CN=Tid -out $1.pem "${@:2}"; }
    faketime -f -400d openssl req -x509 -key kommune.key -subj /CN=Tid -days 30 -out expired.pem
    faketime -f +400d openssl req -x509 -key kommune.key -subj /CN=Tid -days 30 -out future.pem
    again soon -days 20; again signs -days 300 -addext keyUsage=digitalSignature
    again encrypts -days 300 -addext keyUsage=keyEncipherment
    again repudiates -days 300 -addext keyUsage=nonRepudiation]]

  setup(function()
    here = endpoint.start()
    made = here.material
    made:sh(MATERIAL)
  end)
  teardown(function()
    here:stop()
  end)
  before_each(function()
    here:forget()
  end)

  -- What loading a key gives: fields of the error, after a look for what must not be in it.
  local function refused(options, code, ...)
    local key, err = core.key(options)
    assert.is_nil(key)
    assert.equal("credentials", err.kind)
    assert.equal(code, err.code)
    for _, part in ipairs { ... } do
      assert.truthy(err.message:lower():find(part:lower(), 1, true), err.message)
    end
    if (options.password or "") ~= "" then
      assert.is_nil(tostring(err):find(options.password, 1, true))
    end
    return err
  end

  local function loads(file, password)
    local key, err = core.key { file = made:path(file), password = password }
    return key or error(file .. ": " .. tostring(err), 2)
  end

  local function new_client(certificate, more)
    return fiks.new(here:options { certificate = certificate, maskinporten = more })
  end

  local function pair(key, pem)
    return { key = made:path(key), pem = made:path(pem) }
  end

  local function warned(client, part)
    return table.concat(client:warnings(), "\n"):lower():find(part:lower(), 1, true) ~= nil
  end

  it("row 1: the wrong password of a PKCS#12 file", function()
    refused({ file = made:path("new.p12"), password = "gjettet-feil" }, "wrong_password",
      made:path("new.p12"), "password")
    refused({ file = made:path("old.p12"), password = "gjettet-feil" }, "wrong_password")
    refused({ file = made:path("new.p12") }, "password_missing",
      "new.p12 is encrypted and no password was given")
    refused({ file = made:path("new.p12"), password = "" }, "wrong_password",
      "wrong password (the one given is empty)")
    proof.in_c("test_key: pkcs12_with_an_empty_or_without_password",
      "test_key: pkcs12_whose_password_is_none_at_all")
  end)

  it("row 2: PKCS#12 with RC2 and 3DES just works", function()
    assert.is_true(made:read("old.p12") ~= made:read("new.p12"))
    assert.equal(loads("new.p12", SECRET):thumbprint(), loads("old.p12", SECRET):thumbprint())
    proof.in_c("test_key: pkcs12_with_rc2_and_triple_des")
  end)

  it("row 3: the same without OpenSSL's legacy provider", function()
    made:sh("p12() { openssl pkcs12 -export -passout pass:" .. SECRET .. " -out $1 -inkey "
      .. "kommune.key -in kommune.pem -legacy; }; p12 rc2.p12")
    local output = made:lua([[
      local key, err = require("fiks.core").key { file = ... .. "/rc2.p12", password = "]]
      .. SECRET .. [[" }
      print(key, err and err.code, err and err.message)]], "OPENSSL_MODULES=/ingen/slik/mappe")
    assert.matches("unsupported_cipher", output)
    assert.matches("RC2", output)
    assert.matches("openssl pkcs12", output)
    proof.in_c("test_key: pkcs12_with_rc2_without_the_legacy_provider")
  end)

  it("row 4: several entries and no alias", function()
    -- openssl's command cannot write such a file; the C test builds them bag by bag.
    proof.in_c("test_key: pkcs12_with_several_entries",
      "test_key: pkcs12_with_several_that_sign_wants_an_alias")
    assert.is_truthy(loads("new.p12", SECRET)) -- the only one is taken without being named
  end)

  it("row 5: an alias that is not there", function()
    local file = made:path("new.p12")
    assert.is_truthy(core.key { file = file, password = SECRET, alias = "Et Alias" })
    for _, alias in ipairs { "et  alias", " Et Alias", "authentication" } do
      refused({ file = file, password = SECRET, alias = alias }, "alias", "Et Alias")
    end
  end)

  it("row 6: PKCS#12 without a key or without a certificate", function()
    refused({ file = made:path("nokey.p12"), password = SECRET }, "no_key")
    local certificate = { pkcs12 = made:path("nocert.p12"), password = SECRET }
    local client, err = new_client(certificate)
    assert.is_nil(client)
    assert.equal("credentials", err.kind)
    certificate.kid = "nokkel"
    assert.is_truthy(assert(new_client(certificate)):token())
    proof.in_c("test_key: pkcs12_lacking_a_part")
  end)

  it("row 7: a Java key store, whatever it is called", function()
    refused({ file = made:path("store.p12"), password = SECRET }, "jks", "keytool")
    proof.in_c("test_key: java_key_stores_are_recognised")
  end)

  it("row 8: encrypted PEM without or with the wrong password, and nobody is asked", function()
    for _, file in ipairs { "encrypted.key", "old.key" } do
      refused({ file = made:path(file) }, "password_missing",
        file .. " is encrypted and no password was given")
      refused({ file = made:path(file), password = "" }, "wrong_password",
        "wrong password (the one given is empty)")
      refused({ file = made:path(file), password = "gjettet-feil" }, "wrong_password")
      loads(file, SECRET)
    end
    -- With a terminal of its own OpenSSL would prompt there, and wait.
    local output = made:on_terminal([[
      local key, err = require("fiks.core").key { file = ... .. "/encrypted.key" }
      print(key, err.code)]])
    assert.matches("password_missing", output)
    assert.is_nil(output:lower():find("pass phrase", 1, true), output)
  end)

  it("row 9: PEM in every usual form", function()
    local key, pem = made:read("kommune.key"), made:read("kommune.pem")
    local forms = {
      pkcs8 = key, pkcs1 = made:read("pkcs1.key"), crlf = key:gsub("\n", "\r\n"),
      bom = "\239\187\191" .. key, text = "Bag Attributes\n  navn: x\n" .. key .. "\nslutt\n",
      both = key .. pem, turned = pem .. key, several = key .. pem .. made:read("root.pem"),
    }
    local thumbprint = loads("kommune.key"):thumbprint()
    for name, text in pairs(forms) do
      local loaded, err = core.key { data = text, name = name }
      assert.equal(thumbprint, loaded and loaded:thumbprint(), name .. ": " .. tostring(err))
    end
    assert.equal(1, #core.key({ data = forms.turned }):certificates())
    proof.in_c("test_key: pem_in_every_usual_form")
  end)

  it("row 10: PEM that is something else says what it is", function()
    refused({ data = "" }, "format", "empty")
    refused({ file = made:path("public.key") }, "no_key", "public key")
    refused({ file = made:path("kommune.pem") }, "no_key", "certificate")
    local key = made:read("kommune.key")
    refused({ data = key:sub(1, 400), name = "avkuttet.pem" }, "format", "avkuttet.pem")
    refused({ data = "hei" }, "format")
    proof.in_c("test_key: pem_that_is_something_else")
  end)

  it("row 11: a file that cannot be read", function()
    made:sh("mkdir -p mappe; mkfifo -m 600 ror; truncate -s 2G stor.pem")
    refused({ file = made:path("finnes-ikke.p12") }, "file", "finnes-ikke.p12")
    refused({ file = made:path("mappe") }, "file", "mappe")
    refused({ file = made:path("ror") }, "file", "ror")
    refused({ file = made:path("stor.pem") }, "file", "stor.pem")
    proof.in_c("test_key: files_that_cannot_be_read")
  end)

  it("row 12: keys that Maskinporten does not take", function()
    for _, name in ipairs { "ec.key", "ed.key", "dsa.key", "pss.key" } do
      refused({ file = made:path(name) }, "unsupported_key", "RSA")
    end
  end)

  it("row 13: RSA keys that are too small, or very large", function()
    refused({ file = made:path("weak.key") }, "weak_key", "1024", "2048")
    local weak = pair("weak.key", "weak.pem")
    assert.equal("weak_key", select(2, new_client(weak)).code)
    weak.allow_weak = true
    local client = assert(new_client(weak))
    assert.is_true(warned(client, "1024 bits"))
    client:close()
    assert.equal("certificate.allow_weak", select(2, new_client {
      pem = weak.pem, key = weak.key, allow_weak = "yes" }).code)
    refused({ file = made:path("tiny.key"), allow_weak = true }, "weak_key", "768", "1024")
    client = assert(new_client(pair("large.key", "large.pem")))
    assert.is_true(warned(client, "8448 bits"))
    assert(client:token()) -- slow, but it works
    client:close()
    -- Making a real one takes minutes; its size is looked at first.
    local huge = "asn1=SEQUENCE:rsa\n[rsa]\nv=INTEGER:0\nn=INTEGER:0xC1" .. ("11"):rep(2079)
    local sizes = { e = 2, d = 2079, p = 1040, q = 1040, x = 1039, y = 1039, z = 1039 }
    for name, bytes in pairs(sizes) do
      huge = huge .. ("\n%s=INTEGER:0x%s"):format(name, ("11"):rep(bytes))
    end
    made:write("huge.conf", huge .. "\n")
    made:sh("openssl asn1parse -genconf huge.conf -noout -out huge.der; openssl rsa -inform DER "
      .. "-in huge.der -out huge.key")
    refused({ file = made:path("huge.key") }, "unsupported_key", "16640", "16384")
  end)

  it("row 14: a key that does not belong to the certificate", function()
    refused({ file = made:path("kommune.key"), certificate_file = made:path("root.pem") },
      "key_mismatch")
    proof.in_c("test_key: certificate_file_that_does_not_fit")
  end)

  it("row 15: a certificate out of its time", function()
    for pem, code in pairs { expired = "expired", future = "not_yet_valid" } do
      local client, err = new_client(pair("kommune.key", pem .. ".pem"))
      assert.is_nil(client)
      assert.equal("credentials", err.kind)
      assert.equal(code, err.code)
      local _, dates = err.message:gsub("%d%d%d%d%-%d%d%-%d%d", "")
      assert.is_true(dates >= 2, err.message)
      local allowed = pair("kommune.key", pem .. ".pem")
      allowed.allow_expired = true
      client = assert(new_client(allowed))
      assert.is_true(#client:warnings() > 0)
      client:close()
    end
    local client = assert(new_client(pair("kommune.key", "soon.pem")))
    assert.is_true(warned(client, "expires in"))
    client:close()
    assert.equal(0, here:token_requests())
    proof.in_c("test_client: an_expired_certificate_makes_no_client",
      "test_client: a_certificate_that_expires_soon",
      "test_grant: no_grant_with_a_clock_or_certificate_out_of_time") -- at each refresh
  end)

  it("row 16: a certificate for something else than signing warns", function()
    for _, name in ipairs { "encrypts", "repudiates" } do
      local client = assert(new_client(pair("kommune.key", name .. ".pem")))
      assert.is_true(warned(client, "key usage"), name)
      assert.is_truthy(client:token())
      client:close()
    end
    local client = assert(new_client(pair("kommune.key", "signs.pem")))
    assert.is_false(warned(client, "key usage"))
    client:close()
  end)

  it("row 17: a chain in disorder goes out in order, without root and strangers", function()
    local function der(name)
      return core.base64(core.certificate(made:read(name .. ".pem")).der)
    end
    made:write("rot.pem", made:read("root.pem") .. made:read("kommune.pem")
      .. made:read("inter.pem") .. made:read("leaf.pem") .. made:read("inter.pem"))
    local client = assert(new_client(pair("leaf.key", "rot.pem")))
    assert(client:token())
    assert.same({ der("leaf"), der("inter") }, here:grants()[1].header.x5c)
    client:close()
    client = assert(new_client(pair("leaf.key", "rot.pem"), { x5c = "leaf" }))
    assert(client:token())
    assert.same({ der("leaf") }, here:grants()[2].header.x5c)
    client:close()
  end)

  it("row 18: neither kid nor certificate", function()
    local client, err = new_client({ key = made:path("kommune.key") })
    assert.is_nil(client)
    assert.equal("credentials", err.kind)
    assert.matches("kid", err.message)
    assert.matches("certificate", err.message)
    proof.in_c("test_grant: a_certificate_is_needed_without_kid")
  end)

  it("row 19: a kid that cannot be one", function()
    for _, kid in ipairs { "med blank", "skrå/strek", "blåbær", ("k"):rep(5000) } do
      local client, err = new_client({ key = made:path("kommune.key"), kid = kid })
      assert.is_nil(client)
      assert.equal("config", err.kind)
      assert.matches("kid", err.message)
      assert.is_true(#err.message < 600)
    end
    assert.is_truthy(new_client({ key = made:path("kommune.key"), kid = "Az09._-" }))
  end)
end)
