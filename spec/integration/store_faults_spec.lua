-- fiks.store when server, other processes or the program itself are not as they should be. Under
-- Lua 5.4 alone: it takes a while, and what it shows is the code of C.

if rawget(_G, "jit") then
  return
end

local fiks = require "fiks"
local material_of = require "spec.support.material"
local postgres = require "spec.support.postgres"
local store = require "fiks.store"

local SLOW = { -- about half a second
  sqlite = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 1000000) "
    .. "SELECT count(*) AS n FROM t",
  postgres = "SELECT pg_sleep(0.5)",
}

local material, server

setup(function()
  material, server = material_of.new(), postgres.start()
end)
teardown(function()
  server:stop()
  material:remove()
end)

local function target(kind)
  return kind == "sqlite" and { sqlite = material:path("felles.db") }
    or { postgres = server.target }
end

local function open(kind)
  local here = fiks.check(store.open(target(kind)))
  fiks.check(here:batch { { "DROP TABLE IF EXISTS sak" },
    { "CREATE TABLE sak (id TEXT PRIMARY KEY, tittel TEXT)" } })
  return here
end

local function fails(kind, code, value, err)
  assert.is_nil(value)
  assert.equal(kind, err and err.kind, tostring(err))
  assert.equal(code, err.code, tostring(err))
  return err
end

local function ids(here)
  local list = {}
  for i, row in ipairs(fiks.check(here:batch { { "SELECT id FROM sak ORDER BY id" } })[1]) do
    list[i] = row.id
  end
  return table.concat(list, " ")
end

-- Another process that has `sak` locked until `let_go`.
local function lock_elsewhere(kind)
  local path = material:path("felles.db")
  local ready, go = material:path("ready"), material:path("go")
  os.remove(ready)
  os.remove(go)
  if kind == "sqlite" then
    material:write("hold.py", ([[
import sqlite3, os, time
c = sqlite3.connect(%q, isolation_level=None)
c.execute("BEGIN IMMEDIATE")
open(%q, "w")
for _ in range(3000):
    if os.path.exists(%q): break
    time.sleep(0.01)
c.execute("ROLLBACK")]]):format(path, ready, go))
    os.execute(("LD_PRELOAD= /usr/bin/python3 '%s' >/dev/null 2>&1 &"):format(
      material:path("hold.py")))
  else
    material:write("hold.sql", ([[
BEGIN;
LOCK TABLE sak;
\! touch %s
\! for _ in $(seq 3000); do if [ -e %s ]; then break; fi; sleep 0.01; done
ROLLBACK;]]):format(ready, go))
    os.execute(("LD_PRELOAD= psql -X -q '%s' -f '%s' >/dev/null 2>&1 &"):format(server.target,
      material:path("hold.sql")))
  end
  material:sh(("for _ in $(seq 500); do [ -e '%s' ] && exit; sleep 0.02; done; exit 1"):format(
    ready))
  return function()
    material:write("go", "")
  end
end

for _, kind in ipairs { "sqlite", "postgres" } do
  describe("a store of " .. kind, function()
    local here

    before_each(function()
      here = open(kind)
    end)
    after_each(function()
      here:close()
    end)

    it("lets tasks and event loops go on while a batch takes long", function()
      local quick = fiks.check(store.open { sqlite = material:path("rask.db") })
      local order = {}
      fiks.all { function()
        fiks.check(here:batch { { SLOW[kind] } })
        order[#order + 1] = "slow"
      end, function()
        for _ = 1, 3 do
          fiks.check(quick:batch { { "SELECT 1" } })
          order[#order + 1] = "quick"
        end
      end }
      assert.same({ "quick", "quick", "quick", "slow" }, order)

      local uv = require "luv"
      local engine, ticks, timer = fiks.check(fiks.engine()), 0, uv.new_timer()
      local poll = uv.new_poll(engine:fd())
      poll:start("r", function() engine:dispatch() end)
      timer:start(2, 2, function() ticks = ticks + 1 end)
      local results
      engine:spawn(function()
        results = here:batch { { SLOW[kind] } }
        timer:close()
        poll:close()
      end)
      uv.run()
      engine:close()
      assert.equal(1, #results)
      assert.is_true(ticks > 5, ticks)
      quick:close()
    end)

    it("waits for others' locks", function()
      local let_go = lock_elsewhere(kind)
      local results, errors = fiks.all { function()
        return here:batch { { "INSERT INTO sak (id) VALUES ('ventet')" } }
      end, let_go }
      assert.same({}, errors)
      assert.equal(1, results[1][1].changes)
    end)

    it("leaves nothing of a batch whose process was killed", function()
      here:close()
      local option = target(kind)
      material:lua(([[
        local fiks = require "fiks"
        local here = assert(require("fiks.store").open { %s = %q })
        assert(here:batch { { "INSERT INTO sak (id) VALUES ('hel')" } })
        fiks.all { function()
          here:batch { { "INSERT INTO sak (id) VALUES ('halv')" }, { %q } }
        end, function()
          os.execute("sleep 0.1; kill -9 $PPID")
        end }]]):format(kind, option[kind], SLOW[kind]))
      here = fiks.check(store.open(option))
      assert.equal("hel", ids(here))
    end)
  end)
end

it("a store gives up after some seconds when the database stays locked", function()
  local one, other = open("sqlite"), open("postgres")
  local first = lock_elsewhere("sqlite")
  os.remove(material:path("ready"))
  local second = lock_elsewhere("postgres")
  local function insert(here)
    return function()
      return here:batch { { "INSERT INTO sak (id) VALUES ('nei')" } }
    end
  end
  local results, errors = fiks.all { insert(one), insert(other) }
  first()
  second()
  for i = 1, 2 do
    assert.is_true(fails("io", "store.busy", results[i], errors[i]).retryable)
  end
  one:close()
  other:close()
end)

describe("a store of postgres", function()
  local here

  before_each(function()
    here = open("postgres")
  end)
  after_each(function()
    here:close()
  end)

  -- Ends the server's side of the other connections.
  local function cut()
    server:psql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
      .. "WHERE application_name = 'lua-fiks'")
  end

  it("does not notice a server that was restarted between batches", function()
    fiks.check(here:batch { { "INSERT INTO sak (id) VALUES ('før')" } })
    server:crash()
    server:go_on()
    fiks.check(here:batch { { "INSERT INTO sak (id) VALUES ('etter')" } })
    assert.equal("etter før", ids(here))
  end)

  it("says so when the server goes during a batch, and connects anew", function()
    local results, errors = fiks.all { function()
      return here:batch { { "INSERT INTO sak (id) VALUES ('tapt')" }, { "SELECT pg_sleep(20)" } }
    end, function()
      server:crash()
    end }
    local err = fails("io", "store.gone", results[1], errors[1])
    assert.is_true(err.retryable)
    assert.is_nil(err.uncertain)
    err = fails("io", "store.gone", here:batch { { "SELECT 1" } })
    assert.is_true(err.retryable)
    fails("io", "store.gone", store.open { postgres = server.target })
    server:go_on()
    assert.equal("", ids(here))
  end)

  it("says when it cannot know whether a batch was done", function()
    server:psql [[
      CREATE OR REPLACE FUNCTION nol() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(20); RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER nol AFTER INSERT ON sak DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION nol()]]
    local results, errors = fiks.all { function()
      return here:batch { { "INSERT INTO sak (id) VALUES ('kanskje')" } }
    end, function()
      for _ = 1, 200 do
        if server:psql("SELECT 1 FROM pg_stat_activity WHERE query = 'COMMIT' "
          .. "AND state = 'active'") ~= "" then
          return cut()
        end
      end
    end }
    local err = fails("io", "store.gone", results[1], errors[1])
    assert.is_true(err.uncertain)
    assert.is_true(err.retryable)
  end)

  it("takes its locks again, or says that another has them", function()
    local other = fiks.check(store.open { postgres = server.target })
    assert.is_true(here:lock("mottak"))
    cut()
    assert.equal("", ids(here)) -- on a new connection
    assert.is_false(other:lock("mottak"))
    cut()
    assert.is_true(other:lock("mottak"))
    fails("conflict", "store.lock_lost", here:batch { { "SELECT 1" } })
    fails("conflict", "store.lock_lost", here:batch { { "SELECT 1" } })
    other:close()
  end)

  it("tries again after a deadlock", function()
    fiks.check(here:batch { { "INSERT INTO sak (id) VALUES ('a'), ('b')" } })
    local other = fiks.check(store.open { postgres = server.target })
    local update = "UPDATE sak SET tittel = coalesce(tittel, '') || $2 WHERE id = $1"
    local _, errors = fiks.all { function()
      return here:batch { { update, "a", "1" }, { "SELECT pg_sleep(0.2)" }, { update, "b", "1" } }
    end, function()
      return other:batch { { update, "b", "2" }, { "SELECT pg_sleep(0.2)" }, { update, "a", "2" } }
    end }
    assert.same({}, errors)
    local rows = fiks.check(here:batch { { "SELECT tittel FROM sak ORDER BY id" } })[1]
    assert.equal(2, #rows[1].tittel)
    assert.equal(2, #rows[2].tittel)
    assert.matches("deadlock detected", server:log())
    other:close()
  end)

  it("shares rows out among stores", function()
    fiks.check(here:batch { { "INSERT INTO sak (id) VALUES ('a'), ('b'), ('c')" } })
    local other = fiks.check(store.open { postgres = server.target })
    local function take(from)
      return function()
        return fiks.check(from:batch {
          { "SELECT id FROM sak ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1", check = 1 },
          { "SELECT pg_sleep(0.3)" } })[1][1].id
      end
    end
    local got = fiks.all { take(here), take(other) }
    assert.not_equal(got[1], got[2])
    other:close()
  end)

  it("is durable, whatever the connection string says", function()
    local other = fiks.check(store.open {
      postgres = server.target .. " options='-c synchronous_commit=off'" })
    assert.equal("on", fiks.check(other:batch { { "SHOW synchronous_commit" } })[1][1]
      .synchronous_commit)
    other:close()
  end)

  it("shows no password, right or wrong", function()
    local uri = "postgresql://arkiv:%s@127.0.0.1:%d/postgres"
    local good = fiks.check(store.open { postgres = uri:format("sv%C3%A6rt-Hemmelig%231",
      server.port) })
    assert.equal("fiks.Store (postgres)", tostring(good))
    good:close()
    for text, code in pairs {
      [uri:format("Hemmelig", server.port)] = "store.refused",
      [uri:format("Hem@melig", server.port)] = "store.target",
      [uri:format("Hem/melig", server.port)] = "store.target",
      [uri:format("Hemmelig%zz", server.port)] = "store.target",
      [server.tcp .. " password=Hemmelig og mer"] = "store.target",
      [server.tcp .. " password=Hemmelig"] = "store.refused",
      [server.target .. " dbname=finnes_ikke"] = "store.refused",
    } do
      local err = fails("config", code, store.open { postgres = text })
      assert.not_matches("[Hh]em", tostring(err))
      assert.not_matches("melig", tostring(err))
    end
    local err = fails("io", "store.gone", store.open {
      postgres = "host=finnes-ikke-Hemmelig.invalid password=Hemmelig" })
    assert.not_matches("Hemmelig", tostring(err))
    fails("invalid", "store.values", here:batch { { "SELECT $1::int AS n", "Hemmelig" } })
  end)
end)
