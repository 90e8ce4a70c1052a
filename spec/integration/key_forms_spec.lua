-- The certificate and key of fiks.new in every form that it can be given.

local core = require "fiks.core"
local fiks = require "fiks"
local sandbox = require "spec.support.sandbox"

describe("certificate", function()
  local kommune, integrasjon

  setup(function()
    kommune = sandbox.description().organisations.kommune
    integrasjon = sandbox.integrasjon()
  end)

  local function token_with(certificate, client_id)
    local options = sandbox.options("current", integrasjon, { certificate = certificate })
    options.maskinporten = { client_id = client_id or kommune.client_id }
    local client, err = fiks.new(options)
    if not client then
      return nil, err
    end
    return client:token()
  end

  it("may be the bytes of a PEM or PKCS#12 file", function()
    assert.is_truthy(token_with { data = sandbox.read(kommune.key_file)
      .. sandbox.read(kommune.chain_file) })
    assert.is_truthy(token_with { data = sandbox.read(kommune.pkcs12),
      password = kommune.pkcs12_password })
    local _, err = token_with { data = sandbox.read(kommune.pkcs12), password = "hemmelig-feil" }
    assert.equal("wrong_password", err.code)
    assert.is_nil(tostring(err):find("hemmelig-feil", 1, true))
  end)

  it("may be a JWK, as a table and as text, registered by kid", function()
    local pipe = assert(io.popen("LD_PRELOAD= jose jwk gen -i '{\"alg\":\"RS256\"}'"))
    local text = pipe:read("*a")
    pipe:close()
    local jwk, client_id = core.json_decode(text), fiks.uuid()
    sandbox.konfigurasjon("POST", "/klienter", { klientId = client_id,
      organisasjonsnummer = kommune.organisasjonsnummer,
      nokler = { { kid = "jwk-1", jwk = { kty = "RSA", n = jwk.n, e = jwk.e } } } })
    assert.is_truthy(token_with({ jwk = jwk, kid = "jwk-1" }, client_id))
    assert.is_truthy(token_with({ jwk = text, kid = "jwk-1" }, client_id))
    local _, err = token_with({ jwk = { kty = "RSA", d = jwk.d }, kid = "jwk-1" }, client_id)
    assert.equal("credentials", err.kind)
    assert.matches("certificate.jwk", err.message)
    assert.is_nil(tostring(err):find(jwk.d, 1, true))
    _, err = token_with { jwk = 7 }
    assert.equal("certificate.jwk", err.code)
  end)

  it("may be a PKCS#11 URI, whose key is looked for in the token", function()
    for _, certificate in ipairs { "pkcs11:object=finnes-ikke",
      { key = "pkcs11:object=finnes-ikke", pem = kommune.chain_file } } do
      local none, err = token_with(certificate)
      assert.is_nil(none)
      assert.equal("credentials", err.kind)
    end
  end)
end)
