-- Rows 39 to 57 of the edge cases of authentication: what a token endpoint may answer.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"
local proof = require "spec.support.proof"

local TRACE = "0123456789abcdef0123456789abcdef"

describe("an answer of the token endpoint,", function()
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

  local function refusal(members, status)
    return { status = status or 400, body = core.json_encode(members) }
  end

  local function body(text)
    return { body = text, always = true }
  end

  -- A new client's call with this answer, always: the error, and the token requests it took.
  local function failure(answer)
    here:forget()
    answer.always = true
    local err = here:failure({ answer })
    return err, here:token_requests()
  end

  local function protocol(answer)
    local err, requests = failure(answer)
    assert.equal("protocol", err.kind, tostring(err))
    assert.is_false(err.retryable)
    assert.equal(1, requests)
    assert.equal(0, #here:seen("/x"))
    return err
  end

  -- The life in seconds of the token that came of this answer.
  local function life(answer)
    here:forget()
    here:tokens(answer)
    local client = here:client()
    local token, err = client:token()
    client:close()
    assert.is_nil(err)
    return token.expires_at - os.time()
  end

  local function about(expected, got)
    assert.is_true(got >= expected - 2 and got <= expected + 1, tostring(got))
  end

  -- Calls of one client, one after the other, all with this answer: how many token requests.
  local function requests_of(calls, answer)
    here:forget()
    answer.always = true
    here:tokens(answer)
    local client = here:client()
    for _ = 1, calls do
      assert(client:request { method = "GET", path = "/x" })
    end
    client:close()
    return here:token_requests()
  end

  it("row 39: a refusal becomes fields", function()
    local err, requests = failure(refusal {
      error = "invalid_grant", error_description = "Expired key (trace_id: " .. TRACE .. ")",
      error_uri = "https://maskinporten.no/errors/MP-121",
    })
    assert.equal("denied", err.kind)
    assert.equal("invalid_grant", err.oauth_error)
    assert.equal("MP-121", err.mp_code)
    assert.equal(TRACE, err.trace_id)
    assert.equal(400, err.status)
    assert.matches("Expired key", err.message)
    assert.is_false(err.retryable)
    assert.equal(1, requests)
    assert.equal(here:grants()[1].claims.jti, err.jti)
    proof.in_c("test_grant_answer: refusals_say_who_must_act, refusals_without_a_code")
  end)

  it("row 40: a used grant and a clock get one more try at most", function()
    local used = refusal { error = "invalid_grant", error_description = "Used.",
      error_uri = "https://maskinporten.no/errors/MP-012" }
    here:tokens(used)
    assert.equal(200, here:call({ used }).status)
    local grants = here:grants()
    assert.equal(2, #grants)
    assert.not_equal(grants[1].claims.jti, grants[2].claims.jti)
    local err, requests = failure(used)
    assert.equal("denied", err.kind)
    assert.equal(2, requests)
    err, requests = failure(refusal { error = "invalid_grant",
      error_description = "Issue time is after now." })
    assert.equal("clock", err.kind)
    assert.is_true(requests <= 2, requests)
  end)

  it("row 41: a refusal that is no JSON", function()
    for _, status in ipairs { 401, 403, 404 } do
      for _, text in ipairs { "<html><h1>Nei\27[31m</h1></html>", "Nei\r\n", ("x"):rep(5000) } do
        local err, requests = failure { status = status, body = text, type = "text/html" }
        assert.equal("denied", err.kind)
        assert.equal(status, err.status)
        assert.is_true(#err.message < 1100)
        assert.is_nil(err.message:find("%c"))
        assert.equal(1, requests)
      end
    end
    assert.matches("Nei", failure({ status = 403, body = "<b>Nei</b>" }).message)
  end)

  it("row 42: what passes by itself is tried again, with a new grant, when it may be", function()
    for status, kind in pairs { [408] = "timeout", [425] = "timeout", [429] = "rate_limited",
      [500] = "server", [502] = "server", [503] = "server", [504] = "server" } do
      if status == 429 or status == 503 then -- the pause between tries is real
        here:forget()
        assert.equal(200, here:call({ { status = status } }).status)
        assert.equal(2, here:token_requests())
      end
      local err = failure { status = status, headers = { ["Retry-After"] = "120" } }
      assert.equal(kind, err.kind)
      assert.is_true(err.retryable)
      assert.is_true(err.retry_after_ms >= 60000, tostring(err.retry_after_ms))
      assert.equal(status, err.status)
      assert.equal(1, here:token_requests()) -- that is longer than anybody waits
    end
    proof.in_c("test_retry: retry_after_header, retry_after_is_a_floor_and_the_deadline_a_ceiling",
      "test_retry: pause_is_drawn_from_zero_to_a_doubling_ceiling",
      "test_token_cache: failures_are_remembered_longer_and_longer")
  end)

  it("row 43: 503 while the cached token is good: nobody notices", function()
    here:tokens({ token = {} }, { status = 503, always = true })
    local client = here:client()
    for _ = 1, 3 do
      assert.equal(200, client:request({ method = "GET", path = "/x" }).status)
    end
    assert.equal(1, here:token_requests())
    client:close()
    proof.in_c("test_auth_life: a_refresh_that_fails_all_the_way_is_noticed_by_nobody",
      "test_token_cache: a_failed_refresh_is_invisible_while_the_token_lasts")
  end)

  it("row 44: an answer that got lost: a new grant, with a new jti", function()
    for _, lost in ipairs { { drop = true }, { cut = true, body = "{" } } do
      here:forget()
      assert.equal(200, here:call({ lost }).status)
      local grants = here:grants()
      assert.equal(2, #grants)
      assert.not_equal(grants[1].claims.jti, grants[2].claims.jti)
    end
  end)

  it("row 45: 200 with what is no JSON object", function()
    for _, text in ipairs { "", "<html></html>", "[]", "\"t\"", "{\"access_token\":\"eyJ",
      "{\"access_token\":\"a\"}x" } do
      protocol(body(text))
    end
    protocol { base64 = core.base64("{\"access_token\":\"a\0b\"}") }
    protocol { base64 = core.base64("\255\254{\0\"\0") } -- UTF-16
    here:tokens({ token = {} }, body "<html>")
    local client = here:client()
    assert(client:token()) -- and the old one is kept
    assert.equal(200, client:request({ method = "GET", path = "/x" }).status)
    client:close()
  end)

  it("row 46: JSON bombs", function()
    protocol(body(("["):rep(30000)))
    protocol(body("{\"access_token\":\"a\",\"x\":" .. ("["):rep(3000) .. ("]"):rep(3000) .. "}"))
    protocol(body("{\"access_token\":\"a\",\"access_token\":\"b\"}"))
    protocol(body("{\"access_token\":\"a\",\"expires_in\":" .. ("9"):rep(5000) .. "}"))
    protocol { base64 = core.base64("{\"access_token\":\"a\",\"x\":\"\195\40\"}") }
  end)

  it("row 47: an access token that must not reach a header", function()
    for _, value in ipairs { "null", "7", "\"\"", "[]", "\"" .. ("a"):rep(33000) .. "\"",
      "\"a\\r\\nX-Evil: 1\"", "\"a b\"", "\"blå\"" } do
      local err = protocol(body("{\"access_token\":" .. value .. ",\"expires_in\":9}"))
      assert.is_nil(tostring(err):find("X-Evil", 1, true))
    end
    protocol(body("{\"expires_in\":9}"))
  end)

  it("row 48: token_type", function()
    for _, good in ipairs { "", ",\"token_type\":\"bearer\"", ",\"token_type\":\"BEARER\"" } do
      here:forget()
      assert.equal(200, here:call({ body("{\"access_token\":\"t\",\"expires_in\":99" .. good
        .. "}") }).status)
      assert.same({ "Bearer t" }, endpoint.header(here:seen("/x")[1], "Authorization"))
    end
    protocol(body("{\"access_token\":\"t\",\"token_type\":\"mac\"}"))
    protocol(body("{\"access_token\":\"t\",\"token_type\":7}"))
  end)

  local function jwt(lifetime_s)
    local function part(value)
      return core.base64url(core.json_encode(value))
    end
    local now = os.time()
    return ("%s.%s.c2ln"):format(part { alg = "RS256" }, part { iat = now, exp = now + lifetime_s })
  end

  local function answered(token, expires_in)
    return body(("{\"access_token\":\"%s\"%s}"):format(token,
      expires_in and ",\"expires_in\":" .. expires_in or ""))
  end

  it("row 49: expires_in is missing", function()
    about(300, life(answered(jwt(300))))
    assert.equal(3, requests_of(3, answered("ugjennomsiktig")))
  end)

  it("row 50: expires_in is 0: usable once, and no endless loop", function()
    assert.equal(3, requests_of(3, answered("t", "0")))
    local client = here:client()
    local token, err = client:token()
    assert.is_nil(token)
    assert.equal("protocol", err.kind)
    assert.is_true(here:token_requests() < 10)
    client:close()
    proof.in_c("test_token_cache: a_token_without_life_is_used_once")
  end)

  it("row 51: expires_in in every shape", function()
    about(119, life(answered("t", "119.9")))
    about(119, life(answered("t", "\"119\"")))
    about(7200, life(answered("t", "1e300")))
    about(7200, life(answered("t", "4294967296")))
    for _, wrong in ipairs { "-1", "\"snart\"", "true", "NaN", "\"-5\"", "[]" } do
      protocol(answered("t", wrong))
    end
    proof.in_c("test_grant_answer: the_smaller_lifetime_counts")
  end)

  it("row 52: the token's own life is shorter", function()
    about(60, life(answered(jwt(60), "7199")))
    about(50, life(answered(jwt(60), "50")))
  end)

  it("row 53: a life as short as the margins", function()
    assert.equal(1, requests_of(3, answered("t", "5")))
    assert.is_true(requests_of(3, answered("t", "1")) <= 3)
    proof.in_c("test_token_cache: margins_scale_with_the_lifetime")
  end)

  it("row 54: a token that is no JWT is handed on, with a warning", function()
    assert.equal(200, here:call({ answered("ugjennomsiktig", "99") }).status)
    assert.same({ "Bearer ugjennomsiktig" },
      endpoint.header(here:seen("/x")[1], "Authorization"))
    proof.in_c("test_auth_life: a_token_that_is_no_jwt_is_logged")
  end)

  it("row 55: a JWT that cannot be read is handed on", function()
    for _, token in ipairs { "eyJ.!!!.c2ln", "e30.e30.", "eyJhbGciOiJmb28ifQ.e30.c2ln",
      "a.b.c.d.e", "..", jwt(60):gsub("%.c2ln", ".") } do
      here:forget()
      assert.equal(200, here:call({ answered(token, "99") }).status, token)
      assert.same({ "Bearer " .. token }, endpoint.header(here:seen("/x")[1], "Authorization"))
    end
    proof.in_c("test_jwt: takes_apart_only_signed_jwts, published_access_tokens")
  end)

  it("row 56: fewer scopes than those asked for", function()
    local function with_scope(scope)
      return body("{\"access_token\":\"t\",\"expires_in\":99" .. scope .. "}")
    end
    for _, good in ipairs { "", ",\"scope\":\"ks:fiks\"", ",\"scope\":\"a ks:fiks b\"" } do
      here:forget()
      assert.equal(200, here:call({ with_scope(good) }).status)
    end
    local err = failure(with_scope(",\"scope\":\"ks:annet\""))
    assert.equal("denied", err.kind)
    assert.equal("scope", err.code)
    assert.matches("ks:annet", err.message)
    assert.matches("ks:fiks", err.message)
    here:forget()
    local answer, _, client = here:call({ with_scope(",\"scope\":\"ks:annet\"") },
      { maskinporten = { accept_fewer_scopes = true } })
    assert.equal(200, answer.status)
    local options = here:options { maskinporten = { accept_fewer_scopes = 1 } }
    assert.equal("maskinporten.accept_fewer_scopes", select(2, fiks.new(options)).code)
    here:forget() -- another client of the same id, that does not accept it, cannot use that one
    options.maskinporten.client_id = client._settings.client_id
    options.maskinporten.accept_fewer_scopes = nil
    here:tokens(with_scope(",\"scope\":\"ks:annet\""))
    assert.is_nil((assert(fiks.new(options)):request { method = "GET", path = "/x" }))
  end)

  it("row 57: consumer is missing, or of a new kind", function()
    for _, consumer in ipairs { "null", "7", "{\"authority\":\"etsi\",\"ID\":\"NTRNO-555555555\"}",
      "{\"authority\":\"iso6523-actorid-upis\",\"ID\":\"0192:991825827:ER//987464291:1\"}" } do
      here:forget()
      local payload = core.base64url("{\"consumer\":" .. consumer .. "}")
      local token = "eyJhbGciOiJSUzI1NiJ9." .. payload .. ".c2ln"
      assert.equal(200, here:call({ answered(token, "99") }).status)
    end
    proof.in_c("test_jwt: organisation_of_a_token")
  end)
end)
