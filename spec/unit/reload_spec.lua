-- client:reload: what is read anew, all or nothing. The core's network is taken out.

local fake_core = require "spec.support.fake_core"

local ID = "5b2b3a3e-6b53-4a3a-9a77-0e5c0a9d7f11"
local OTHER = "11111111-6b53-4a3a-9a77-0e5c0a9d7f11"

describe("client:reload", function()
  local fake, fiks, path, client

  local function write(text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
  end

  before_each(function()
    fake = fake_core.install()
    fiks = require "fiks"
    path = os.tmpname()
    write("gammelt\n")
    client = assert(fiks.new { environment = "test",
      integrasjon = { id = ID, password = { file = path } } })
  end)
  after_each(function()
    fake_core.restore()
    os.remove(path)
  end)

  local function password_of(member)
    return member._secrets().integrasjon_passord
  end

  it("reads a password file anew, for all clients made of one", function()
    local other = assert(client:with { maskinporten = { scope = "ks:annet" } })
    local own = assert(other:with { integrasjon = { id = OTHER, password = "eget" } })
    local person = assert(client:as_person("t"))
    write("nytt\n")
    assert.equal("gammelt", password_of(client))
    assert.is_true(assert(other:reload()))
    assert.equal("nytt", password_of(client))
    assert.equal("nytt", password_of(other))
    assert.equal("ks:annet", other._settings.scope)
    assert.equal("eget", password_of(own))
    assert.equal(OTHER, own._settings.integrasjon_id)
    assert.equal("ks:annet", own._settings.scope)
    assert.equal("nytt", password_of(person))
    assert(person:request { method = "GET", path = "/x" })
    assert.equal("t", fake.calls[1].bearer)
    assert.equal(8, #fake.clients) -- four, and four anew
  end)

  it("changes nothing when one thing is wrong", function()
    local other = assert(client:with { integrasjon = { id = OTHER, password = "q" } })
    local before, made = client._core, 0
    write("")
    local ok, err = client:reload()
    assert.is_nil(ok)
    assert.equal("config", err.kind)
    assert.equal("gammelt", password_of(client))
    write("nytt")
    local real = fake.client
    fake.client = function(settings)
      made = made + 1
      if made == 2 then
        return nil, fake.error { kind = "config", message = "nei" }
      end
      return real(settings)
    end
    ok, err = client:reload()
    assert.is_nil(ok)
    assert.equal("nei", err.message)
    assert.equal("gammelt", password_of(client))
    assert.equal(before, client._core)
    assert.is_nil(before.closed)
    assert(other:request { method = "GET", path = "/x" })
    fake.client = real
    assert.is_true(client:reload())
    assert.equal("nytt", password_of(client))
    assert.is_true(before.closed)
  end)

  it("leaves calls under way alone", function()
    local values, errors = fiks.all {
      function() return client:request { method = "GET", path = "/x" } end,
      function()
        write("nytt")
        return client:reload()
      end,
    }
    assert.same({}, errors)
    assert.equal(200, values[1].status)
  end)

  it("happens by itself only when a file has changed", function()
    assert.is_false(client:reload_if_changed())
    assert.equal(1, #fake.clients)
    write("nytt")
    assert.is_true(client:reload_if_changed())
    assert.equal("nytt", password_of(client))
    assert.is_false(client:reload_if_changed())
    os.remove(path)
    local ok, err = client:reload_if_changed()
    assert.is_nil(ok)
    assert.matches("integrasjon.password", err.message)
    assert.is_nil((client:reload_if_changed())) -- tried again, as long as it fails
    write("tredje")
    assert.is_true(client:reload_if_changed())
    assert.equal("tredje", password_of(client))
  end)

  it("misses no change that a client or service made meanwhile has seen", function()
    write("nytt")
    local other = assert(client:with { integrasjon = { id = OTHER, password = { file = path } } })
    assert.equal("nytt", password_of(other))
    assert(client:svarinn { username = "u", password = { file = path }, keys = { io.stdout } })
    assert.equal("gammelt", password_of(client))
    assert.is_true(client:reload_if_changed())
    assert.equal("nytt", password_of(client))
    assert.is_false(client:reload_if_changed())
  end)

  it("reads the passwords of SvarInn anew, too", function()
    local svarinn = assert(client:svarinn { username = "u", password = { file = path },
      keys = { io.stdout } })
    write("nytt")
    assert.equal("gammelt", svarinn._accounts[1]._password())
    assert.is_true(client:reload())
    assert.equal("nytt", svarinn._accounts[1]._password())
    write("")
    assert.is_nil((client:reload()))
    assert.equal("nytt", svarinn._accounts[1]._password())
  end)

  it("watches the files of SvarInn", function()
    local mine = assert(fiks.new { environment = "test" })
    assert(mine:svarinn { username = "u", password = { file = path }, keys = { io.stdout } })
    assert.is_false(mine:reload_if_changed())
    write("nytt")
    assert.is_true(mine:reload_if_changed())
  end)

  it("follows the settings file", function()
    write("{\"environment\":\"test\",\"contract\":\"2018\"}")
    local other = assert(fiks.new { file = path })
    assert.equal("2018", other.contract)
    write("{\"environment\":\"prod\"}")
    assert.is_true(other:reload_if_changed())
    assert.equal("current", other.contract)
    assert.equal("prod", other._settings.environment)
    write("{\"enviroment\":\"prod\"}")
    assert.matches("did you mean 'environment'", select(2, other:reload_if_changed()).message)
    assert.equal("prod", other._settings.environment)
  end)

  it("keeps to what fiks.new was given, whatever becomes of the table", function()
    local given = { environment = "test", integrasjon = { id = ID, password = "p" } }
    local other = assert(fiks.new(given))
    given.integrasjon.password = "endret"
    given.environment = "tull"
    assert.is_true(other:reload())
    assert.equal("p", password_of(other))
  end)

  it("leaves closed clients closed, and holds none that nobody else does", function()
    local family = client._family
    local other = assert(client:with {})
    other:close()
    assert.is_true(client:reload())
    assert.is_nil(other._core)
    other = nil -- luacheck: ignore 311
    client = nil
    collectgarbage()
    collectgarbage()
    assert.is_nil((next(family.members)))
  end)
end)
