-- What a user gets when access is wrong, in both contracts.

local fiks = require "fiks"
local meldinger = require "examples.meldinger"
local sandbox = require "spec.support.sandbox"
local stage = require "examples.support"

describe("access", function()
  local kommune, batch

  setup(function()
    kommune = sandbox.description().organisations.kommune
    batch = meldinger.for_person(kommune, "14021950123")
  end)

  local function index(integrasjon, replaced)
    return sandbox.client("2018", integrasjon, replaced):meldingsboks():index(batch)
  end

  local function refused(kind, status, secret, result, err)
    assert.is_nil(result)
    assert.equal(kind, err.kind)
    assert.equal(status, err.status)
    assert.is_string(err.error_id)
    assert.is_false(err.retryable)
    assert.truthy(tostring(err):find(err.error_id, 1, true))
    assert.is_nil(tostring(err):find(secret, 1, true))
    for _, value in pairs(err) do
      assert.is_nil(tostring(value):find(secret, 1, true))
    end
    return err
  end

  it("without privilege is denied, naming the privilege", function()
    local integrasjon = stage.new_integrasjon("spec", "uten", { "meldingsboks" })
    local err = refused("denied", 403, integrasjon.password, index(integrasjon))
    assert.matches("privilegiet meldingsboks", err.message)
  end)

  it("with a wrong password is an auth error that says what to check", function()
    local integrasjon = sandbox.integrasjon()
    local wrong = { id = integrasjon.id, password = "helt-feil-9182" }
    local err = refused("auth", 401, wrong.password, index(wrong))
    assert.matches("Autentisering feilet", err.message)
    assert.matches("password", err.message)
    assert.truthy(err.message:find(integrasjon.id, 1, true))
  end)

  it("ends at once when the password is replaced, or the integrasjon revoked", function()
    local integrasjon = sandbox.integrasjon()
    assert(index(integrasjon))
    local new = sandbox.konfigurasjon("POST", "/integrasjoner/" .. integrasjon.id .. "/passord")
    refused("auth", 401, integrasjon.password, index(integrasjon))
    integrasjon.password = new.passord
    assert(index(integrasjon))
    sandbox.konfigurasjon("POST", "/integrasjoner/" .. integrasjon.id .. "/sperr")
    refused("auth", 401, integrasjon.password, index(integrasjon))
  end)

  it("of another organisation's certificate is refused", function()
    local other = sandbox.description().organisations.leverandor
    refused("auth", 401, "x-x-x", index(sandbox.integrasjon(), {
      certificate = { pkcs12 = other.pkcs12, password = other.pkcs12_password },
      maskinporten = { client_id = other.client_id },
    }))
  end)

  it("without certificate or integrasjon fails before anything is sent", function()
    local mark = sandbox.mark()
    local client = assert(fiks.new { environment = "sandbox", contract = "2018" })
    local result, err = client:meldingsboks():index(batch)
    assert.is_nil(result)
    assert.equal("config", err.kind)
    local options = sandbox.options("2018", sandbox.integrasjon())
    options.integrasjon = nil
    result, err = assert(fiks.new(options)):meldingsboks():index(batch)
    assert.is_nil(result)
    assert.equal("config", err.kind)
    assert.equal(0, #sandbox.calls(mark, "/meldingindexer"))
  end)

  it("of SvarInn with a wrong password stops at the list", function()
    local here = sandbox.description().svarinn
    local client = assert(fiks.new { environment = "sandbox" })
    for version = 1, 2 do
      local svarinn = assert(client:svarinn { username = here.brukernavn,
        password = "helt-feil-9182", version = version, keys = { { key = here.key_file,
        pem = here.certificate_file } } })
      local items, err = svarinn:receive { into = "/tmp" }
      assert.is_nil(items)
      assert.equal("auth", err.kind)
      assert.is_nil(tostring(err):find("helt-feil-9182", 1, true))
    end
  end)
end)
