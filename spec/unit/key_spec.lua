-- luacheck: std max+busted
-- core.key, certificate, verify, verify_chain, jwk (csrc/bind/lkey.c); text functions (ltext.c).
local core = require("fiks.core")

local folder

local function path(name)
  return folder .. "/" .. name
end

local function read(name)
  local file = assert(io.open(path(name), "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function sh(script)
  local command = "cd '" .. folder .. "' && ( set -e; " .. script .. " ) >>log 2>&1"
  local result = os.execute(command)
  assert(result == true or result == 0, script)
end

setup(function()
  local pipe = assert(io.popen("mktemp -d"))
  folder = pipe:read("*l")
  pipe:close()
  sh([[
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout ca.key -out ca.pem -subj /CN=Rot
    openssl req -newkey rsa:2048 -nodes -keyout a.key -out a.csr \
      -subj '/O=Storevik - 910753614/CN=A'
    openssl x509 -req -in a.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -out a.pem
    openssl x509 -in a.pem -outform DER -out a.der
    openssl pkcs12 -export -inkey a.key -in a.pem -certfile ca.pem -name en -passout pass:hemmelig \
      -out a.p12
    openssl pkcs12 -export -legacy -inkey a.key -in a.pem -passout pass:hemmelig -out old.p12
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.key]])
end)

teardown(function()
  os.execute("rm -rf '" .. folder .. "'")
end)

local function load_key()
  return assert(core.key({ file = path("a.p12"), password = "hemmelig" }))
end

local function refused(options)
  local key, err = core.key(options)
  assert.is_nil(key)
  assert.equal("credentials", err.kind)
  return err
end

describe("core.key", function()
  it("loads PKCS#12, new and old, PEM, and from memory", function()
    local key = load_key()
    assert.equal(43, #key:thumbprint())
    for _, options in ipairs({
      { file = path("old.p12"), password = "hemmelig" },
      { file = path("a.p12"), password = "hemmelig", alias = "en" },
      { file = path("a.key"), certificate_file = path("a.pem") },
      { data = read("a.p12"), password = "hemmelig" },
      { data = read("a.key") .. read("a.pem") },
    }) do
      local other = assert(core.key(options))
      assert.equal(key:thumbprint(), other:thumbprint())
      assert.same({ read("a.der") }, other:certificates())
    end
    assert.same({}, assert(core.key({ file = path("a.key") })):certificates())
  end)

  it("says what is wrong, with a code, and never the password", function()
    local err = refused({ file = path("a.p12"), password = "feilpassord" })
    assert.equal("wrong_password", err.code)
    assert.truthy(err.message:find("a.p12", 1, true))
    assert.falsy(err.message:find("feilpassord", 1, true))
    assert.equal("password_missing", refused({ file = path("a.p12") }).code)
    assert.equal("alias",
      refused({ file = path("a.p12"), password = "hemmelig", alias = "to" }).code)
    assert.equal("unsupported_key", refused({ file = path("ec.key") }).code)
    assert.equal("no_key", refused({ file = path("a.pem") }).code)
    assert.equal("key_mismatch",
      refused({ file = path("a.key"), certificate_file = path("ca.pem") }).code)
    assert.equal("file", refused({ file = path("absent") }).code)
    assert.equal("file", refused({}).code)
    assert.equal("jks", refused({ data = "\254\237\254\237\0\0\0\2" }).code)
    err = refused({ data = "hei", name = "den hemmelige" })
    assert.equal("format", err.code)
    assert.truthy(err.message:find("den hemmelige", 1, true))
  end)

  it("raises on misuse", function()
    assert.has_error(function()
      core.key({ files = "x" })
    end, "unknown option 'files' for a key; there are file, data, uri, password, alias, "
      .. "certificate_file, name and allow_weak")
    assert.has_error(function()
      core.key()
    end)
    assert.has_error(function()
      core.key({ file = 1 })
    end)
    assert.has_error(function()
      core.key({ file = "a\0b" })
    end)
    assert.has_error(function()
      load_key():sign("PS256", "x")
    end)
    assert.has_error(function()
      load_key():sign("RS256")
    end)
  end)

  it("shows nothing as text and survives being closed", function()
    local key = load_key()
    assert.equal("fiks.key", tostring(key))
    getmetatable(key).__gc(key)
    getmetatable(key).__gc(key)
    assert.equal("fiks.key (closed)", tostring(key))
    assert.has_error(function()
      key:thumbprint()
    end)
  end)
end)

describe("signatures", function()
  it("are accepted by openssl", function()
    local key = load_key()
    for alg, digest in pairs({ RS256 = "sha256", RS384 = "sha384", RS512 = "sha512" }) do
      local signature = key:sign(alg, "data\0med null")
      local file = assert(io.open(path("sig"), "wb"))
      file:write(signature)
      file:close()
      file = assert(io.open(path("data"), "wb"))
      file:write("data\0med null")
      file:close()
      sh("openssl x509 -in a.pem -pubkey -noout >pub; openssl dgst -" .. digest
        .. " -verify pub -signature sig data")
    end
  end)

  it("are verified with a certificate or a JWK", function()
    local key = load_key()
    local signature = key:sign("RS256", "hei")
    for _, public in ipairs({ read("a.pem"), read("a.der"), core.jwk(key) }) do
      assert.is_true(core.verify("RS256", public, "hei", signature))
      assert.is_false(core.verify("RS256", public, "hei!", signature))
      assert.is_false(core.verify("RS512", public, "hei", signature))
      assert.is_false(core.verify("RS256", public, "hei", signature:sub(2)))
      assert.is_false(core.verify("RS256", public, "hei", ""))
    end
    assert.is_false(core.verify("RS256", read("ca.pem"), "hei", signature))
    local good, err = core.verify("RS256", "no certificate", "hei", signature)
    assert.is_nil(good)
    assert.equal("format", err.code)
    good, err = core.verify("RS256", { n = "!", e = "AQAB" }, "hei", signature)
    assert.is_nil(good)
    assert.equal("format", err.code)
    assert.has_error(function()
      core.verify("none", read("a.pem"), "hei", "")
    end)
    assert.has_error(function()
      core.verify("RS256", {}, "hei", "")
    end)
  end)

  it("give the public key as a JWK with its thumbprint", function()
    local key = load_key()
    local jwk = core.jwk(key)
    assert.equal("RSA", jwk.kty)
    assert.equal("AQAB", jwk.e)
    assert.equal(key:thumbprint(), jwk.kid)
    assert.equal(256, #core.unbase64url(jwk.n))
    assert.is_nil(jwk.d)
    -- RFC 7638: the hash of the required members, in this order
    local text = '{"e":"' .. jwk.e .. '","kty":"RSA","n":"' .. jwk.n .. '"}'
    local digest = core.sha256(text):gsub("%x%x", function(hex)
      return string.char(tonumber(hex, 16))
    end)
    assert.equal(core.base64url(digest), jwk.kid)
  end)
end)

describe("core.certificate", function()
  it("says what is in it", function()
    local certificate = assert(core.certificate(read("a.der")))
    assert.equal("CN=A,O=Storevik - 910753614", certificate.subject)
    assert.equal("CN=Rot", certificate.issuer)
    assert.equal("910753614", certificate.organisasjonsnummer)
    assert.equal(20 * 86400, certificate.not_after - certificate.not_before)
    assert.truthy(certificate.serial:match("^%x+$"))
    assert.equal(read("a.der"), certificate.der)
    assert.equal(read("a.pem"), certificate.pem)
    assert.same(certificate, core.certificate(certificate.pem))
    assert.is_nil(assert(core.certificate(read("ca.pem"))).organisasjonsnummer)
  end)

  it("refuses what is none", function()
    for _, text in ipairs({ "", "hei", read("a.key"), read("a.der"):sub(1, 100), read("a.p12") }) do
      local certificate, err = core.certificate(text)
      assert.is_nil(certificate)
      assert.equal("credentials", err.kind)
      assert.equal("format", err.code)
    end
    assert.has_error(function()
      core.certificate()
    end)
  end)
end)

describe("core.verify_chain", function()
  it("follows signatures to an anchor at a time", function()
    local now = core.now() / 1000
    assert.is_true(core.verify_chain({ read("a.der") }, { read("ca.pem") }, now))
    assert.is_true(core.verify_chain({ read("a.der"), read("ca.pem") }, { read("ca.pem") }, now))
    local function code(chain, anchors, at)
      local good, err = core.verify_chain(chain, anchors, at)
      assert.is_nil(good)
      assert.equal("credentials", err.kind)
      return err.code
    end
    assert.equal("untrusted", code({ read("a.der"), read("ca.pem") }, {}, now))
    assert.equal("untrusted", code({}, { read("ca.pem") }, now))
    assert.equal("untrusted", code({ read("ca.pem") }, { read("a.pem") }, now))
    assert.equal("expired", code({ read("a.der") }, { read("ca.pem") }, now + 21 * 86400))
    assert.equal("not_yet_valid", code({ read("a.der") }, { read("ca.pem") }, now - 86400))
    assert.equal("format", code({ "hei" }, { read("ca.pem") }, now))
    assert.has_error(function()
      core.verify_chain({ 1 }, {}, now)
    end)
    assert.has_error(function()
      core.verify_chain({}, {}, 0 / 0)
    end)
  end)
end)

describe("text functions", function()
  it("make random bytes and UUIDs", function()
    assert.equal(32, #core.random(32))
    assert.equal("", core.random(0))
    assert.are_not.equal(core.random(16), core.random(16))
    assert.truthy(core.uuid():match("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x+$"))
    assert.are_not.equal(core.uuid(), core.uuid())
    assert.has_error(function()
      core.random(-1)
    end)
    assert.has_error(function()
      core.random(65537)
    end)
  end)

  it("hash", function()
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      core.sha256(""))
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      core.sha256("abc"))
  end)

  it("convert to and from Base64 (RFC 4648, 10)", function()
    local rows = { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==",
      fooba = "Zm9vYmE=", foobar = "Zm9vYmFy", ["\0\255\254"] = "AP/+" }
    for plain, text in pairs(rows) do
      local url = text:gsub("=", ""):gsub("/", "_"):gsub("+", "-")
      assert.equal(text, core.base64(plain))
      assert.equal(plain, core.unbase64(text))
      assert.equal(url, core.base64url(plain))
      assert.equal(plain, core.unbase64url(url))
    end
    for _, bad in ipairs({ "Zg", "Zg=", "Z", "Zg==Zg==", "Zh==", "Zm 9", "AP_-", "=" }) do
      assert.is_nil((core.unbase64(bad)))
    end
    for _, bad in ipairs({ "Zg==", "Z", "Zh", "AP/+", "Zm9v\n" }) do
      local value, err = core.unbase64url(bad)
      assert.is_nil(value)
      assert.equal("invalid", err.kind)
    end
  end)

  it("check UTF-8", function()
    assert.is_true(core.utf8_check(""))
    assert.is_true(core.utf8_check("bl\195\165b\195\166r \240\159\152\128"))
    local good, at = core.utf8_check("abc\255")
    assert.is_nil(good)
    assert.equal(3, at)
    good, at = core.utf8_check("bl\229")
    assert.is_nil(good)
    assert.equal(2, at)
  end)

  it("tell the time on two clocks", function()
    local wall, mono = core.now()
    assert.truthy(math.abs(wall / 1000 - os.time()) < 5)
    local wall2, mono2 = core.now()
    assert.truthy(mono2 >= mono and wall2 - wall < 5000)
  end)
end)
