-- svarinn:run: rounds, waits, and how it is stopped.

local core = require "fiks.core"
local fiks = require "fiks"
local receivers = require "spec.support.receivers"
local sandbox = require "spec.support.sandbox"

describe("svarinn:run", function()
  local stage, svarinn

  before_each(function()
    stage = receivers.new(2)
    svarinn = stage:svarinn()
  end)
  after_each(function()
    sandbox.no_faults()
    stage.remove()
  end)

  local function milliseconds(f)
    local _, begin = core.now()
    f()
    local _, stop = core.now()
    return stop - begin
  end

  it("receives what comes, round after round, until it is stopped", function()
    stage:put(1)
    local rounds, seen = 0, {}
    assert.is_true(svarinn:run {
      into = stage.into, every = 0.05,
      handler = function(f)
        seen[#seen + 1] = f.id
        return true
      end,
      on_round = function(sum)
        rounds = rounds + 1
        if rounds == 1 then
          assert.equal(1, sum.acknowledged)
          stage:put(2)
        elseif #seen == 3 then
          svarinn:stop()
        end
      end,
    })
    assert.equal(3, stage:received())
    assert(svarinn:receive { into = stage.into }) -- the journal is free again
  end)

  it("wakes from a long wait when another task stops it, in the middle of one", function()
    local took = milliseconds(function()
      fiks.all {
        function()
          assert.is_true(svarinn:run { into = stage.into, every = 600,
            on_round = function() fiks.spawn(function()
              svarinn:list() -- goes on while it waits
              svarinn:stop()
            end) end })
        end,
      }
    end)
    assert.is_true(took < 30000)
  end)

  it("goes on after a list that could not be had, and says so in the status", function()
    local path = "/api/svarinn/v2/forsendelser"
    sandbox.fault { sti = path, status = 400, antall = 1 }
    stage:put(1)
    local rounds, told = 0, nil
    assert.is_true(svarinn:run { into = stage.into, every = 0.01,
      on_error = function(f, err)
        told = f.account .. " " .. err.kind
        assert.matches("400", svarinn:status().accounts[1].error)
      end,
      on_round = function()
        rounds = rounds + 1
        if rounds == 2 then
          svarinn:stop()
        end
      end })
    assert.equal(stage.system.brukernavn .. " rejected", told)
    assert.equal(1, stage:received())
    assert.is_nil(svarinn:status().accounts[1].error)
  end)

  it("ends when every account is refused: no password is tried again and again", function()
    local wrong = stage:svarinn { password = "feil" }
    local mark = sandbox.mark()
    local ok, err = wrong:run { into = stage.into, every = 0.01 }
    assert.is_nil(ok)
    assert.equal("auth", err.kind)
    assert.matches(stage.system.brukernavn, err.message, 1, true)
    assert.is_nil(tostring(err):find("feil\"", 1, true))
    assert.equal(1, #sandbox.calls(mark, "/api/svarinn"))
  end)

  it("leaves out an account that is refused, and waits as long as SvarInn says", function()
    local other = receivers.new(2)
    local both = assert(assert(fiks.new { environment = "sandbox" }):svarinn {
      version = 2, keys = stage.keys, accounts = {
        { username = stage.system.brukernavn, password = "feil" },
        { username = other.system.brukernavn, password = other.system.passord },
      } })
    local mark, rounds = sandbox.mark(), 0
    other:put(1)
    assert.is_true(both:run { into = stage.into, every = 0.01, on_error = function() end,
      on_round = function()
        rounds = rounds + 1
        if rounds == 3 then
          both:stop()
        end
      end })
    local lists = { [401] = 0, [200] = 0 }
    for _, call in ipairs(sandbox.calls(mark, "/api/svarinn/v2/forsendelser")) do
      if call.sti == "/api/svarinn/v2/forsendelser" then
        lists[call.status] = lists[call.status] + 1
      end
    end
    assert.same({ [401] = 1, [200] = 3 }, lists)
    assert.equal(1, other:received())
    other.remove()
  end)

  for _, signal in ipairs { "TERM", "INT" } do
    it("finishes what is under way at SIG" .. signal .. ", and begins nothing new", function()
      stage:put(3)
      local one = stage:start { every = 600, work_ms = 400 }
      assert.is_truthy(receivers.await(one, "begins"))
      while #stage:seen() == 0 do
        os.execute("sleep 0.02")
      end
      receivers.kill(one, signal)
      assert.matches("ended\n$", receivers.wait(one))
      local seen = #stage:seen()
      assert.is_true(seen < 3)
      assert.equal(seen, stage:received())
    end)
  end

  it("notices a signal while it waits, within a second", function()
    local one = stage:start { every = 600 }
    assert.is_truthy(receivers.await(one, "round"))
    local took = milliseconds(function()
      receivers.kill(one, "TERM")
      assert.matches("ended\n$", receivers.wait(one))
    end)
    assert.is_true(took < 5000) -- a second, and what a busy machine adds
  end)

  it("ends at once at the second signal", function()
    stage:put(1)
    local one = stage:start { every = 600, work_ms = 60000 }
    while #stage:seen() == 0 do
      os.execute("sleep 0.02")
    end
    local took = milliseconds(function()
      receivers.kill(one, "TERM")
      os.execute("sleep 0.2")
      receivers.kill(one, "INT")
      assert.is_nil(receivers.wait(one):find("ended", 1, true))
    end)
    assert.is_true(took < 20000)
    assert.equal(0, stage:received())
  end)

  it("gives the signals back", function()
    assert.is_true(core.stop_signals(true))
    local none, err = core.stop_signals(true)
    assert.is_nil(none)
    assert.equal("conflict", err.kind)
    assert.is_true(core.stop_signals(false))
    assert.is_true(core.stop_signals(true))
    assert.is_nil(core.stop_signal())
    assert.is_true(core.stop_signals(false))
    local pipe = io.popen("grep SigCgt /proc/$PPID/status")
    local caught = pipe:read("*a"):match("(%x+)\n")
    pipe:close()
    assert.equal(0, math.floor(tonumber(caught:sub(-4), 16) / 2 ^ 14) % 2) -- SIGTERM: not ours
  end)

  it("raises for misuse, at the caller's line", function()
    for _, options in ipairs {
      { into = "x", every = 0 }, { into = "x", every = "1" }, { into = "x", jitter = 2 },
      { into = "x", every = 1e6 }, { into = "x", signals = 1 }, { every = 1 },
    } do
      local ok, err = pcall(function() svarinn:run(options) end)
      assert.is_false(ok)
      assert.matches("^[%w/_.]*svarinn_run_spec.lua:%d+: svarinn:run", err)
    end
  end)
end)
