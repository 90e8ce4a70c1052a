-- Tokens, as real programs get them: certificates, kid, caching, renewal, refusals.

local core = require "fiks.core"
local fiks = require "fiks"
local sandbox = require "spec.support.sandbox"

local KONTO = "/fiks-io/katalog/api/v1/kontoer/"

describe("a token", function()
  local here, kommune, integrasjon

  setup(function()
    here = sandbox.description()
    kommune = here.organisations.kommune
    integrasjon = sandbox.integrasjon()
  end)
  after_each(sandbox.no_faults)

  local function claims(token)
    return core.json_decode(core.unbase64url(token.access_token:match("^[^.]+%.([^.]+)%.")))
  end

  local function lookup(client)
    return client:request { method = "GET", path = KONTO .. here.fiksio.mottaker.konto_id }
  end

  local function renewed_by(client, status, text)
    client:token() -- whatever is left of other specs
    sandbox.fault { sti = KONTO .. "*", status = status, contentType = "application/json",
      kropp = core.json_encode { status = status, message = text } }
    local mark = sandbox.mark()
    local answer, err = lookup(client)
    return answer, err, #sandbox.calls(mark, "/maskinporten/token"), #sandbox.calls(mark, KONTO)
  end

  for contract, want in pairs {
    current = { scope = "ks:fiks", path = "/maskinporten/token" },
    ["2018"] = { scope = "ks", path = "/idporten-oidc-provider/token" },
  } do
    it("of contract " .. contract .. " has its scope and its issuer", function()
      local client = sandbox.client(contract, integrasjon)
      local token = assert(client:token())
      assert.equal(here.contracts[contract].issuer, claims(token).iss)
      assert.equal(want.scope, claims(token).scope)
      assert.is_true(token.expires_at > os.time())
      client:close()
    end)
  end

  it("comes of a key and certificates in PEM files too", function()
    local client = sandbox.client("current", integrasjon, {
      certificate = { key = kommune.key_file, pem = kommune.chain_file },
    })
    assert.is_truthy(client:token())
    assert.equal(200, assert(lookup(client)).status)
  end)

  it("comes of a registered key, by kid, without a certificate", function()
    local id = fiks.uuid()
    sandbox.konfigurasjon("POST", "/klienter", {
      klientId = id, organisasjonsnummer = kommune.organisasjonsnummer,
      nokler = { { kid = "nokkel-1", sertifikat = sandbox.read(kommune.certificate_file) } },
    })
    local client = sandbox.client("current", integrasjon, {
      maskinporten = { client_id = id },
      certificate = { key = kommune.key_file, kid = "nokkel-1" },
    })
    assert.is_truthy(client:token())
    assert.equal(200, assert(lookup(client)).status)
    local other = sandbox.client("current", integrasjon, {
      maskinporten = { client_id = id, kid = "nokkel-2" },
      certificate = { key = kommune.key_file },
    })
    local none, err = other:token()
    assert.is_nil(none)
    assert.equal("denied", err.kind)
    assert.equal("invalid_grant", err.oauth_error)
  end)

  it("is fetched once for many calls at once, and shared by clients alike", function()
    local id = fiks.uuid()
    sandbox.konfigurasjon("POST", "/klienter", {
      klientId = id, organisasjonsnummer = kommune.organisasjonsnummer,
    })
    local replaced = { maskinporten = { client_id = id } }
    local one = sandbox.client("current", integrasjon, replaced)
    local two = one:with { integrasjon = sandbox.integrasjon() }
    local mark = sandbox.mark()
    local jobs = {}
    for i = 1, 10 do
      jobs[i] = function()
        return lookup(i % 2 == 0 and one or two)
      end
    end
    local answers, errors = fiks.all(jobs)
    assert.same({}, errors)
    assert.equal(10, #answers)
    assert.equal(1, #sandbox.calls(mark, "/maskinporten/token"))
    assert.equal(10, #sandbox.calls(mark, KONTO))
  end)

  it("is renewed once when the platform blames it", function()
    local client = sandbox.client("current", integrasjon)
    local answer, _, tokens, calls = renewed_by(client, 401, "Klarte ikke å validere access_token")
    assert.equal(200, answer.status)
    assert.equal(1, tokens)
    assert.equal(2, calls)
  end)

  it("is not renewed when the platform blames the integrasjon", function()
    local client = sandbox.client("current", integrasjon)
    local answer, err, tokens, calls = renewed_by(client, 401,
      "Autentisering feilet for integrasjon med id 7")
    assert.is_nil(answer)
    assert.equal("auth", err.kind)
    assert.equal(0, tokens)
    assert.equal(1, calls)
  end)

  it("is refused for a client that nobody registered, with Maskinporten's own words", function()
    local client = sandbox.client("current", integrasjon, {
      maskinporten = { client_id = fiks.uuid() },
    })
    local answer, err = lookup(client)
    assert.is_nil(answer)
    assert.equal("denied", err.kind)
    assert.is_string(err.oauth_error)
    assert.matches("^MP%-%d+$", err.mp_code)
    assert.is_string(err.trace_id)
    assert.is_false(err.retryable)
  end)

  it("is refused for a self-signed certificate", function()
    local bad = here.bad.self_signed
    local client = sandbox.client("current", integrasjon, {
      certificate = { key = bad.key_file, pem = bad.certificate_file },
    })
    local none, err = client:token()
    assert.is_nil(none)
    assert.equal("denied", err.kind)
  end)

  it("is not even asked for with an expired certificate: that makes no client", function()
    local client, err = fiks.new(sandbox.options("current", integrasjon, {
      certificate = { key = here.bad.expired.key_file, pem = here.bad.expired.certificate_file },
    }))
    assert.is_nil(client)
    assert.equal("credentials", err.kind)
    assert.equal("expired", err.code)
    assert.matches("expired %(valid %d+%-%d+%-%d+ to %d+%-%d+%-%d+%)", err.message)
  end)

  it("cannot be had with the wrong password of the certificate: nothing is sent", function()
    local mark = sandbox.mark()
    local client, err = fiks.new(sandbox.options("current", integrasjon, {
      certificate = { pkcs12 = kommune.pkcs12, password = "hemmelig-feil" },
    }))
    assert.is_nil(client)
    assert.equal("credentials", err.kind)
    assert.equal("wrong_password", err.code)
    assert.is_nil(tostring(err):find("hemmelig-feil", 1, true))
    assert.is_nil(tostring(err):find(kommune.pkcs12_password, 1, true))
    client, err = fiks.new(sandbox.options("current", integrasjon, {
      certificate = { pkcs12 = "/finnes/ikke.p12", password = "x" },
    }))
    assert.is_nil(client)
    assert.equal("credentials", err.kind)
    assert.truthy(err.message:find("ikke.p12", 1, true))
    assert.equal(0, #sandbox.calls(mark, "/maskinporten"))
  end)
end)
