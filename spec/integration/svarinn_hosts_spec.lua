-- Several receivers that share a journal in PostgreSQL, each with its own disk, as on several
-- hosts: every forsendelse is handed over once, also when one of them is killed.
-- On one runtime: nothing here is of Lua's own, and it starts a server.
if rawget(_G, "jit") then
  return
end

local core = require "fiks.core"
local postgres = require "spec.support.postgres"
local receivers = require "spec.support.receivers"
local sandbox = require "spec.support.sandbox"

describe("receivers that share a journal", function()
  local server, stage, running

  setup(function()
    server = postgres.start()
    server:psql "CREATE TABLE sak (id TEXT PRIMARY KEY, receiver TEXT)"
  end)
  teardown(function()
    server:stop()
  end)
  before_each(function()
    stage, running = receivers.new(2), {}
    server:psql "DROP TABLE IF EXISTS fiks_svarinn, fiks_svarinn_account, fiks_svarinn_schema"
    server:psql "DELETE FROM sak"
  end)
  after_each(function()
    for _, one in ipairs(running) do
      receivers.kill(one)
    end
    sandbox.no_faults()
    stage.remove()
  end)

  local function start(name, told)
    told.name, told.sak, told.journal = name, true, { postgres = server.target }
    told.spool = stage.folder .. "/" .. name
    local one = stage:start(told)
    running[#running + 1] = one
    return one
  end

  -- Polls, but not for longer than half a minute.
  local function await(what, done)
    local _, begin = core.now()
    repeat
      if done() then
        return
      end
      local _, now = core.now()
    until now - begin > 30000 or not os.execute("sleep 0.1")
    error("waited for too long: " .. what, 2)
  end

  it("hand over each forsendelse once, also when one is killed", function()
    local ids = stage:put(42)
    for i = 1, 3 do
      start("r" .. i, { every = 0.3, work_ms = 15 })
    end
    await("the first ones", function() return #stage:seen() >= 12 end)
    receivers.kill(running[2])
    receivers.wait(running[2])
    await("all", function()
      return server:psql "SELECT count(*) FROM fiks_svarinn WHERE state = 'acknowledged'"
        == #ids .. "\n"
    end)
    for _, i in ipairs { 1, 3 } do
      receivers.kill(running[i], i == 1 and "TERM" or "INT")
      assert.matches("ended\n$", receivers.wait(running[i]))
    end

    local first, by, again = {}, {}, 0
    for _, seen in ipairs(stage:seen()) do
      if seen.again then
        again = again + 1
        assert.is_true(seen.by ~= "r2")
      else
        assert.is_nil(first[seen.id], "seen twice, and not marked")
        first[seen.id] = seen.by
        by[seen.by] = (by[seen.by] or 0) + 1
      end
    end
    assert.is_true(again <= 1) -- what the one that was killed had in its hands
    assert.is_truthy(by.r1 and by.r2 and by.r3)
    local rows = server:psql "SELECT count(*), count(DISTINCT id) FROM sak"
    assert.equal("42|42\n", rows)
    assert.equal(#ids, stage:received())
    for _, one in pairs(stage:known()) do
      assert.is_true(one.kvitteringer >= 1)
      assert.is_true(one.nedlastinger <= 2)
    end
    local found = assert(stage:svarinn():status { journal = { postgres = server.target } })
    assert.equal(42, found.counts.acknowledged)
    assert.is_nil(found.oldest)
  end)

  it("take over what one that is gone had begun with, and nothing of one that lives", function()
    local id = stage:put(1)[1]
    start("r1", { die = { module = "journal", step = "handed_over", when = "before", nth = 1 } })
    receivers.wait(running[1])
    assert.same({ { id = id, again = false, by = "r1" } }, stage:seen())
    assert.equal("delivering\n", server:psql "SELECT state FROM fiks_svarinn")
    assert.matches("ended\n$", receivers.wait(start("r2", {})))
    assert.same({ id = id, again = true, by = "r2" }, stage:seen()[2])
    assert.equal("r2\n", server:psql "SELECT receiver FROM sak")

    id = stage:put(1)[1]
    start("r3", { work_ms = 2000 }) -- lives, and is slow
    await("its handler", function() return #stage:seen() == 3 end)
    assert.matches("ended\n$", receivers.wait(start("r4", {})))
    assert.equal(3, #stage:seen())
    receivers.wait(running[3])
    assert.equal("MOTTATT", stage:known()[id].status)
  end)

  it("commit nothing of one whose claim another has taken over", function()
    local id = stage:put(1)[1]
    local got
    local sum = assert(stage:svarinn():receive {
      journal = { postgres = server.target }, spool = stage.folder .. "/spool",
      handler = function(f, tx)
        tx:execute("INSERT INTO sak (id) VALUES ($1)", f.id)
        server:psql "UPDATE fiks_svarinn SET receiver = 'en annen'"
        return true
      end,
      on_error = function(_, err) got = err end,
    })
    assert.equal(0, sum.received)
    assert.equal("store.check", got.code)
    assert.equal("0\n", server:psql "SELECT count(*) FROM sak")
    assert.equal("en annen|delivering\n", server:psql "SELECT receiver, state FROM fiks_svarinn")
    assert.equal("KLAR", stage:known()[id].status)
  end)

  it("go on when the server was gone for a moment", function()
    local ids = stage:put(4)
    local crashed, bad = false, 0
    local options = {
      journal = { postgres = server.target }, spool = stage.folder .. "/spool",
      handler = function(f, tx)
        if not crashed then
          crashed = true
          server:crash()
          server:go_on()
        end
        tx:execute("INSERT INTO sak (id) VALUES ($1)", f.id)
        return true
      end,
      on_error = function(_, err)
        bad = bad + 1
        assert.equal("io", err.kind)
      end,
    }
    local svarinn = stage:svarinn()
    for _ = 1, 3 do
      svarinn:receive(options)
    end
    assert.is_true(bad <= 1)
    assert.equal(#ids .. "\n", server:psql "SELECT count(*) FROM sak")
    assert.equal(#ids, stage:received())
  end)

  it("begin nothing while the server believes in a connection that they have lost", function()
    local Journal, store = require "fiks.svarinn.journal", require "fiks.store"
    local journal = assert(Journal.open { postgres = server.target })
    local rows = assert(journal:listed("mottak", { "a", "b" }, false))
    assert.equal("a", assert(journal:claim(rows.a)).id)
    server:psql [[SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
      WHERE application_name = 'lua-fiks']]
    local stale = assert(store.open { postgres = server.target }) -- as that connection would
    assert(stale:batch { { "SELECT pg_advisory_lock(hashtextextended($1, 0))",
      journal._receiver } })
    for _, step in ipairs { "claim", "delivering" } do
      local none, err = journal[step](journal, step == "claim" and rows.b or rows.a)
      assert.is_nil(none)
      assert.equal("journal.connection", err.code)
      assert.is_true(err.retryable)
    end
    assert.equal("\n|listed\n|listed\n",
      "\n" .. server:psql("SELECT NULL, state FROM fiks_svarinn"))
    stale:close()
    await("the server", function() return journal:delivering(rows.a) end) -- its own still
    assert.equal("b", assert(journal:claim(rows.b)).id)
    journal:close()
  end)
end)
