-- Rows 58 to 69 of the edge cases of authentication: many callers, refreshes, refused tokens, and
-- settings that change.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"
local proof = require "spec.support.proof"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local GET = { method = "GET", path = "/x" }
local TOKEN_401 = { status = 401, body = '{"message":"Klarte ikke å validere access_token"}' }
local INTEGRASJON_401 = { status = 401,
  body = '{"message":"Autentisering feilet for integrasjon med id 7"}' }

describe("the life of a token,", function()
  local here

  setup(function()
    here = endpoint.start()
    here.material:sh("self_signed ny '/O=STOREVIK KOMMUNE - 910753614/CN=Ny' -days 300")
  end)
  teardown(function()
    here:stop()
  end)
  before_each(function()
    here:forget()
  end)

  local function tasks(count, f)
    local list = {}
    for i = 1, count do
      list[i] = f
    end
    return fiks.all(list)
  end

  local function bearers()
    local list = {}
    for i, request in ipairs(here:seen("/x")) do
      local values = endpoint.header(request, "Authorization")
      assert.equal(1, #values)
      list[i] = values[1]
    end
    return list
  end

  it("row 58: a thousand at once with a cold cache: one request, one outcome", function()
    local client = here:client()
    local answers, errors = tasks(1000, function()
      return client:request(GET)
    end)
    assert.same({}, errors)
    assert.equal(1000, #answers)
    assert.equal(1, here:token_requests())
    client:close()

    here:forget()
    here:tokens({ status = 400, delay_ms = 20, always = true,
      body = '{"error":"invalid_grant","error_description":"Nei."}' })
    client = here:client()
    answers, errors = tasks(1000, function()
      return client:request(GET)
    end)
    assert.same({}, answers)
    assert.equal(1000, #errors)
    assert.equal(1, here:token_requests())
    for _, err in ipairs(errors) do
      assert.equal(errors[1].jti, err.jti)
    end
    client:close()
    proof.in_c("test_auth_life: threads_at_once_on_a_cold_cache_make_one_token_request")
  end)

  it("row 59: a waiter with a shorter deadline ends alone", function()
    here:tokens({ delay_ms = 200, token = {} })
    local client = here:client()
    local answers, errors = fiks.all {
      hurried = function()
        return client:request { method = "GET", path = "/x", timeout_ms = 40 }
      end,
      patient = function()
        return client:request(GET)
      end,
    }
    assert.equal("timeout", errors.hurried.kind)
    assert.equal(200, answers.patient.status)
    assert.equal(1, here:token_requests())
    client:close()
  end)

  it("row 60: who refreshes is cancelled, or closes its client", function()
    here:tokens({ delay_ms = 30, token = {} })
    local options = here:options()
    local first, second = assert(fiks.new(options)), assert(fiks.new(options))
    local answers, errors = fiks.all { -- begun in this order
      function()
        return first:request(GET)
      end,
      function()
        first:close()
      end,
      function()
        return second:request(GET)
      end,
    }
    assert.equal("cancelled", errors[1].kind)
    assert.equal(200, answers[3].status)
    assert.equal(1, here:token_requests())
    second:close()
    proof.in_c("test_call: a_cancelled_flight_lets_the_next_one_try",
      "test_token_cache: an_abandoned_flight_elects_the_next, a_flight_that_vanished_is_replaced")
  end)

  it("row 61: a refresh that fails in the soft window is noticed by nobody", function()
    proof.in_c("test_auth_life: a_refresh_that_fails_all_the_way_is_noticed_by_nobody",
      "test_token_cache: a_stale_token_serves_while_one_refreshes")
    proof.in_source("spec/integration/token_life_spec.lua", "row 61")
    proof.in_c("test_redact: a_refresh_that_fails_in_the_soft_window_is_a_warning_with_its_reason")
  end)

  it("row 62: failures are remembered: a crowd in an outage makes few requests", function()
    here:tokens({ status = 503, headers = { ["Retry-After"] = "600" }, always = true })
    local client = here:client()
    for _ = 1, 5 do
      local answers, errors = tasks(100, function()
        return client:request(GET)
      end)
      assert.same({}, answers)
      assert.equal("server", errors[100].kind)
    end
    assert.equal(1, here:token_requests())
    client:close()
    here:forget()
    here:tokens({ status = 400, always = true, body = '{"error":"invalid_client"}' })
    client = here:client()
    for _ = 1, 50 do
      local _, err = client:request(GET)
      assert.equal("denied", err.kind)
    end
    assert.equal(1, here:token_requests())
    client:close()
    proof.in_c("test_auth_life: a_crowd_in_an_outage_makes_few_token_requests",
      "test_token_cache: failures_are_remembered_longer_and_longer")
    proof.in_c("test_redact: "
      .. "a_refusal_in_the_soft_window_is_loud_once_and_says_what_support_asks_for")
  end)

  it("row 63: a 401 that blames the token: one new token, one more try", function()
    here:answers("/x", TOKEN_401)
    local client = here:client()
    assert.equal(200, client:request(GET).status)
    local sent = bearers()
    assert.equal(2, #sent)
    assert.not_equal(sent[1], sent[2])
    here:answers("/x", TOKEN_401, TOKEN_401, TOKEN_401)
    local answer, err = client:request(GET)
    assert.is_nil(answer)
    assert.equal("auth", err.kind)
    assert.equal(2, err.attempts)
    here:forget()
    here:answers("/x", TOKEN_401) -- a POST can be sent again: the 401 did nothing
    assert.equal(200, client:request({ method = "POST", path = "/x", json = {} }).status)
    client:close()
  end)

  it("row 64: a 401 that blames the integrasjon: no new token, no retry", function()
    here:answers("/x", INTEGRASJON_401)
    local _, err = here:call()
    assert.equal("auth", err.kind)
    assert.equal(1, err.attempts)
    assert.equal(1, here:token_requests())
    assert.equal(1, #here:seen("/x"))
    for _, cause in ipairs { "password", "id is right", "authorised organisation" } do
      assert.truthy(err.message:find(cause, 1, true), err.message)
    end
  end)

  it("row 65: a 403 is final", function()
    here:answers("/x", { status = 403, body = '{"message":"har ikke privilegiet"}' })
    local _, err = here:call()
    assert.equal("denied", err.kind)
    assert.is_false(err.retryable)
    assert.equal(1, #here:seen("/x"))
    assert.equal(1, here:token_requests())
  end)

  it("row 66: many with the same refused token: one new token", function()
    local client = here:client()
    local old = assert(client:token()).access_token
    here:answers("/x", { status = 401, body = TOKEN_401.body, always = true,
      authorization = "Bearer " .. old })
    local answers, errors = tasks(50, function()
      return client:request(GET)
    end)
    assert.same({}, errors)
    assert.equal(50, #answers)
    assert.equal(2, here:token_requests())
    local counts = {}
    for _, bearer in ipairs(bearers()) do
      counts[bearer] = (counts[bearer] or 0) + 1
    end
    assert.is_true(counts["Bearer " .. old] >= 1 and counts["Bearer " .. old] <= 50)
    counts["Bearer " .. old] = nil
    assert.equal(50, counts[next(counts)])
    client:close()
    proof.in_c("test_token_cache: only_the_rejected_token_is_dropped")
  end)

  it("row 67: key and certificate are changed on disk", function()
    local made = here.material
    made:sh("cp kommune.key bytt.key; cp kommune.pem bytt.pem")
    local client = here:client { certificate = { key = made:path("bytt.key"),
      pem = made:path("bytt.pem") } }
    assert.equal(200, client:request(GET).status)
    made:sh("cp ny.key bytt.key") -- half of it: refused, and nothing changes
    local ok, err = client:reload()
    assert.is_nil(ok)
    assert.equal("key_mismatch", err.code)
    assert.equal(200, client:request(GET).status)
    assert.equal(1, here:token_requests())
    made:sh("cp ny.pem bytt.pem")
    assert.is_true(client:reload())
    assert.equal(200, client:request(GET).status)
    local grants = here:grants()
    assert.equal(2, #grants)
    assert.same({ core.base64(core.certificate(made:read("ny.pem")).der) }, grants[2].header.x5c)
    assert.is_true(core.verify("RS256", made:read("ny.pem"),
      grants[2].assertion:match("^(.*)%."), core.unbase64url(grants[2].signature)))
    client:close()
    proof.in_c("test_token_cache: a_renewed_certificate_is_another_key")
  end)

  it("row 68: never a token of other settings", function()
    local options = here:options()
    local variants = {
      {}, { client_id = "en-annen" }, { scope = "ks:annet" }, { consumer_org = "910753614" },
      { resource = "https://r.example" }, { pid = "01017012345" }, { kid = "nokkel" },
      { alg = "RS512" }, { x5c = "leaf" },
    }
    local answers, id = {}, options.maskinporten.client_id
    for i = 1, #variants do
      answers[i] = { body = ('{"access_token":"t%d","expires_in":99}'):format(i) }
    end
    here:tokens(unpack(answers))
    for _ = 1, 2 do
      for _, variant in ipairs(variants) do
        variant.client_id = variant.client_id or id
        options.maskinporten = variant
        local client = assert(fiks.new(options))
        assert.equal(200, client:request(GET).status)
        client:close()
      end
    end
    assert.equal(#variants, here:token_requests())
    local sent = bearers()
    for i = 1, #variants do
      assert.equal("Bearer t" .. i, sent[i])
      assert.equal("Bearer t" .. i, sent[#variants + i])
    end
    proof.in_c("test_token_cache: every_input_is_in_the_key",
      "test_call_token: claims_of_a_call_have_tokens_of_their_own")
  end)

  it("row 69: two integrasjoner with one client at Maskinporten share its token", function()
    local one = here:client()
    local other = "aaaaaaaa-52c4-4a5e-9a53-0c1d8c1f4b02"
    local two = assert(one:with { integrasjon = { id = other, password = "et annet" } })
    assert.equal(200, one:request(GET).status)
    assert.equal(200, two:request(GET).status)
    assert.equal(1, here:token_requests())
    local seen = here:seen("/x")
    assert.same({ endpoint.ID }, endpoint.header(seen[1], "IntegrasjonId"))
    assert.same({ endpoint.PASSORD }, endpoint.header(seen[1], "IntegrasjonPassord"))
    assert.same({ other }, endpoint.header(seen[2], "IntegrasjonId"))
    assert.same({ "et annet" }, endpoint.header(seen[2], "IntegrasjonPassord"))
    one:close()
    two:close()
  end)
end)
