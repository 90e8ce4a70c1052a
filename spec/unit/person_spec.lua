-- integrasjon-person: calls with a person's own token. The core's network is taken out.

local fake_core = require "spec.support.fake_core"

local ID = "5b2b3a3e-6b53-4a3a-9a77-0e5c0a9d7f11"

describe("a client as a person", function()
  local fake, fiks, client, core

  before_each(function()
    fake = fake_core.install()
    fiks = require "fiks"
    core = require "fiks.core"
    client = assert(fiks.new { environment = "test", integrasjon = { id = ID, password = "p" } })
  end)
  after_each(fake_core.restore)

  local function jwt(expires_in)
    return ("eyJhbGciOiJSUzI1NiJ9.%s.c2ln"):format(core.base64url(
      ("{\"exp\":%d}"):format(math.floor(core.now() / 1000) + expires_in)))
  end

  local function get(who, options)
    local request = { method = "GET", path = "/x" }
    for name, value in pairs(options or {}) do
      request[name] = value
    end
    return who:request(request)
  end

  it("sends the token given, and the client itself its own", function()
    local person = assert(client:as_person("token-av-kari"))
    assert(get(person))
    assert(get(client))
    assert(get(person))
    assert.equal("token-av-kari", fake.calls[1].bearer)
    assert.is_nil(fake.calls[2].bearer)
    assert.equal("token-av-kari", fake.calls[3].bearer)
    assert.equal("p", fake.clients[2].integrasjon_passord)
  end)

  it("is made by with as well, and stays one through with", function()
    local person = assert(client:with { person = "t1" })
    assert(get(person))
    assert(get(assert(person:with { integrasjon = { id = ID, password = "q" } })))
    assert.equal("t1", fake.calls[1].bearer)
    assert.equal("t1", fake.calls[2].bearer)
    assert.equal("q", fake.clients[3].integrasjon_passord)
  end)

  it("can be one call only", function()
    assert(get(client, { person = "t2" }))
    assert(get(client, { person = function() return "t3" end }))
    assert.equal("t2", fake.calls[1].bearer)
    assert.equal("t3", fake.calls[2].bearer)
    assert.is_nil(fake.calls[1].person)
  end)

  it("does not use the token with HTTP Basic, nor to fetch a token", function()
    local person = client:as_person(function() error("not to be asked") end)
    assert(get(person, { username = "u", password = "p" }))
    assert.is_nil(fake.calls[1].bearer)
    local ok = pcall(person.token, person)
    assert.is_false(ok)
  end)

  it("asks a function before each call", function()
    local n = 0
    local person = client:as_person(function()
      n = n + 1
      return "t" .. n
    end)
    get(person)
    get(person)
    assert.equal("t1", fake.calls[1].bearer)
    assert.equal("t2", fake.calls[2].bearer)
  end)

  it("keeps what a function gave until it ends", function()
    local n, life = 0, 60
    local person = client:as_person(function()
      n = n + 1
      return "t" .. n, core.now() / 1000 + life
    end)
    get(person)
    get(person)
    assert.equal("t1", fake.calls[2].bearer)
    assert.equal("t1", person:token().access_token)
    assert.equal(1, n)
    life = 5 -- within the margin: used, not kept
    person = client:as_person(person._person._source())
    get(person)
    get(person)
    assert.equal("t3", fake.calls[4].bearer)
  end)

  it("keeps what a function gave no longer than the token itself says", function()
    local n, life = 0, 600
    local person = client:as_person(function()
      n = n + 1
      return jwt(life), core.now() / 1000 + 600
    end)
    local function asked()
      assert(get(person))
      assert(get(person))
      return n
    end
    assert.equal(1, asked())
    n, life = 0, 5 -- within the margin: used, not kept
    person = client:as_person(person._person._source())
    assert.equal(2, asked())
    local token = person:token()
    assert.is_true(token.expires_at < core.now() / 1000 + 6)
  end)

  it("refuses a call's person beside user name and password", function()
    local asked = false
    for _, extra in ipairs { { username = "u", password = "p" }, { password = "p" } } do
      extra.person = function()
        asked = true
        return "t"
      end
      local answer, err = get(client, extra)
      assert.is_nil(answer)
      assert.same({ "invalid", "bearer" }, { err.kind, err.code })
    end
    assert.is_false(asked)
    assert.equal(0, #fake.calls)
  end)

  it("asks anew after the platform refused the token", function()
    local n = 0
    local person = client:as_person(function()
      n = n + 1
      return "t" .. n, core.now() / 1000 + 600
    end)
    fake.answer = function()
      return nil, fake.error { kind = "auth", status = 401, message = "nei" }
    end
    get(person)
    get(person)
    assert.equal("t2", fake.calls[2].bearer)
  end)

  it("sends nothing with a token that has ended", function()
    local _, err = get(client:as_person(jwt(-1)))
    assert.equal("auth", err.kind)
    assert.equal("person_expired", err.code)
    assert.is_nil(tostring(err):find("eyJ", 1, true))
    _, err = get(client:as_person(function() return "t", core.now() / 1000 - 1 end))
    assert.equal("person_expired", err.code)
    _, err = get(client:as_person(function() return jwt(-1), core.now() / 1000 + 60 end))
    assert.equal("person_expired", err.code)
    assert.equal(0, #fake.calls)
    assert(get(client:as_person(jwt(60))))
  end)

  it("passes on the error of the function", function()
    local mine = fake.error { kind = "network", message = "nede" }
    local _, err = get(client:as_person(function() return nil, mine end))
    assert.equal(mine, err)
    _, err = get(client:as_person(function() return nil, "logget ut, " .. jwt(9) end))
    assert.equal("auth", err.kind)
    assert.matches("logget ut, <token>$", err.message)
    assert.matches("^logget ut", err.cause)
    _, err = get(client:as_person(function() end))
    assert.matches("gave nothing", err.message)
    assert.equal(0, #fake.calls)
  end)

  it("raises with a traceback what the function raised, without a token", function()
    local function broken()
      error("feil med Bearer abc.def og " .. jwt(9))
    end
    local ok, err = pcall(get, client:as_person(broken))
    assert.is_false(ok)
    assert.matches("raised: .*person_spec.lua:%d+: feil med Bearer <token> og <token>", err)
    assert.matches("stack traceback", err)
    assert.is_nil(err:find("eyJ", 1, true))
    assert.equal(0, #fake.calls)
  end)

  it("takes only a token for a token", function()
    for _, wrong in ipairs { "", "Bearer t", "t\r\n", "\195\165", ("x"):rep(32769) } do
      local _, err = get(client:as_person(wrong))
      assert.equal("invalid", err.kind)
      assert.equal("person_token", err.code)
    end
    local _, err = get(client:as_person(function() return {} end))
    assert.equal("person_token", err.code)
    _, err = get(client:as_person(function() return "t", "i morgen" end))
    assert.matches("seconds since 1970, not a string", err.message)
    assert.equal(0, #fake.calls)
  end)

  it("raises for anything else, at the caller's line", function()
    for _, f in ipairs {
      function() client:as_person(7) end,
      function() client:as_person() end,
      function() client:with { person = {} } end,
      function() client:request { method = "GET", path = "/x", person = {} } end,
    } do
      local ok, err = pcall(f)
      assert.is_false(ok)
      assert.matches("person_spec.lua:%d+: .*must be text, or a function", err)
    end
  end)

  it("lets the function make calls of its own, beside other tasks", function()
    local person = client:as_person(function()
      return "t" .. assert(get(client)).body
    end)
    fake.answer = function(spec)
      return { status = 200, body = spec.bearer or "5", content_type = "" }
    end
    local values = fiks.all {
      function() return get(person).body end,
      function() return get(client).body end,
      function() return get(person).body end,
    }
    assert.same({ "t5", "5", "t5" }, values)
  end)

  it("shows the token in no field", function()
    local person = client:as_person("hemmelig-token")
    get(person)
    local function search(value, seen)
      assert.not_equal("hemmelig-token", value)
      if type(value) == "table" and not seen[value] and value ~= fake then
        seen[value] = true
        for _, inner in pairs(value) do
          search(inner, seen)
        end
      end
    end
    search(person, {})
    assert.is_nil(tostring(person):find("hemmelig", 1, true))
  end)
end)

describe("a call's own grant", function()
  local fake, fiks, client

  before_each(function()
    fake = fake_core.install()
    fiks = require "fiks"
    client = assert(fiks.new { environment = "test", certificate = io.stdout,
      maskinporten = { client_id = "c", scope = "ks:fiks" } })
  end)
  after_each(fake_core.restore)

  it("reaches the core, checked", function()
    assert(client:request { method = "GET", path = "/x", scope = "a b", resource = "r",
      consumer_org = "0192:987654321", pid = "01816236955", authorization_details = {} })
    local spec = fake.calls[1]
    assert.same({ "a b", "r", "987654321", "01816236955", "[{}]" },
      { spec.scope, spec.resource, spec.consumer_org, spec.pid, spec.authorization_details })
    local answer, err = client:request { method = "GET", path = "/x", consumer_org = "12" }
    assert.is_nil(answer)
    assert.equal("invalid", err.kind)
    assert.equal("consumer_org", err.code)
    assert.equal(1, #fake.calls)
  end)

  it("of a service is that of a client made for it", function()
    for name, options in pairs { innsyn = {}, meldingsboks = {}, fiksio = { konto = ID } } do
      options.consumer_org = "987654321"
      local service = assert(client[name](client, options))
      assert.equal("987654321", service._client._settings.consumer_org)
      assert.equal("987654321", options.consumer_org) -- the caller's table stays
      options.consumer_org = "x"
      assert.equal("maskinporten.consumer_org", select(2, client[name](client, options)).code)
    end
    assert.is_nil(client._settings.consumer_org)
  end)
end)
