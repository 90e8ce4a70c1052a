-- svarinn:receive with a handler: what is handed over, when, and how often. The journal is real,
-- the clock is ours, the sink only makes folders.

local core = require "fiks.core"
local support = require "spec.support.svarinn"

local failure, list_of, taken = support.failure, support.list_of, support.taken

describe("svarinn:receive with a handler", function()
  local stage, svarinn, client, script

  before_each(function()
    stage = support.stage()
    script = { ["svarinn.v1.list"] = list_of("a"), ["svarinn.v1.download"] = stage.arrive }
    svarinn, client = support.new(script)
  end)
  after_each(function()
    stage.clear()
  end)

  local function receive(handler, more)
    return stage.receive(svarinn, handler, more)
  end

  local function status()
    return assert(svarinn:status())
  end

  it("hands over what is durable, then acknowledges, then clears the spool", function()
    local seen
    local sum = assert(receive(function(f)
      seen = f
      assert.equal("svarinn.v1.list svarinn.v1.download", client:names())
      assert.equal("delivering", stage.state_of("a").state)
      assert.is_true(stage.is_folder(f.folder))
      return true
    end))
    assert.equal("a", seen.id)
    assert.equal("bruker", seen.account)
    assert.equal("verified", seen.files[1].verdict)
    assert.is_nil(seen.redelivered)
    assert.is_true(seen.acknowledged)
    assert.is_false(stage.is_folder(seen.folder))
    assert.equal("svarinn.v1.list svarinn.v1.download svarinn.v1.acknowledge", client:names())
    assert.same({ 1, 1, 0, 0 }, { sum.received, sum.acknowledged, sum.failed, sum.waiting })
    assert.equal(1, status().counts.acknowledged)
    assert.is_nil(status().oldest)
  end)

  it("leaves the files in into", function()
    local folder
    assert(receive(function(f)
      folder = f.folder
      return true
    end, { into = stage.into }))
    assert.equal(stage.into .. "/a", folder)
    assert.is_true(stage.is_folder(folder))
  end)

  it("does not take false, nothing, a reason, a raise, nor what is not true, for taken", function()
    local given = {
      [function() return false end] = "did not take it$",
      [function() end] = "did not take it$",
      [function() return nil, "arkivet er nede" end] = "did not take it: arkivet er nede",
      [function() error("knekt", 0) end] = "raised: knekt",
      [function() return 1 end] = "returned number: true means",
    }
    for handler, text in pairs(given) do
      local got
      local sum = assert(receive(handler, { on_error = function(_, err)
        got = err
      end }))
      assert.equal(0, sum.received)
      assert.equal(1, sum.failed)
      assert.equal("handler", got.code)
      assert.equal("cancelled", got.kind)
      assert.matches(text, got.message)
      assert.equal("fetched", stage.state_of("a").state)
      assert.matches("handler", stage.state_of("a").last_error)
      stage.later(3600)
    end
    assert.equal(5, stage.state_of("a").attempts)
    for _, call in ipairs(client.calls) do
      assert.is_not.equal("svarinn.v1.acknowledge", call.operation)
    end
  end)

  it("downloads once, however often it is not taken", function()
    for _ = 1, 3 do
      receive(function() return false end)
      stage.later(7200)
    end
    local seen
    receive(function(f)
      seen = f
      return true
    end)
    assert.is_nil(seen.redelivered) -- it was refused, not lost
    local downloads = 0
    for _, call in ipairs(client.calls) do
      downloads = downloads + (call.operation == "svarinn.v1.download" and 1 or 0)
    end
    assert.equal(1, downloads)
  end)

  it("waits longer and longer, then parks, and tries again when told to", function()
    local tries = 0
    local function refuse()
      tries = tries + 1
      return false
    end
    receive(refuse, { park_after = 4 })
    receive(refuse, { park_after = 4 }) -- the first time at once
    assert.equal(2, tries)
    local sum = receive(refuse, { park_after = 4 })
    assert.same({ 2, 1 }, { tries, sum.waiting })
    stage.later(61)
    receive(refuse, { park_after = 4 })
    assert.equal(3, tries)
    stage.later(61)
    receive(refuse, { park_after = 4 })
    assert.equal(3, tries)
    stage.later(61)
    sum = receive(refuse, { park_after = 4 })
    assert.same({ 4, 1 }, { tries, sum.parked })
    stage.later(86400 * 30)
    receive(taken)
    local found = status()
    assert.equal(1, found.counts.parked)
    assert.equal(0, found.counts.fetched)
    assert.equal("a", found.parked[1].id)
    assert.equal(4, found.parked[1].attempts)
    assert.equal("a", found.oldest.id)
    assert.is_true(found.oldest_s >= 86400 * 30)
    assert.equal(0, svarinn:retry("b"))
    assert.equal(1, svarinn:retry("a"))
    assert.equal(1, receive(taken).acknowledged)
  end)

  it("does not park for what is not its own fault", function()
    for _, kind in ipairs { "network", "timeout", "server", "io", "rate_limited", "auth", "tls" } do
      script["svarinn.v1.download"] = failure(kind)
      receive(taken, { park_after = 1 })
    end
    assert.equal(0, stage.state_of("a").attempts)
    assert.is_nil(stage.state_of("a").parked_at)
    script["svarinn.v1.download"] = failure("crypto", "no_key")
    receive(taken, { park_after = 1 })
    assert.is_number(stage.state_of("a").parked_at)
  end)

  it("waits as long as SvarInn says, but for an hour at most", function()
    local err = failure("server")
    err.retry_after_ms = 86400000
    script["svarinn.v1.download"] = err
    receive(taken)
    script["svarinn.v1.download"] = stage.arrive
    stage.later(3590)
    assert.equal(1, receive(taken).waiting)
    stage.later(11)
    assert.equal(1, receive(taken).acknowledged)
  end)

  it("sends only the acknowledgement again, later and later", function()
    script["svarinn.v1.acknowledge"] = failure("server")
    local handed = 0
    local function handler()
      handed = handed + 1
      return true
    end
    local sum = receive(handler)
    assert.same({ 1, 0 }, { sum.received, sum.acknowledged })
    assert.equal("handed_over", stage.state_of("a").state)
    assert.is_true(stage.is_folder(stage.journal .. ".spool/a"))
    receive(handler)
    local calls = #client.calls
    receive(handler) -- waits: only the list
    assert.equal(calls + 1, #client.calls)
    stage.later(61)
    script["svarinn.v1.acknowledge"] = nil
    sum = receive(handler)
    assert.same({ 0, 1 }, { sum.received, sum.acknowledged })
    assert.equal(1, handed)
    assert.is_false(stage.is_folder(stage.journal .. ".spool/a"))
    assert.equal("acknowledged", stage.state_of("a").state)
  end)

  it("acknowledges what was handed over and is not listed, hidden perhaps", function()
    script["svarinn.v1.acknowledge"] = failure("server")
    receive(taken)
    script["svarinn.v1.acknowledge"], script["svarinn.v1.list"] = nil, list_of("b")
    assert.equal(2, receive(taken).acknowledged)
  end)

  it("hands over again what may have been seen, and says so, and only that", function()
    local seen = {}
    local function handler(f)
      seen[#seen + 1] = f.redelivered or false
      return true
    end
    stage.die_at("handed_over", "before")
    assert.has_error(function() receive(handler) end, "killed")
    receive(handler)
    assert.same({ false, true }, seen)

    script["svarinn.v1.list"] = list_of("b")
    stage.die_at("delivering", "before") -- durable, but not yet begun with
    assert.has_error(function() receive(handler) end, "killed")
    receive(handler)
    assert.same({ false, true, false }, seen)
  end)

  it("commits the handler's statements with the hand-over, once or not at all", function()
    stage.query("CREATE TABLE sak (id TEXT PRIMARY KEY, tittel TEXT, n INTEGER)")
    local function handler(f, tx)
      tx:execute("INSERT INTO sak (id, tittel, n) VALUES ($1, $2, $3)", f.id, f.tittel, nil)
      return true
    end
    stage.die_at("handed_over", "before")
    assert.has_error(function() receive(handler) end, "killed")
    assert.same({}, stage.query("SELECT * FROM sak"))
    receive(handler)
    stage.die_at("acknowledged", "before")
    script["svarinn.v1.list"] = list_of("a", "b")
    assert.has_error(function() receive(handler) end, "killed")
    receive(handler)
    assert.same({ { id = "a", tittel = "t" }, { id = "b", tittel = "t" } },
      stage.query("SELECT * FROM sak ORDER BY id"))
  end)

  it("commits nothing of a handler that did not take it", function()
    stage.query("CREATE TABLE sak (id TEXT PRIMARY KEY)")
    local kept
    receive(function(f, tx)
      tx:execute("INSERT INTO sak VALUES ($1)", f.id)
      kept = tx
      return false
    end)
    assert.same({}, stage.query("SELECT * FROM sak"))
    assert.has_error(function() kept:execute("DELETE FROM sak") end)
  end)

  it("marks it when its statements could not be committed: it has been seen", function()
    stage.query("CREATE TABLE sak (id TEXT PRIMARY KEY)")
    stage.query("INSERT INTO sak VALUES ('a')")
    local seen, got = {}, nil
    local function handler(f, tx)
      seen[#seen + 1] = f.redelivered or false
      tx:execute("INSERT INTO sak VALUES ($1)", f.id)
      return true
    end
    receive(handler, { on_error = function(_, err) got = err end })
    assert.equal("store.unique", got.code)
    assert.equal("delivering", stage.state_of("a").state)
    assert.equal(1, stage.state_of("a").attempts)
    receive(handler)
    assert.same({ false, true }, seen)
  end)

  it("says at the handler's line what tx:execute cannot take", function()
    local got
    receive(function(_, tx)
      tx:execute("INSERT INTO sak VALUES ($1)", {})
      return true
    end, { on_error = function(_, err) got = err end })
    assert.matches("svarinn_handler_spec.lua:%d+: tx:execute: a table is no value", got.message)
  end)

  it("notes what is gone, and takes it anew when it is back", function()
    script["svarinn.v1.download"] = failure("not_found")
    local f_gone
    receive(taken, { on_error = function(f) f_gone = f end })
    assert.is_true(f_gone.gone)
    assert.equal("gone", stage.state_of("a").state)
    assert.is_nil(status().oldest)
    script["svarinn.v1.download"] = stage.arrive
    stage.later(1)
    assert.equal(1, receive(taken).acknowledged)
  end)

  it("forgets what a whole list no longer has", function()
    receive(function() return false end)
    assert.is_true(stage.is_folder(stage.journal .. ".spool/a"))
    script["svarinn.v1.list"] = "[]"
    stage.later(1)
    receive(taken)
    assert.equal("gone", stage.state_of("a").state)
    assert.is_false(stage.is_folder(stage.journal .. ".spool/a"))
  end)

  it("stops when told to: what is under way is finished, nothing new is begun", function()
    script["svarinn.v1.list"] = list_of("a", "b", "c")
    local sum = receive(function(f)
      if f.id == "b" then
        svarinn:stop()
      end
      return true
    end)
    assert.equal(2, sum.acknowledged)
    assert.equal(1, status().counts.listed)
    assert.equal(1, receive(taken).received)
  end)

  it("runs several handlers side by side", function()
    local fiks = require "fiks"
    script["svarinn.v1.list"] = list_of("a", "b", "c", "d", "e")
    local at_once, most = 0, 0
    local sum = assert(receive(function()
      at_once = at_once + 1
      most = math.max(most, at_once)
      for _ = 1, 100 do -- until the others have come, which they do while this one waits
        fiks.all { function() return most < 3 and stage.query("SELECT 1") end }
      end
      at_once = at_once - 1
      return true
    end, { concurrency = 3 }))
    assert.equal(5, sum.acknowledged)
    assert.equal(3, most)
  end)

  it("runs one in the caller's own coroutine, which may yield", function()
    local co = coroutine.wrap(function()
      return receive(function()
        return coroutine.yield("venter")
      end)
    end)
    assert.equal("venter", co())
    assert.equal(1, co(true).acknowledged)
  end)

  it("follows a download", function()
    local said = {}
    script["svarinn.v1.download"] = function(opts)
      assert.is_true(opts.progress)
      opts.stream:serve { progress = function() return { received = 7, received_total = 9 } end }
      return stage.arrive(opts)
    end
    receive(taken, { progress = function(f, bytes, total)
      said = { f.id, bytes, total }
    end })
    assert.same({ "a", 7, 9 }, said)
  end)

  it("tells of a wrong hash when asked to, once a day, never as permanent", function()
    local function told()
      local count = 0
      for _, call in ipairs(client.calls) do
        if call.operation == "svarinn.v1.fail" then
          assert.is_false(core.json_decode(call.opts.body).permanent)
          count = count + 1
        end
      end
      return count
    end
    script["svarinn.v1.download"] = function()
      local err = failure("integrity", "mismatch")
      err.files = { { name = "a.txt", verdict = "mismatch" } }
      return nil, err
    end
    receive(taken)
    assert.equal(0, told())
    receive(taken, { report_mismatch = true })
    stage.later(3600)
    receive(taken, { report_mismatch = true })
    assert.equal(1, told())
    stage.later(86400)
    receive(taken, { report_mismatch = true })
    assert.equal(2, told())
  end)

  it("raises for misuse, at the caller's line", function()
    for _, options in ipairs {
      {}, { handler = taken }, { handler = 1, into = "x" }, { into = "x", concurrency = 2 },
      { handler = taken, journal = {} }, { handler = taken, journal = 7 },
      { handler = taken, journal = { postgres = "x" } }, { handler = taken, journal = "x",
        park_after = 0 }, { handler = taken, journal = "x", handlr = 1 },
      { handler = taken, journal = "x", max_rounds = 1.5 },
    } do
      local ok, err = pcall(function() svarinn:receive(options) end)
      assert.is_false(ok)
      assert.matches("^[%w/_.]*svarinn_handler_spec.lua:%d+: svarinn:receive", err)
    end
    assert.equal(0, #client.calls)
    assert.has_error(function() support.new():status() end)
  end)
end)
