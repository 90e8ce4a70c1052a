-- fiks.client and fiks: calls, requests, closing. The core's network is taken out.

local fake_core = require "spec.support.fake_core"

local ID = "5b2b3a3e-6b53-4a3a-9a77-0e5c0a9d7f11"
local OTHER = "11111111-6b53-4a3a-9a77-0e5c0a9d7f11"
local SECRET = "hemmelig-7391"

describe("a client", function()
  local fake, fiks, client

  before_each(function()
    fake = fake_core.install()
    fiks = require "fiks"
    client = assert(fiks.new {
      environment = "test", integrasjon = { id = ID, password = SECRET },
    })
  end)
  after_each(fake_core.restore)

  local function answer(fields)
    fake.answer = function()
      return {
        status = fields.status or 200, body = fields.body or "",
        content_type = fields.content_type or "", attempts = 1, elapsed_ms = 5,
      }
    end
  end

  local function raises(f, text)
    local ok, err = pcall(f)
    assert.is_false(ok)
    assert.matches("^[%w/_.]*client_spec.lua:%d+: ", err)
    assert.matches(text, err)
  end

  it("hands validated settings to the core", function()
    assert.same({
      contract = "current", environment = "test", integrasjon_id = ID,
      integrasjon_passord = SECRET,
    }, fake.clients[1])
  end)

  it("holds no secret in a field that a dump would show", function()
    local function search(value, seen)
      assert.not_equal(SECRET, value)
      if type(value) == "table" and not seen[value] and value ~= fake then
        seen[value] = true
        for key, inner in pairs(value) do
          search(key, seen)
          search(inner, seen)
        end
      end
    end
    search(client, {})
    local svarinn = assert(client:svarinn { username = "u", password = SECRET,
      keys = { io.stdout } })
    search(svarinn, {})
    local other = assert(client:with { integrasjon = { id = OTHER, password = SECRET } })
    search(other, {})
    assert.equal(SECRET, fake.clients[2].integrasjon_passord)
    assert(client:with {})
    assert.equal(SECRET, fake.clients[3].integrasjon_passord)
  end)

  it("gives nil, err for settings that the core refuses", function()
    fake.client = function()
      return nil, fake.error { kind = "config", message = "nei" }
    end
    local made, err = fiks.new { environment = "test" }
    assert.is_nil(made)
    assert.equal("config: nei", tostring(err))
  end)

  it("shows no secret as text", function()
    assert.equal(("fiks.Client (test, contract current, integrasjon %s)"):format(ID),
      tostring(client))
    client:close()
    assert.matches("closed", tostring(client))
  end)

  it("gives the whole answer of a request", function()
    answer { status = 201, body = "tekst", content_type = "text/plain" }
    local got = assert(client:request { method = "POST", path = "/x", body = "b",
      content_type = "text/plain", timeout_ms = 7 })
    assert.same({ status = 201, body = "tekst", content_type = "text/plain", attempts = 1,
      elapsed_ms = 5 }, got)
    assert.same({ method = "POST", path = "/x", body = "b", content_type = "text/plain",
      timeout_ms = 7 }, fake.calls[1])
    assert.equal(1, fake.closed)
  end)

  it("encodes json and decodes JSON answers", function()
    answer { body = "{\"a\":[1]}", content_type = "application/json; charset=utf-8" }
    local got = assert(client:request { method = "PUT", path = "/x", json = fiks.array {} })
    assert.equal("[]", fake.calls[1].body)
    assert.is_nil(fake.calls[1].json)
    assert.same({ 1 }, got.json.a)
    assert.is_nil((client:request { method = "GET", path = "/x", json = { 0 / 0 } }))
    assert.equal(1, #fake.calls) -- nothing went out
  end)

  it("decodes problem+json of a refusal too", function()
    fake.answer = function()
      return nil, fake.error { kind = "denied", status = 403, message = "nei" },
        { status = 403, body = "{\"errorId\":\"1\"}", content_type = "application/problem+json" }
    end
    local got, err, refused = client:request { method = "GET", path = "/x" }
    assert.is_nil(got)
    assert.equal("denied", err.kind)
    assert.equal("1", refused.json.errorId)
  end)

  it("gives a protocol error when JSON is announced and does not come", function()
    answer { body = "{\"a\":", content_type = "application/json" }
    local got, err = client:request { method = "GET", path = "/x" }
    assert.is_nil(got)
    assert.equal("protocol", err.kind)
    assert.equal(200, err.status)
  end)

  it("takes an empty JSON body as none", function()
    answer { status = 204, body = "", content_type = "application/json" }
    assert.is_nil(assert(client:request { method = "DELETE", path = "/x" }).json)
  end)

  it("writes query values as text", function()
    assert(client:request { method = "GET", path = "/{id}/x",
      query = { antall = 50, fra = 2.5, alle = true, tekst = "\195\165" }, params = { id = "7" } })
    assert.same({ antall = "50", fra = "2.5", alle = "true", tekst = "\195\165", id = "7" },
      fake.calls[1].params)
  end)

  it("raises for misuse of request, at the caller's line", function()
    raises(function() client:request { method = "GET", pth = "/x" } end,
      "unknown option 'pth', did you mean 'path'")
    raises(function() client:request { method = "GET" } end, "needs method and path")
    raises(function() client:request { path = "/x" } end, "needs method and path")
    raises(function() client:request() end, "needs method and path")
    raises(function() client:request { method = "get", path = "/x" } end, "did you mean 'GET'")
    raises(function() client:request { method = "PUT", path = "/x", json = 1, body = "1" } end,
      "one of json, body and parts")
    raises(function() client:request { method = "GET", path = "/x", query = { a = {} } } end,
      "query 'a' must be")
    raises(function() client.request({ method = "GET", path = "/x" }) end, "methods with ':'")
    assert.equal(0, #fake.calls)
  end)

  it("gives nil, err when the call cannot be started", function()
    fake.refuse = fake.error { kind = "config", message = "no token" }
    local got, err = client:request { method = "GET", path = "/x" }
    assert.is_nil(got)
    assert.equal("config", err.kind)
    assert.equal(0, fake.waits)
  end)

  it("passes on what a sink has seen, beside an answer and beside an error", function()
    local sink = { files = { { name = "a" } } }
    assert.same(sink.files, client:_call("svarinn.v1.download", { sink = sink }).files)
    fake.answer = function()
      return nil, fake.error { kind = "integrity", message = "nei" }
    end
    local _, err = client:_call("svarinn.v1.download", { sink = sink })
    assert.same(sink.files, err.files)
  end)

  it("with() shares all but the integrasjon", function()
    local other = assert(client:with { integrasjon = { id = OTHER, password = "p" } })
    assert.equal(OTHER, fake.clients[2].integrasjon_id)
    assert.equal("test", fake.clients[2].environment)
    assert.equal(ID, fake.clients[1].integrasjon_id)
    assert.truthy(tostring(other):find(OTHER, 1, true))
    local none, err = client:with { integrasjon = { id = "x", password = SECRET } }
    assert.is_nil(none)
    assert.equal("integrasjon.id", err.code)
    raises(function() client:with { environment = "prod" } end, "client:with: unknown option")
  end)

  it("with() keeps the scope and client id when one maskinporten value changes", function()
    local key = io.stdout -- any userdata: the fake core does not look
    local own = assert(fiks.new { environment = "test", certificate = key,
      maskinporten = { client_id = "c", scope = "ks:fiks" } })
    assert(own:with { maskinporten = { consumer_org = "987654321" } })
    local settings = fake.clients[3]
    assert.equal("c", settings.client_id)
    assert.equal("987654321", settings.consumer_org)
    assert.equal(key, settings.key)
  end)

  it("closes its call when waiting is broken off", function()
    fake.start = function()
      return { number = 1, ready = error, close = function() fake.closed = fake.closed + 1 end }
    end
    assert.has_error(function() client:request { method = "GET", path = "/x" } end)
    assert.equal(1, fake.closed)
  end)

  it("is closed once or twice; later use raises at the caller's line", function()
    client:close()
    client:close()
    raises(function() client:request { method = "GET", path = "/x" } end, "client is closed")
    raises(function() client:with {} end, "client is closed")
    raises(function() client:token() end, "client is closed")
    raises(function() client:svarinn {} end, "client is closed")
    raises(function() client:fiksio {} end, "client is closed")
  end)

  it("cancels what other tasks have in flight when it is closed", function()
    local _, errors = fiks.all {
      function() return client:request { method = "GET", path = "/x" } end,
      function() client:close() end,
    }
    assert.equal("cancelled", errors[1].kind)
    assert.equal(1, fake.closed)
  end)

  if _VERSION == "Lua 5.4" then
    it("is closed by a to-be-closed variable", function()
      local f = assert(load("local c <close> = ... ; return tostring(c)"))
      assert.not_matches("closed", f(client))
      assert.matches("closed", tostring(client))
    end)
  end

  it("runs many requests at once under fiks.all", function()
    fake.delay = function(spec)
      return -tonumber(spec.path:match("%d"))
    end
    fake.answer = function(spec)
      return { status = 200, body = spec.path, content_type = "" }
    end
    local jobs = {}
    for i = 1, 3 do
      jobs[i] = function()
        return client:request { method = "GET", path = "/" .. i }.body
      end
    end
    assert.same({ "/1", "/2", "/3" }, (fiks.all(jobs)))
  end)
end)

describe("fiks", function()
  local fiks = require "fiks"

  it("check returns its arguments, or raises plain text with the caller's position", function()
    assert.same({ 1, 2, 3 }, { fiks.check(1, 2, 3) })
    local Error = require "fiks.error"
    for _, value in ipairs { false } do
      local ok, err = pcall(function()
        fiks.check(value, Error.new { kind = "io", message = "full" })
      end)
      assert.is_false(ok)
      assert.equal("string", type(err))
      assert.matches("client_spec.lua:%d+: io: full$", err)
    end
    local ok, err = pcall(fiks.check, nil)
    assert.is_false(ok)
    assert.matches("fiks.check: nil", err)
  end)

  it("has a version, uuids, null and array", function()
    assert.matches("^%d+%.%d+%.%d+$", fiks._VERSION)
    assert.matches("^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$", fiks.uuid())
    assert.not_equal(fiks.uuid(), fiks.uuid())
    assert.equal("null", require("fiks.core").json_encode(fiks.null))
    assert.equal("[]", require("fiks.core").json_encode(fiks.array {}))
  end)

  it("does nothing when required: no globals, no environment", function()
    local read = {}
    local getenv = os.getenv
    os.getenv = function(name) -- luacheck: ignore 122
      read[#read + 1] = name
      return getenv(name)
    end
    local before = {}
    for name in pairs(_G) do
      before[name] = true
    end
    fake_core.install()
    require "fiks"
    require "fiks.svarinn"
    require "fiks.fiksio"
    fake_core.restore()
    os.getenv = getenv -- luacheck: ignore 122
    assert.same({}, read)
    for name in pairs(_G) do
      assert.is_true(before[name], name)
    end
  end)
end)
