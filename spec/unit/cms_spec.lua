-- luacheck: std max+busted
-- core.cms_encrypt, cms_decrypt, cms_decrypt_file, forsendelse_sink (csrc/bind/lcms.c). What they
-- do is tested in C; here: arguments, results, errors, and that no box leaks or dies twice.
local core = require("fiks.core")

local folder, key, other, pem

local function path(name)
  return folder .. "/" .. name
end

local function read(name)
  local file = assert(io.open(path(name), "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function write(name, text)
  local file = assert(io.open(path(name), "wb"))
  file:write(text)
  file:close()
end

local function sh(script)
  local command = "cd '" .. folder .. "' && ( set -e; " .. script .. " ) >>log 2>&1"
  local result = os.execute(command)
  assert(result == true or result == 0, script)
end

local function list()
  local pipe = assert(io.popen("ls -A '" .. folder .. "/inn'"))
  local names = pipe:read("*a")
  pipe:close()
  return names
end

setup(function()
  local pipe = assert(io.popen("mktemp -d"))
  folder = pipe:read("*l")
  pipe:close()
  sh([[
    mkdir inn
    for n in en to; do
      openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout $n.key -out $n.pem -subj /CN=$n
    done]])
  key = assert(core.key({ file = path("en.key"), certificate_file = path("en.pem") }))
  other = assert(core.key({ file = path("to.key") }))
  pem = read("en.pem")
end)

teardown(function()
  os.execute("rm -rf '" .. folder .. "'")
end)

describe("cms", function()
  it("decrypts what it encrypts, bytes of any kind", function()
    local data = "hei \0 på\255deg" .. string.rep("x", 100000)
    local message = assert(core.cms_encrypt(data, { pem, read("to.pem") }))
    assert.is_nil(message:find("hei \0 på\255deg", 1, true))
    assert.equal(data, core.cms_decrypt(message, { key }))
    assert.equal(data, core.cms_decrypt(message, { other }))
    assert.equal("", core.cms_decrypt(core.cms_encrypt("", { pem }), { key }))
  end)

  it("is read by openssl, and reads it", function()
    write("m.cms", assert(core.cms_encrypt("til openssl", { pem })))
    sh("openssl cms -decrypt -inform DER -in m.cms -inkey en.key -out m.txt")
    assert.equal("til openssl", read("m.txt"))
    sh("openssl cms -encrypt -stream -binary -aes256 -in m.txt -outform DER -out m -recip en.pem")
    assert.equal("til openssl", core.cms_decrypt(read("m"), { key }))
  end)

  it("returns errors for what fails", function()
    local result, err = core.cms_decrypt("%PDF-1.4 and so on and on", { key })
    assert.is_nil(result)
    assert.equal("crypto", err.kind)
    assert.equal("not_cms", err.code)
    assert.matches("PDF", err.message)
    local message = assert(core.cms_encrypt("x", { pem }))
    result, err = core.cms_decrypt(message, { other })
    assert.is_nil(result)
    assert.equal("no_key", err.code)
    assert.matches("CN=en", err.message)
    result, err = core.cms_decrypt(message:sub(1, -2), { key })
    assert.is_nil(result)
    assert.equal("truncated", err.code)
    result, err = core.cms_encrypt("x", { "no certificate" })
    assert.is_nil(result)
    assert.equal("invalid", err.kind)
    result, err = core.cms_encrypt("x", {})
    assert.is_nil(result)
    assert.equal("recipients", err.code)
    result, err = core.cms_decrypt(message, {})
    assert.is_nil(result)
    assert.equal("invalid", err.kind)
  end)

  it("raises for misuse", function()
    assert.error_matches(function() core.cms_decrypt("x") end, "'keys' must be an array")
    assert.error_matches(function() core.cms_decrypt("x", { 1 }) end, "element 1 of 'keys'")
    assert.error_matches(function() core.cms_decrypt("x", { key, io.stdout }) end, "element 2")
    assert.error_matches(function() core.cms_encrypt("x", { true }) end, "certificate 1")
    assert.error_matches(function() core.cms_encrypt({}, { pem }) end, "string expected")
    assert.error_matches(function() core.cms_decrypt_file({ keys = { key } }) end, "'from'")
    assert.error_matches(function() core.cms_decrypt_file({ from = 1, keys = {} }) end, "'from'")
  end)

  it("decrypts from file to file", function()
    local data = string.rep("0123456789", 50000)
    write("big.cms", assert(core.cms_encrypt(data, { pem })))
    local done = assert(core.cms_decrypt_file({ from = path("big.cms"), keys = { key } }))
    assert.equal(#data, done.bytes)
    assert(core.cms_decrypt_file({ from = path("big.cms"), to = path("inn/big"), keys = { key } }))
    assert.equal(data, read("inn/big"))
    os.remove(path("inn/big"))
    local result, err = core.cms_decrypt_file({
      from = path("big.cms"), to = path("inn/big"), keys = { other },
    })
    assert.is_nil(result)
    assert.equal("no_key", err.code)
    assert.equal("", list())
    result, err = core.cms_decrypt_file({ from = path("missing"), keys = { key } })
    assert.is_nil(result)
    assert.equal("io", err.kind)
    assert.matches("missing", err.message, 1, true)
  end)
end)

describe("forsendelse_sink", function()
  local function options(more)
    local all = { folder = path("inn/forsendelse"), keys = { key } }
    for name, value in pairs(more or {}) do
      all[name] = value
    end
    return all
  end

  it("is made, asked and closed", function()
    local sink = assert(core.forsendelse_sink(options({
      expected = { { name = "brev.pdf", sha256 = string.rep("0", 64), size = 3 }, { name = "b" } },
      max_total_bytes = 1000,
    })))
    assert.equal("fiks.core.sink", tostring(sink))
    assert.same({}, sink:files())
    sink:close()
    sink:close()
    assert.equal("fiks.core.sink (closed)", tostring(sink))
    assert.error_matches(function() sink:files() end, "closed")
    assert.equal("", list())
  end)

  it("returns errors for a folder it cannot use", function()
    local sink, err = core.forsendelse_sink(options({ folder = folder }))
    assert.is_nil(sink)
    assert.equal("io", err.kind)
    assert.equal("exists", err.code)
    sink, err = core.forsendelse_sink(options({ folder = path("missing/x") }))
    assert.is_nil(sink)
    assert.equal("io", err.kind)
    sink, err = core.forsendelse_sink(options({ expected = { {} } }))
    assert.is_nil(sink)
    assert.equal("invalid", err.kind)
  end)

  it("raises for misuse", function()
    local function misuse(more, message)
      assert.error_matches(function() core.forsendelse_sink(options(more)) end, message)
    end
    misuse({ folder = false }, "'folder' must be a string")
    misuse({ folder = "a\0b" }, "NUL")
    misuse({ keys = "key" }, "'keys' must be an array")
    misuse({ keys = { {} } }, "element 1 of 'keys'")
    misuse({ expected = "a" }, "'expected' must be an array")
    misuse({ expected = { "a" } }, "element 1 of 'expected'")
    misuse({ expected = { { name = 1 } } }, "'name'")
    misuse({ expected = { { name = "a", size = 1.5 } } }, "'size'")
    misuse({ max_total_bytes = "many" }, "'max_total_bytes'")
    assert.error_matches(function() core.forsendelse_sink({ keys = { key } }) end, "'folder'")
    assert.error(function() core.forsendelse_sink() end)
  end)

  it("is collected without being closed", function()
    for _ = 1, 200 do
      assert(core.forsendelse_sink(options()))
      pcall(core.forsendelse_sink, options({ keys = { 1 } }))
    end
    collectgarbage()
    collectgarbage()
    assert.equal("", list())
  end)
end)
