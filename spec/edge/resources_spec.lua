-- Rows 79 to 83 of the edge cases of authentication: memory, secrets in it, callbacks, waiting.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"
local proof = require "spec.support.proof"

local GET = { method = "GET", path = "/x" }

describe("resources,", function()
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

  it("row 79: a client that goes away while its token is fetched", function()
    for round = 1, 5 do
      here:forget()
      here:tokens({ delay_ms = 10, token = {} })
      local options = here:options()
      local client = assert(fiks.new(options))
      local _, errors = fiks.all {
        function()
          return client:request(GET)
        end,
        function()
          client:close()
          collectgarbage()
          collectgarbage()
        end,
      }
      assert.equal("cancelled", errors[1].kind, round)
      do -- and one that is only dropped
        local dropped = assert(fiks.new(options))
        local handle = dropped._core:call({ method = "GET", path = "/x" }, core.queue())
        assert.is_false(handle:finished())
      end
      collectgarbage()
      collectgarbage()
      local after = assert(fiks.new(options))
      assert.equal(200, after:request(GET).status)
      assert.equal(1, here:token_requests())
      after:close()
    end
    proof.in_c("test_engine: calls_and_queues_may_be_freed_at_any_time",
      "test_wipe: keys, a_whole_cycle, a_cycle_that_fails")
  end)

  it("row 80: out of memory is an error, and leaves things as they were", function()
    proof.in_c("test_token_cache: without_a_cache_it_is_memory",
      "test_memory: every_allocation_may_fail")
    assert.equal(200, here:call().status)
  end)

  it("row 81: what is secret is wiped, and keys are only where OpenSSL keeps them", function()
    proof.in_c("test_wipe: the_watch_sees_what_it_should, keys, a_whole_cycle, jwk_from_memory")
    proof.in_source("docs/security.md", "Lua strings")
    proof.in_source("docs/security.md", "libcurl")
  end)

  it("row 82: a function that gives the person's token", function()
    local client = here:client()
    local given
    local person = client:as_person(function()
      return given()
    end)
    local function ask()
      return person:request(GET)
    end

    given = function() return nil end
    local answer, err = ask()
    assert.is_nil(answer)
    assert.equal("auth", err.kind)
    given = function() return nil, "ikke innlogget" end
    assert.matches("ikke innlogget", select(2, ask()).message)
    given = function() error("Bearer HEMMELIG.person.token er utløpt") end
    local raised, text = pcall(ask)
    assert.is_false(raised)
    assert.is_nil(tostring(text):find("HEMMELIG", 1, true))
    given = function() return "gammelt", os.time() - 5 end
    assert.equal("person_expired", select(2, ask()).code)
    given = function() return "med blank" end
    assert.equal("invalid", select(2, ask()).kind)
    assert.equal(0, #here:seen("/x"))

    given = function() -- makes a call of its own, so it yields to the other task
      assert(client:request { method = "GET", path = "/innlogging" })
      return "nytt.person.token", os.time() + 100
    end
    local answers, errors = fiks.all { ask, ask }
    assert.same({}, errors)
    assert.equal(2, #answers)
    given = function() error("spurt igjen") end
    assert.equal(200, ask().status) -- its own expiry is honoured
    for _, request in ipairs(here:seen("/x")) do
      assert.same({ "Bearer nytt.person.token" }, endpoint.header(request, "Authorization"))
    end
    person:close()
    client:close()
  end)

  it("row 83: a pause holds up nobody else", function()
    here:answers("/x", { status = 503, headers = { ["Retry-After"] = "1" } })
    local client = here:client()
    local order = {}
    local answers, errors = fiks.all {
      function()
        local answer, err = client:request(GET)
        order[#order + 1] = "paused"
        return answer, err
      end,
      function()
        for _ = 1, 5 do
          assert(client:request { method = "GET", path = "/y" })
          order[#order + 1] = "quick"
        end
      end,
    }
    assert.same({}, errors)
    assert.equal(200, answers[1].status)
    assert.equal("quick quick quick quick quick paused", table.concat(order, " "))
    client:close()
    proof.in_c("test_call: idempotent_calls_wait_as_long_as_the_server_asks")
  end)
end)
