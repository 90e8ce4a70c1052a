-- Rows 20 to 26 of the edge cases of authentication: what settings say, alone and together.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"
local proof = require "spec.support.proof"

describe("configuration,", function()
  local here

  setup(function()
    here = endpoint.start()
  end)
  teardown(function()
    here:stop()
  end)
  before_each(function()
    here:forget()
  end)

  local function refusal(code, text)
    return { status = 400, body = core.json_encode {
      error = "invalid_grant", error_description = text or "Nei.",
      error_uri = "https://maskinporten.no/errors/" .. code,
    } }
  end

  local function warnings(replaced)
    local client = here:client(replaced)
    local list = client:warnings()
    client:close()
    return table.concat(list, "\n")
  end

  local function refused(replaced, option, part)
    local client, err = fiks.new(here:options(replaced))
    assert.is_nil(client)
    assert.equal("config", err.kind)
    assert.truthy(err.message:find(option, 1, true), err.message)
    assert.truthy(err.message:find(part or "", 1, true), err.message)
    assert.is_true(#err.message < 700)
    assert.equal(0, here:token_requests())
    return err
  end

  local function has(text, part)
    assert.truthy(text:find(part, 1, true), text)
  end

  it("row 20: a certificate or an address of another environment", function()
    has(warnings { environment = { issuer = "https://test.maskinporten.no/",
      token_endpoint = "https://maskinporten.no/token" } }, "are they of one environment")
    has(warnings { environment = { api = "https://api.fiks.ks.no",
      issuer = "https://test.maskinporten.no/",
      token_endpoint = "https://test.maskinporten.no/token" } }, "they will be refused")
    has(here:failure({ refusal("MP-110") }).message, "issuer")
    local err = here:failure({ refusal("MP-120") })
    assert.equal("MP-120", err.mp_code)
    has(err.message, "virksomhetssertifikat")
    proof.in_c("test_client: addresses_that_do_not_fit_together",
      "test_client: a_certificate_of_another_environment")
  end)

  it("row 21: the audience is sent as it is given, and a doubtful one is warned of", function()
    local function audience(issuer)
      here:forget()
      assert.is_truthy(here:call(nil, { environment = { issuer = issuer } }))
      return here:grants()[1].claims.aud
    end
    for _, path in ipairs { "", "/", "//", "/token" } do
      assert.equal(here.url .. path, audience(here.url .. path))
    end
    has(warnings { environment = { issuer = "https://maskinporten.no",
      token_endpoint = "https://maskinporten.no/token" } }, "MP-110")
    has(warnings { environment = { issuer = "https://maskinporten.no/token",
      token_endpoint = "https://maskinporten.no/token" } }, "address of the token endpoint")
    assert.is_nil(warnings():find("issuer", 1, true))
  end)

  it("row 22: hosts that are gone are named, with what replaced them", function()
    for _, host in ipairs {
      "oidc-ver1.difi.no", "oidc-ver2.difi.no", "oidc-yt2.difi.eon.no", "oidc.difi.no",
      "ver1.maskinporten.no", "ver2.maskinporten.no", "yt2.maskinporten.no",
    } do
      local url = "https://" .. host .. "/"
      local err = refused({ environment = { issuer = url } }, host, "maskinporten.no/")
      assert.equal("retired_host", err.code)
      assert.equal("retired_host", refused({ environment = { token_endpoint = url .. "token" } },
        host).code)
    end
    proof.in_c("test_client: retired_hosts_are_named_with_what_replaced_them")
  end)

  it("row 23: scopes that are none", function()
    refused({ maskinporten = { scope = "" } }, "scope")
    refused({ maskinporten = { scope = "   " } }, "scope")
    refused({ maskinporten = { scope = "ks:fiks\nks:x" } }, "scope")
    refused({ maskinporten = { scope = "ks:\127fiks" } }, "scope")
    refused({ maskinporten = { scope = "ks:blå" } }, "scope")
    refused({ maskinporten = { scope = ("ks:fiks "):rep(10000) } }, "scope")
    local client = here:client()
    local answer, err = client:request { method = "GET", path = "/x", scope = "ks:\"fiks" }
    assert.is_nil(answer)
    assert.truthy(err.kind == "invalid" or err.kind == "config", err.kind)
    client:close()
    proof.in_c("test_grant: long_inputs_are_refused, inputs_are_checked_up_front")
  end)

  it("row 24: the same scopes in another order, or twice, are one token", function()
    local options = here:options { maskinporten = { scope = "ks:b ks:a" } }
    for _, scope in ipairs { "ks:b ks:a", "ks:a ks:b", " ks:a  ks:b ks:a " } do
      options.maskinporten.scope = scope
      here:tokens({ always = true, body =
        '{"access_token":"t","expires_in":119,"scope":"ks:a ks:b"}' })
      local client = assert(fiks.new(options))
      assert.is_truthy(client:request { method = "GET", path = "/x" })
      client:close()
    end
    assert.equal(1, here:token_requests())
    assert.equal("ks:b ks:a", here:grants()[1].claims.scope)
    proof.in_c("test_token_cache: scopes_are_a_set")
  end)

  it("row 25: consumer_org in its many spellings", function()
    for _, wrong in ipairs { "91075361", "9107536144", "910 753 614", "0192:", "0192:91075361",
      "9908:910753614", "91075361x" } do
      refused({ maskinporten = { consumer_org = wrong } }, "consumer_org", "nine digits")
    end
    for _, right in ipairs { "910753614", "0192:910753614", "999999999" } do
      here:forget()
      assert.is_truthy(here:call(nil, { maskinporten = { consumer_org = right } }))
      assert.equal(right:match("%d+$"), here:grants()[1].claims.consumer_org)
    end
    for number, wrong in pairs { ["910753614"] = false, ["0192:910753615"] = true } do
      local client = assert(fiks.new(here:options { maskinporten = { consumer_org = number } }))
      local said = table.concat(client:warnings(), "\n")
      assert.equal(wrong, said:find("consumer_org 910753615: the check digit", 1, true) ~= nil)
      assert.equal(not wrong, said:find("consumer_org 910753614 is the certificate's own", 1, true)
        ~= nil)
      client:close()
    end
    -- Of a key that is registered only the issuer knows whose client it is.
    local err = here:failure({ refusal("MP-011",
      "combination consumer_org in claim and delegation scope on client is invalid") },
      { maskinporten = { consumer_org = "910753614" } })
    assert.equal("denied", err.kind)
    has(err.message, "consumer_org")
  end)

  it("row 26: claims with quotes and letters are escaped, NUL is refused", function()
    local id = "MOVE \"IP\" \\ blåbær </script>"
    assert.is_truthy(here:call(nil, { maskinporten = { client_id = id } }))
    assert.equal(id, here:grants()[1].claims.iss)
    here:forget()
    for _, name in ipairs { "client_id", "scope", "kid", "resource" } do
      refused({ maskinporten = { [name] = "a\0b" } }, name)
    end
    local answer, err = here:client():request { method = "GET", path = "/x",
      query = { ["a"] = "b\0c" } }
    assert.is_nil(answer)
    assert.equal("invalid", err.kind)
    has(err.message, "NUL")
  end)
end)
