-- fiks.fiksio: arguments, metadata, receipts; container and encryption are the core's.

local core = require "fiks.core"
local Error = require "fiks.error"
local FiksIO = require "fiks.fiksio"

local FROM = "5b2b3a3e-6b53-4a3a-9a77-0e5c0a9d7f11"
local TO = "6b2b3a3e-6b53-4a3a-9a77-0e5c0a9d7f11"
local MELDING = "7b2b3a3e-6b53-4a3a-9a77-0e5c0a9d7f11"

local saved = {}

local function new_client(script)
  local client = { contract = "current", _settings = { key = io.stdout }, calls = {} }
  function client:_call(operation, opts)
    self.calls[#self.calls + 1] = { operation = operation, opts = opts }
    local answer = script[operation]
    if Error.is(answer) then
      return nil, answer
    end
    return { status = script.status or 200, body = answer or "{}", content_type = "" }
  end
  return client
end

local function new(script)
  script = script or {}
  script["fiksio.offentlig_nokkel"] = script["fiksio.offentlig_nokkel"]
    or "{\"nokkel\": \"PEM\", \"valid\": true}"
  script["fiksio.send"] = script["fiksio.send"] or ("{\"meldingId\": \"%s\"}"):format(MELDING)
  local client = new_client(script)
  return assert(FiksIO.new(client, { konto = FROM:upper() }, 2)), client
end

describe("fiksio", function()
  local sealed

  before_each(function()
    sealed = {}
    saved.asice, saved.cms_encrypt = core.asice, core.cms_encrypt
    core.asice = function(files)
      sealed.files = files
      return "CONTAINER"
    end
    core.cms_encrypt = function(data, certificates)
      sealed.data, sealed.certificates = data, certificates
      return "SEALED"
    end
  end)
  after_each(function()
    core.asice, core.cms_encrypt = saved.asice, saved.cms_encrypt
  end)

  local function message(fields)
    local given = { to = TO, type = "no.ks.test.v1", files = { { name = "a.txt", data = "x" } } }
    for name, value in pairs(fields or {}) do
      given[name] = value
    end
    return given
  end

  it("sends a sealed container with its metadata", function()
    local fiksio, client = new()
    local receipt = assert(fiksio:send(message {
      svar_paa = MELDING:upper(), ttl = 60000, headers = { a = "\195\165" },
      klient_melding_id = MELDING,
    }))
    assert.equal(MELDING, receipt.melding_id)
    assert.equal(MELDING, receipt.klient_melding_id)
    assert.equal(TO, receipt.to)
    assert.equal(FROM, receipt.from)
    assert.same({ { name = "a.txt", data = "x" }, key = io.stdout }, sealed.files)
    assert.equal("CONTAINER", sealed.data)
    assert.same({ "PEM" }, sealed.certificates)
    assert.same({ kontoId = TO }, client.calls[1].opts.params)
    local call = client.calls[2]
    assert.equal("fiksio.send", call.operation)
    assert.is_false(call.opts.idempotent)
    local metadata, data = call.opts.parts[1], call.opts.parts[2]
    assert.equal("metadata", metadata.name)
    assert.is_nil(metadata.filename)
    assert.equal("application/json", metadata.content_type)
    assert.same({
      avsenderKontoId = FROM, mottakerKontoId = TO, meldingType = "no.ks.test.v1",
      svarPaMelding = MELDING, ttl = 60000,
      headere = { a = "\195\165", klientMeldingId = MELDING },
    }, core.json_decode(metadata.data))
    assert.equal("data", data.name)
    assert.equal("SEALED", data.data)
    assert.equal("application/octet-stream", data.content_type)
    assert.matches("^%x+%-%x+%-%x+%-%x+%-%x+$", data.filename)
  end)

  it("writes null for what is not given, and makes a klientMeldingId", function()
    local fiksio, client = new()
    local receipt = assert(fiksio:send { to = TO, type = "t" })
    assert.equal(1, #client.calls) -- no content: no key is fetched
    assert.equal(1, #client.calls[1].opts.parts)
    local metadata = core.json_decode(client.calls[1].opts.parts[1].data)
    assert.equal(core.null, metadata.ttl)
    assert.equal(core.null, metadata.svarPaMelding)
    assert.equal(receipt.klient_melding_id, metadata.headere.klientMeldingId)
  end)

  it("uses the old address in the 2018 contract", function()
    local fiksio, client = new { ["fiksio.2018.send"] = "{\"meldingId\": \"m\"}" }
    client.contract = "2018"
    assert.equal("m", assert(fiksio:send(message())).melding_id)
    assert.equal("fiksio.2018.send", client.calls[2].operation)
  end)

  it("reads files from paths", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write("inn\0hold")
    file:close()
    local fiksio, client = new()
    assert(fiksio:send(message { files = { path, { path = path, name = "b.txt" } } }))
    assert.same({ name = path:match("[^/]+$"), data = "inn\0hold" }, sealed.files[1])
    assert.equal("b.txt", sealed.files[2].name)
    os.remove(path)
    local none, err = fiksio:send(message { files = { path } })
    assert.is_nil(none)
    assert.equal("io", err.kind)
    assert.truthy(err.message:find(path, 1, true))
    assert.is_nil((fiksio:send(message { files = { "/" } }))) -- a folder
    assert.equal(2, #client.calls)
  end)

  it("sends nothing that breaks the contract", function()
    local fiksio, client = new()
    for code, fields in pairs {
      to = { to = "x" },
      type = { type = "" },
      svar_paa = { svar_paa = "x" },
      klient_melding_id = { klient_melding_id = "x" },
      headers = { headers = { a = 1 } },
      files = { files = {} },
    } do
      local none, err = fiksio:send(message(fields))
      assert.is_nil(none)
      assert.equal("invalid", err.kind)
      assert.equal(code, err.code)
    end
    for _, ttl in ipairs { 0, -1, 999, 1000.5, 1e300, "60000", 0 / 0 } do
      local none, err = fiksio:send(message { ttl = ttl })
      assert.is_nil(none)
      assert.equal("ttl", err.code)
    end
    for _, file in ipairs { { name = "a" }, { data = "x" }, { name = "", data = "x" } } do
      assert.equal("files", select(2, fiksio:send(message { files = { file } })).code)
    end
    assert.equal(0, #client.calls)
  end)

  it("raises for misuse, at the caller's line", function()
    local fiksio = new()
    for _, given in ipairs {
      { too = TO }, { to = TO, type = "t", files = { 7 } },
      { to = TO, type = "t", files = { { nam = "a" } } },
    } do
      local ok, err = pcall(function() fiksio:send(given) end)
      assert.is_false(ok)
      assert.matches("^[%w/_.]*fiksio_spec.lua:%d+: ", err)
    end
  end)

  it("stops before sending when the receiver has no usable key", function()
    for answer, code in pairs {
      ["{\"nokkel\": \"PEM\", \"valid\": false, \"statusMessage\": \"utl\195\184pt\"}"] =
        "public_key",
      ["{}"] = "public_key",
      ["[1"] = "json",
    } do
      local fiksio, client = new { ["fiksio.offentlig_nokkel"] = answer }
      local none, err = fiksio:send(message())
      assert.is_nil(none)
      assert.equal(code, err.code)
      assert.equal(1, #client.calls)
    end
    local fiksio, client = new {
      ["fiksio.offentlig_nokkel"] = Error.new { kind = "not_found", message = "404" },
    }
    local none, err = fiksio:send(message())
    assert.is_nil(none)
    assert.equal("no_public_key", err.code)
    assert.matches("nothing was sent", err.message)
    assert.equal(1, #client.calls)
  end)

  it("stops before sending when it cannot sign or seal", function()
    local fiksio, client = new()
    core.cms_encrypt = function()
      return nil, Error.new { kind = "crypto", message = "nei" }
    end
    assert.equal("crypto", select(2, fiksio:send(message())).kind)
    core.asice = core.cms_encrypt
    assert.equal("crypto", select(2, fiksio:send(message())).kind)
    assert.equal(2, #client.calls) -- the key, twice
    client._settings.key = nil
    assert.equal("fiksio.key", select(2, fiksio:send(message())).code)
  end)

  it("says when a message was taken but its id is not known", function()
    for _, body in ipairs { "", "OK", "{}", "[]", "{\"meldingId\": 5}" } do
      local fiksio = new { ["fiksio.send"] = body }
      local none, err = fiksio:send(message { klient_melding_id = MELDING })
      assert.is_nil(none)
      assert.equal("sent_id_unknown", err.code)
      assert.is_false(err.retryable)
      assert.equal(MELDING, err.id)
    end
    local fiksio = new { status = 204 }
    assert.equal("sent_id_unknown", select(2, fiksio:send(message())).code)
  end)

  it("names the klientMeldingId when the fate of a message is unknown", function()
    local fiksio = new { ["fiksio.send"] = Error.new { kind = "timeout", message = "sent" } }
    local none, err = fiksio:send(message { klient_melding_id = MELDING })
    assert.is_nil(none)
    assert.equal("timeout", err.kind)
    assert.equal(MELDING, err.id)
  end)

  it("looks accounts up", function()
    local fiksio, client = new { ["fiksio.konto"] = "{\"kontoNavn\": \"K\"}",
      ["fiksio.status"] = "{\"antallKonsumenter\": 1}" }
    assert.equal("K", fiksio:konto(TO).kontoNavn)
    assert.equal(1, fiksio:status(TO).antallKonsumenter)
    assert.equal("PEM", fiksio:offentlig_nokkel(TO).nokkel)
    assert.equal(3, #client.calls)
    for _, id in ipairs { "", "../x", 7 } do
      local none, err = fiksio:konto(id)
      assert.is_nil(none)
      assert.equal("konto_id", err.code)
    end
    assert.equal(3, #client.calls)
  end)

  it("is made with an account", function()
    local made, err = FiksIO.new(new_client {}, { konto = "x" }, 2)
    assert.is_nil(made)
    assert.equal("fiksio.konto", err.code)
    assert.equal(("fiks.FiksIO (konto %s)"):format(FROM), tostring((new())))
    assert.has_error(function() FiksIO.new(new_client {}, { kont = FROM }, 2) end)
  end)
end)
