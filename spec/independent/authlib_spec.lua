-- A token endpoint that others have written (Authlib): it issues us tokens, which its API takes,
-- and what it refuses becomes fields.

local core = require "fiks.core"
local fiks = require "fiks"
local material = require "spec.support.material"

local GET = { method = "GET", path = "/api/hvem" }

describe("an endpoint made of Authlib", function()
  local made, pipe, url

  setup(function()
    made = material.new()
    made:sh([[
      self_signed kommune '/C=NO/O=STOREVIK KOMMUNE - 910753614/CN=Storevik' -days 300
      self_signed annen '/C=NO/O=VESTVAAG KOMMUNE/CN=Annen' -days 300
      self_signed tls /CN=localhost -days 30 -addext subjectAltName=DNS:localhost
      mkfifo announced]])
    local clients = made:write("clients.json", core.json_encode {
      sertifikat = { scope = "ks:fiks", pem = made:path("kommune.pem"), kid = core.null },
      nokkel = { scope = "ks:fiks ks:svarut", pem = made:path("kommune.pem"), kid = "nokkel-1" },
    })
    pipe = assert(io.popen(("LD_PRELOAD= /usr/bin/python3 spec/independent/authlib_endpoint.py "
      .. "'%s' '%s' '%s' >'%s' 2>'%s'"):format(made:path("tls.pem"), made:path("tls.key"), clients,
        made:path("announced"), made:path("log")), "w"))
    local announced = assert(io.open(made:path("announced")))
    local line = announced:read("*l")
    announced:close()
    if not line then
      error(made:read("log"), 0)
    end
    url = core.json_decode(line).url
  end)
  teardown(function()
    pipe:close()
    made:remove()
  end)

  local function client(client_id, maskinporten, certificate)
    maskinporten = maskinporten or {}
    maskinporten.client_id = client_id
    return fiks.check(fiks.new {
      environment = { api = url, issuer = maskinporten.issuer or url .. "/",
        token_endpoint = url .. "/token" },
      ca_file = made:path("tls.pem"),
      certificate = certificate
        or { key = made:path("kommune.key"), pem = made:path("kommune.pem") },
      maskinporten = maskinporten,
      integrasjon = { id = "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01", password = "p" },
    })
  end

  local function refused(one)
    local token, err = one:token()
    assert.is_nil(token)
    assert.equal(400, err.status)
    assert.equal("0123456789abcdef0123456789abcdef", err.trace_id)
    assert.equal(36, #err.jti)
    assert.equal("token", err.operation)
    one:close()
    return err
  end

  for _, alg in ipairs { "RS256", "RS384", "RS512" } do
    it("issues a token for x5c and " .. alg .. ", and its API takes it", function()
      local one = client("sertifikat", { alg = alg })
      local before = os.time()
      local token = assert(one:token())
      assert.is_true(token.expires_at >= before + 117 and token.expires_at <= os.time() + 121)
      local answer = assert(one:request(GET))
      assert.equal(200, answer.status)
      assert.same({ "sertifikat", "ks:fiks" }, { answer.json.client_id, answer.json.scope })
      one:close()
    end)
  end

  it("issues tokens for kid, by scope, and one is used for many calls", function()
    local one = client("nokkel", { kid = "nokkel-1", scope = "ks:fiks ks:svarut",
      consumer_org = "910753614" })
    local first = assert(one:request(GET))
    for _ = 1, 5 do
      assert.equal(first.json.tokens, assert(one:request(GET)).json.tokens)
    end
    local other = assert(one:request { method = "GET", path = "/api/hvem", scope = "ks:svarut" })
    assert.equal("ks:svarut", other.json.scope)
    assert.equal(first.json.tokens + 1, other.json.tokens)
    one:close()
  end)

  it("refuses what is not right, in words that become fields", function()
    local err = refused(client("ukjent"))
    assert.same({ "denied", "invalid_grant" }, { err.kind, err.oauth_error })
    assert.matches("Unknown client", err.message)
    assert.is_false(err.retryable)

    err = refused(client("nokkel", { kid = "nokkel-2" }))
    assert.matches("not registered on this client", err.message)

    err = refused(client("sertifikat", nil, { key = made:path("annen.key"),
      pem = made:path("annen.pem") }))
    assert.matches("Another certificate", err.message)

    err = refused(client("sertifikat", { scope = "ks:annet" }))
    assert.same({ "denied", "invalid_scope" }, { err.kind, err.oauth_error })
  end)

  it("refuses a wrong audience, and a signature of another key", function()
    local one, wrong = fiks.new {
      environment = { api = url, issuer = url, token_endpoint = url .. "/token" },
      ca_file = made:path("tls.pem"), maskinporten = { client_id = "sertifikat" },
      certificate = { key = made:path("kommune.key"), pem = made:path("kommune.pem") },
    }
    assert.is_nil(wrong)
    assert.matches("Invalid audience", refused(one).message)
    one = client("nokkel", { kid = "nokkel-1" }, { key = made:path("annen.key") })
    local token, err = one:token()
    assert.is_nil(token)
    assert.same({ "denied", "invalid_grant", 400 }, { err.kind, err.oauth_error, err.status })
    one:close()
  end)

  it("takes only its own tokens", function()
    local one = client("sertifikat")
    local answer, err = one:request { method = "GET", path = "/api/hvem", person = "ikke.et.token" }
    assert.is_nil(answer)
    assert.equal("auth", err.kind)
    one:close()
  end)
end)
