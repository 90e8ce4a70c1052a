-- Every published vector of what a download holds, with its expected result: messages of KS and
-- Digdir with their keys, the profiles, the archives, the containers of Fiks IO.

local content = require "spec.support.content"
local core = require "fiks.core"
local vectors = require "spec.support.vectors"
local zip_kinds = require "spec.support.zip_kinds"

local FOLDER = vectors.folder .. "svarinn/"
local KEY, OTHER = "synthetic/test-key.pem", "synthetic/other-key.pem"

local function read(name)
  return vectors.read("svarinn/" .. name)
end

local here

local function key_of(name, password)
  return assert(core.key { file = FOLDER .. name, password = password })
end

-- Decrypts to the bytes of another vector, or to so many of a SHA-256.
local function opens(key, expected)
  return function(message)
    local plain, result = core.cms_decrypt(message, { here.key, key_of(key) })
    assert.is_string(plain, tostring(result))
    assert.equal(2, result.key)
    assert.is_false(result.trailing)
    if expected.same then
      local want = read(expected.same)
      assert.equal(expected.without_bom and want:gsub("^\239\187\191", "") or want, plain)
    end
    assert.equal(expected.size or #plain, #plain)
    assert.equal(expected.sha256 or core.sha256(plain), core.sha256(plain))
  end
end

-- The error has this code with this key.
local function fails(key, code, says)
  return function(message)
    local plain, err = core.cms_decrypt(message, { key_of(key) })
    assert.is_nil(plain)
    assert.equal(code, err.code, err.message)
    assert.matches(says or "", err.message, 1, true)
  end
end

local function loads(password)
  return function(_, name)
    assert.is_truthy(key_of(name, password))
  end
end

local function pair(key, password)
  return function(_, name)
    assert(core.key { file = FOLDER .. key, password = password,
      certificate_file = FOLDER .. name })
  end
end

local function is_no_key(_, name)
  local key, err = core.key { file = FOLDER .. name, password = "test1234" }
  assert.is_nil(key)
  assert.equal("credentials", err.kind, tostring(err))
end

local function archive(kind)
  return function(zip)
    zip_kinds.check(here, zip, zip_kinds.kinds[kind])
  end
end

-- The message with the archive in it.
local function sealed_archive(kind, key)
  return function(message)
    zip_kinds.check_message(here, message, zip_kinds.kinds[kind], { keys = { key_of(key or KEY) } })
  end
end

-- One file that is a zip itself is received as it is, whatever is in it.
local function the_one_file(bytes, name)
  local files = assert(here:receive(here:encrypt(bytes),
    { expected = { { name = name:match("[^/]+$"), sha256 = core.sha256(bytes), size = #bytes } } }))
  assert.equal(1, #files)
  assert.equal("verified", files[1].verdict)
  assert.equal(bytes, here:read(files[1]))
end

local function not_cms(says)
  return fails(KEY, "not_cms", says)
end

local LISTS = "by spec/vectors/svarinn_spec.lua"
local PLAIN = { same = "synthetic/plain.txt" }

local EXPECTED = {
  ["README.md"] = "the description", ["telemark-svarinn.json"] = LISTS,
  ["efm/sampleresponse.json"] = LISTS, ["sakmottak/SvarUtForsendelse.json"] = LISTS,

  ["dekrypter/kryptert.pdf.crypt"] = opens("dekrypter/privatekey.pem", { size = 3820,
    sha256 = "29a1cb78c0f5e76a2dd86f60361abd0d6abcc104296b7d4d69359fa0b7749569" }),
  ["dekrypter/privatekey.pem"] = loads(),
  ["sakmottak/small.crypt"] = opens("sakmottak/sp-key.pem", { same = "sakmottak/small.pdf" }),
  ["sakmottak/dokumenter.crypt"] = opens("sakmottak/sp-key.pem",
    { same = "sakmottak/dokumenter.zip" }),
  ["sakmottak/id.crypt"] = fails("sakmottak/sp-key.pem", "no_key", "(855816123)"),
  ["sakmottak/sp-key.pem"] = loads(), ["sakmottak/sp-cert.pem"] = pair "sakmottak/sp-key.pem",
  ["sakmottak/small.pdf"] = not_cms "a PDF that is not encrypted",
  ["sakmottak/dokumenter.zip"] = function(zip)
    local files = assert(here:receive(here:encrypt(zip)))
    assert.same({ "small.pdf", "text.txt" }, { files[1].name, files[2].name })
    assert.equal(read("sakmottak/small.pdf"), here:read(files[1]))
  end,
  ["kryptering-dotnet/EncryptedData.der"] = opens("kryptering-dotnet/fiks_demo_private.pem",
    { same = "kryptering-dotnet/UnencryptedData.txt", without_bom = true, size = 2331 }),
  ["kryptering-dotnet/EncryptedData.txt"] = not_cms "Base64",
  ["kryptering-dotnet/UnencryptedData.txt"] = not_cms "not an encrypted",
  ["kryptering-dotnet/LoremIpsum.txt"] = not_cms "not an encrypted",
  ["kryptering-dotnet/fiks_demo_private.pem"] = loads(),
  ["kryptering-dotnet/fiks_demo_public.pem"] = pair "kryptering-dotnet/fiks_demo_private.pem",
  ["kryptering-dotnet/fiks_demo_public.crt"] = pair "kryptering-dotnet/fiks_demo_private.pem",
  ["kryptering-dotnet/rsa_private_key.pem"] = function(_, name)
    loads()(_, name)
    fails(name, "no_key")(read("kryptering-dotnet/EncryptedData.der"))
  end,
  -- The right key, but for a coefficient that speeds it up: it need not load, nor give noise.
  ["kryptering-dotnet/invalid.pem"] = function(_, name)
    local key = core.key { file = FOLDER .. name }
    local plain = key and core.cms_decrypt(read("kryptering-dotnet/EncryptedData.der"), { key })
    assert.is_true(plain == nil or #plain == 2331)
  end,
  ["kryptering-java/keystore.p12"] = loads "test1234",
  ["kryptering-java/keystore.jks"] = is_no_key,
  ["efm/somdalen-dokumenter-ae68b33d.zip"] = function(message)
    local files = assert(here:receive(message, { keys = { key_of("efm/somdalen.key.pem") } }))
    assert.equal(1, #files)
    assert.equal(0, files[1].size)
    assert.matches("%.docx$", files[1].name)
  end,
  ["efm/decrypted-dokumenter-ae68b33d.zip"] = function(zip)
    assert.equal(0, assert(here:receive(here:encrypt(zip)))[1].size)
  end,
  ["efm/empty_encrypted_svarinnfiles.zip"] = function(message)
    local keys = { key_of("efm/somdalen.key.pem") }
    assert.same({}, (assert(here:receive(message, { keys = keys }))))
    local files, err = here:receive(message, { keys = keys,
      expected = { { name = "a" }, { name = "b" } } })
    assert.is_nil(files)
    assert.equal("no_files", err.code)
  end,
  ["efm/somdalen.key.pem"] = loads(), ["efm/somdalen.p12"] = loads "changeit",
  ["efm/somdalen.cert.pem"] = pair "efm/somdalen.key.pem",

  ["asice-handler/alice.key"] = loads(), ["asice-handler/bob.key"] = loads(),
  ["asice-handler/alice.cert"] = pair "asice-handler/alice.key",
  ["asice-handler/bob.cert"] = pair "asice-handler/bob.key",
  ["asice-handler/alice-virksomhetssertifikat.p12"] = loads "PASSWORD",
  ["asice-handler/alice-virksomhetssertifikat.crt"] =
    pair("asice-handler/alice-virksomhetssertifikat.p12", "PASSWORD"),
  ["asice-dotnet/fiks_demo_private.pem"] = loads(),
  ["asice-dotnet/fiks_demo_public.pem"] = pair "asice-dotnet/fiks_demo_private.pem",
  ["asice-dotnet/signature.p7s"] = fails(KEY, "content_type", "1.2.840.113549.1.7.2"),
  ["asice-dotnet/signedData.xml"] = not_cms "XML",

  ["synthetic/plain.txt"] = not_cms "not an encrypted",
  ["synthetic/test-key.pem"] = loads(), ["synthetic/other-key.pem"] = loads(),
  ["synthetic/test-cert.pem"] = pair(KEY), ["synthetic/other-cert.pem"] = pair(OTHER),
  ["synthetic/ks-like-oaep256.pem"] = opens(KEY, PLAIN),
  ["synthetic/two-recipients.cms"] = function(message)
    opens(KEY, PLAIN)(message)
    opens(OTHER, PLAIN)(message)
  end,
  ["synthetic/empty-plaintext.cms"] = function(message)
    opens(KEY, { size = 0 })(message)
    local files, err = here:receive(message, { keys = { key_of(KEY) } })
    assert.is_nil(files)
    assert.equal("empty", err.code)
  end,
  ["synthetic/truncated-header.cms"] = fails(KEY, "truncated"),
  ["synthetic/truncated-tail.cms"] = fails(KEY, "truncated"),
  ["synthetic/fiksio-payload.asice.cms"] = opens(OTHER,
    { same = "synthetic/fiksio-payload.asice" }),
}

for _, name in ipairs { "ks-like-oaep256", "der-definite-oaep256", "rsa-pkcs1v15",
  "oaep-sha1-default", "oaep-sha256-mgf1-sha1", "dotnet-like-two-ktri", "ski-oaep256",
  "aes128-oaep256", "authenveloped-aes256gcm" } do
  EXPECTED["synthetic/" .. name .. ".cms"] = function(message)
    opens(KEY, PLAIN)(message)
    local code = name:find("v15") and "padding" or "no_key"
    fails(OTHER, code)(message)
  end
end

-- What a name promises where the table has nothing.
local function expected_of(name)
  local kind, sealed = name:match("^synthetic/zips/(.+)%.zip(%.?c?m?s?)$")
  if kind and zip_kinds.kinds[kind] then
    return sealed == ".cms" and sealed_archive(kind) or archive(kind)
  elseif name:find("%.asice$") then
    return the_one_file
  elseif name:find("^synthetic/json/") then
    return LISTS
  end
  return EXPECTED[name]
end

local function all()
  local names = {}
  local pipe = assert(io.popen("cd '" .. FOLDER .. "' 2>/dev/null && LD_PRELOAD= find . -type f | "
    .. "LD_PRELOAD= sort"))
  for name in pipe:lines() do
    names[#names + 1] = name:sub(3)
  end
  pipe:close()
  return names
end

describe("the vector svarinn/", function()
  setup(function()
    here = content.new()
  end)
  teardown(function()
    here:remove()
  end)

  local names, seen = all(), {}
  for _, name in ipairs(names) do
    seen[name] = true
    local expected = expected_of(name)
    if type(expected) ~= "string" then -- else something else is tested with it
      it(name, function()
        assert.is_function(expected, "there is no expected result for it in this spec")
        expected(read(name), name)
      end)
    end
  end
  for name in pairs(EXPECTED) do
    if not seen[name] then
      pending("vectors: svarinn/" .. name)
    end
  end
end)
