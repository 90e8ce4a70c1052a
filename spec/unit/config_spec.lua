-- fiks.config: the options of fiks.new.

local config = require "fiks.config"
local core = require "fiks.core"

local SECRET = "hemmelig-passord-7391"
local ID = "5b2b3a3e-6b53-4a3a-9a77-0e5c0a9d7f11"

local function resolve(given)
  return config.resolve(given, 1)
end

local function refused(given, option, text)
  local settings, err = resolve(given)
  assert.is_nil(settings)
  assert.equal("config", err.kind)
  assert.equal(option, err.code)
  assert.matches("option '" .. option:gsub("%p", "%%%0"), tostring(err))
  if text then
    assert.matches(text, err.message)
  end
  assert.is_nil(tostring(err):find(SECRET, 1, true))
  return err
end

describe("environment", function()
  it("has no default", function()
    refused({}, "environment", "there is no default")
  end)

  it("is passed on by name", function()
    assert.equal("prod", resolve({ environment = "prod" }).environment)
    local settings = resolve { environment = "test", ca_file = "/ca.pem" }
    assert.equal("test", settings.environment)
    assert.equal("/ca.pem", settings.ca_file)
    assert.equal("current", settings.contract)
  end)

  it("is refused by other names, saying what there is", function()
    refused({ environment = "qa" }, "environment", "\"test\".*not \"qa\"")
    refused({ environment = true }, "environment", "not a boolean")
  end)

  it("is a table of URLs", function()
    local settings = resolve {
      environment = {
        api = "https://a", svarut = "https://s", issuer = "https://i/",
        token_endpoint = "https://i/token", ca_file = "ca.pem",
      },
    }
    assert.same({
      contract = "current", api_url = "https://a", svarut_url = "https://s",
      issuer = "https://i/", token_endpoint = "https://i/token", ca_file = "ca.pem",
    }, settings)
    refused({ environment = {} }, "environment", "no URL")
    refused({ environment = { api = 7 } }, "environment.api", "not a number")
    refused({ environment = { api = "" } }, "environment.api", "is empty")
    refused({ environment = { api = "https://a\nb" } }, "environment.api", "control character")
  end)
end)

describe("environment \"sandbox\"", function()
  local getenv, path = os.getenv, nil

  before_each(function()
    path = os.tmpname()
    os.getenv = function(name) -- luacheck: ignore 122
      if name == "FIKS_SANDBOX" then
        return path
      end
      return getenv(name)
    end
  end)
  after_each(function()
    os.getenv = getenv -- luacheck: ignore 122
    os.remove(path)
  end)

  local function write(text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
  end

  it("comes from the file that FIKS_SANDBOX names, by contract", function()
    write(core.json_encode {
      base_url = "https://localhost:1", ca_file = "/s/ca.pem",
      contracts = {
        current = {
          issuer = "https://localhost:1/m/", token_endpoint = "https://localhost:1/m/token",
          scope = "ks:fiks", svarut_url = "https://localhost:1",
        },
        ["2018"] = {
          issuer = "https://localhost:1/i/", token_endpoint = "https://localhost:1/i/token",
          scope = "ks", svarut_url = "https://localhost:1",
        },
      },
    })
    local settings = resolve { environment = "sandbox" }
    assert.equal("https://localhost:1", settings.api_url)
    assert.equal("https://localhost:1/m/token", settings.token_endpoint)
    assert.equal("/s/ca.pem", settings.ca_file)
    assert.is_nil(settings.environment)
    settings = resolve { environment = "sandbox", contract = "2018", ca_file = "own.pem" }
    assert.equal("https://localhost:1/i/", settings.issuer)
    assert.equal("ks", settings.scope)
    assert.equal("own.pem", settings.ca_file)
  end)

  it("says what to do when there is no such file, or another one", function()
    os.remove(path)
    refused({ environment = "sandbox" }, "environment", "sandbox/start.*FIKS_SANDBOX")
    for _, text in ipairs { "", "{", "[]", "{}", "7", "{\"contracts\":{}}" } do
      write(text)
      refused({ environment = "sandbox" }, "environment", "not a sandbox's description")
    end
  end)
end)

describe("other values", function()
  local function with(fields)
    fields.environment = "test"
    return fields
  end

  it("contract is current or 2018", function()
    assert.equal("2018", resolve(with { contract = "2018" }).contract)
    refused(with { contract = 2018 }, "contract", "a number")
    refused(with { contract = "2019" }, "contract", "\"2019\"")
  end)

  it("integrasjon needs id and password", function()
    local settings = resolve(with { integrasjon = { id = ID:upper(), password = SECRET } })
    assert.equal(ID, settings.integrasjon_id)
    assert.equal(SECRET, settings.integrasjon_passord)
    refused(with { integrasjon = { id = ID } }, "integrasjon.password", "is missing")
    refused(with { integrasjon = { password = SECRET } }, "integrasjon.id", "is missing")
    refused(with { integrasjon = { id = "7", password = SECRET } }, "integrasjon.id", "not a UUID")
    refused(with { integrasjon = { id = ID, password = SECRET .. "\n" } }, "integrasjon.password",
      "control character")
    refused(with { integrasjon = { id = ID, password = 7391 } }, "integrasjon.password",
      "not a number")
    refused(with { integrasjon = SECRET }, "integrasjon", "must be a table")
  end)

  it("maskinporten and certificate go together", function()
    refused(with { maskinporten = { client_id = "c" } }, "certificate", "is missing")
    refused(with { maskinporten = { client_id = "c", consumer_org = "12" } },
      "maskinporten.consumer_org", "nine digits")
    refused(with { maskinporten = "c" }, "maskinporten", "must be a table")
  end)

  it("certificate names one key", function()
    refused(with { certificate = "k.p12" }, "certificate", "must be a table")
    refused(with { certificate = {} }, "certificate", "names no key")
    refused(with { certificate = { password = SECRET } }, "certificate", "names no key")
    refused(with { certificate = { pkcs12 = "a", pem = "b" } }, "certificate", "more than one")
    refused(with { certificate = { pkcs12 = "a", data = "b" } }, "certificate", "more than one")
    refused(with { certificate = { pkcs12 = 1 } }, "certificate.pkcs12", "not a number")
    refused(with { certificate = { pem = "k", password = 7391 } }, "certificate.password",
      "not a number")
  end)

  it("allow_loopback_http is a boolean", function()
    assert.is_true(resolve(with { allow_loopback_http = true }).allow_loopback_http)
    refused(with { allow_loopback_http = "yes" }, "allow_loopback_http", "not a string")
  end)
end)

describe("what the core refuses", function()
  it("is told under the option's own name", function()
    local client, err = require("fiks").new { environment = { api = "http://fiks.example" } }
    assert.is_nil(client)
    assert.equal("config", err.kind)
    assert.matches("environment.api must be https", err.message)
  end)
end)

describe("unknown names", function()
  local fiks = require "fiks"

  local function raises(given, text)
    local ok, err = pcall(function()
      fiks.new(given)
    end)
    assert.is_false(ok)
    assert.matches("^[%w/_.]*config_spec.lua:%d+: ", err) -- blames this file, not the library
    assert.matches(text, err)
    assert.is_nil(err:find(SECRET, 1, true))
  end

  it("raise where fiks.new was called, with the nearest name", function()
    raises({ enviroment = "test" }, "unknown option 'enviroment', did you mean 'environment'%?")
    raises({ environment = "test", Integrasjon = {} }, "did you mean 'integrasjon'")
    raises({ environment = { api = "https://a", svarinn = "https://b" } },
      "fiks.new: environment: unknown option 'svarinn', did you mean 'svarut'")
    raises({ environment = "test", integrasjon = { id = ID, passord = SECRET } },
      "did you mean 'password'")
    raises({ environment = "test", maskinporten = { clientid = "x" } }, "did you mean 'client_id'")
    raises({ environment = "test", certificate = { pkcs_12 = "x" } }, "did you mean 'pkcs12'")
    raises({ "test" }, "options go by name, found %[1%]")
    raises("test", "expected a table of options, got string")
  end)
end)
