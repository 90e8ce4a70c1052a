-- Rows 27 to 32 of the edge cases of authentication: clocks, random numbers, forks. The server's
-- clock is moved instead of ours, but where our own is looked at alone: there faketime moves it.

local endpoint = require "spec.support.endpoint"
local proof = require "spec.support.proof"

describe("the clock,", function()
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

  -- By kid, as the certificate of a minute ago is not valid yet by the server's clock.
  local CORRECTED = { maskinporten = { clock_correction = true, kid = "nokkel" } }

  -- A client in a process of its own: what a spec's code gets as `options`.
  local function elsewhere(code, around)
    local text = ([[
      package.path = "./?.lua;" .. package.path
      local folder = ...
      local fiks = require "fiks"
      local client = assert(fiks.new {
        environment = { api = "%s", issuer = "%s/", token_endpoint = "%s/token" },
        allow_loopback_http = true, maskinporten = { client_id = "klient", kid = "nokkel" },
        certificate = { key = folder .. "/kommune.key" },
        integrasjon = { id = "%s", password = "p" },
      })
      local function call() return client:request { method = "GET", path = "/x" } end
    ]]):format(here.url, here.url, here.url, endpoint.ID)
    return here.material:lua(text .. code, around)
  end

  it("row 27: our clock is ahead", function()
    here:clock(-60)
    local err = here:failure()
    assert.equal("clock", err.kind)
    assert.matches("6%d s ahead", err.message)
    assert.matches("NTP", err.message)
    assert.equal(1, here:token_requests())
    assert.equal(200, assert(here:call(nil, CORRECTED)).status)
    local grants = here:grants()
    assert.equal(3, #grants)
    local moved = grants[2].claims.iat - grants[3].claims.iat
    assert.is_true(moved >= 58 and moved <= 62, tostring(moved))
    here:clock(-5) -- nobody notices
    assert.equal(200, here:call().status)
  end)

  it("row 28: our clock is behind, or jumps while running", function()
    here:clock(100) -- the grant lives for 120 s: accepted
    assert.equal(200, here:call().status)
    here:clock(200)
    local err = here:failure()
    assert.equal("clock", err.kind)
    assert.equal("MP-130", err.mp_code)
    assert.matches("behind", err.message)
    assert.equal(200, here:call(nil, CORRECTED).status)
    proof.in_c("test_token_cache: either_clock_can_end_a_token",
      "test_call_token: a_wrong_clock_is_corrected_once_per_flight",
      "test_call_token: after_a_correction_only_what_is_left_counts")
  end)

  it("row 28, jumping: no token is used past its end, by either clock", function()
    here:tokens({ always = true, token = {} }) -- a server that does not look at the clock
    here.material:write("tid", "+0")
    local output = elsewhere([[
      local function at(offset)
        local file = assert(io.open(folder .. "/tid", "w"))
        file:write(offset)
        file:close()
        assert(call())
      end
      at("+0"); at("+60"); at("-3600"); at("+200"); at("+201")
      print("done")
    ]], ("faketime -f +0 env -u FAKETIME FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 "
      .. "FAKETIME_TIMESTAMP_FILE='%s'"):format(here.material:path("tid")))
    assert.equal("done\n", output)
    assert.equal(2, here:token_requests()) -- one more at +200
    assert.equal(5, #here:seen("/x"))
  end)

  it("row 29: a clock that stands before 2020", function()
    local output = elsewhere([[
      local answer, err = call()
      print(answer, err.kind, err.message)
    ]], "faketime '2000-01-01 00:00:00'")
    assert.matches("^nil\tclock\t", output)
    assert.matches("2020", output)
    assert.equal(0, here:token_requests())
    proof.in_c("test_grant: no_grant_with_a_clock_or_certificate_out_of_time")
  end)

  it("row 30: grants of the same second differ by their jti", function()
    here:tokens({ status = 503 }, { status = 503 })
    assert.equal(200, here:call().status)
    assert.equal(200, here:call().status)
    local known, grants = {}, here:grants()
    assert.equal(4, #grants)
    for _, grant in ipairs(grants) do
      local jti = grant.claims.jti
      assert.matches("^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$", jti)
      assert.is_nil(known[jti])
      known[jti] = true
    end
    proof.in_c("test_call: every_try_for_a_token_has_its_own_grant")
  end)

  it("row 31: without random numbers there is no grant", function()
    proof.in_c("test_auth_life: without_random_numbers_there_is_no_grant")
    assert.equal(0, here:token_requests())
  end)

  it("row 32: a fork shares neither connections nor random numbers nor refreshes", function()
    proof.in_c("test_engine: a_fork_forgets_the_engine, a_queue_goes_on_after_a_fork",
      "test_token_cache: a_forked_child_starts_anew",
      "test_auth_life: a_fork_after_use_has_its_own_token_connection_and_jti")
    assert.equal(0, here:token_requests())
  end)
end)
