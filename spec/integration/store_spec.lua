-- fiks.store: the same cases with SQLite and with a PostgreSQL of our own.

local fiks = require "fiks"
local material_of = require "spec.support.material"
local postgres = require "spec.support.postgres"
local store = require "fiks.store"

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

-- As Lua code, for another process.
local function target_code(kind)
  local option = target(kind)
  return ("{ %s = %q }"):format(kind, option[kind])
end

local function fails(kind, code, value, err)
  assert.is_nil(value)
  assert.equal(kind, err and err.kind, tostring(err))
  assert.equal(code, err.code, tostring(err))
  return err
end

for _, kind in ipairs { "sqlite", "postgres" } do
  describe("a store of " .. kind, function()
    local here

    local function batch(statements)
      return fiks.check(here:batch(statements))
    end

    local function count()
      return batch({ { "SELECT count(*) AS antall FROM sak" } })[1][1].antall
    end

    before_each(function()
      here = fiks.check(store.open(target(kind)))
      batch { { "DROP TABLE IF EXISTS sak" }, { [[CREATE TABLE sak (id TEXT PRIMARY KEY,
        tittel TEXT, antall BIGINT, andel DOUBLE PRECISION,
        tilstand TEXT CHECK (tilstand <> 'umulig'))]] } }
    end)
    after_each(function()
      here:close()
    end)

    it("says what it is, and nothing of where", function()
      assert.equal(kind, here.kind)
      assert.equal(("fiks.Store (%s)"):format(kind), tostring(here))
      here:close()
      here:close()
      assert.equal(("fiks.Store (%s, closed)"):format(kind), tostring(here))
      local ok, err = pcall(here.batch, here, { { "SELECT 1" } })
      assert.is_false(ok)
      assert.matches("the store is closed", err)
    end)

    it("gives rows by column, and how many a statement touched", function()
      local results = batch {
        { "INSERT INTO sak (antall, tittel, id) VALUES ($2, $3, $1)", "a", 7, "Å bygge i Ås 🏠" },
        { "INSERT INTO sak (id, tittel, antall) VALUES ($1, $1, $2)", "b", nil },
        { "UPDATE sak SET andel = $1 RETURNING id", 0.1, check = 2 },
        { "SELECT id, tittel, antall, andel FROM sak ORDER BY id" },
        { "SELECT id FROM sak WHERE id = $1", "finnes ikke", check = 0 },
        { "DELETE FROM sak" },
        { "SELECT '$9 -- $8', 3 AS tre -- $7\n /* $6 */" },
      }
      assert.same({ 1, 1, 2, 0, 0, 2, 0 }, { results[1].changes, results[2].changes,
        results[3].changes, results[4].changes, results[5].changes, results[6].changes,
        results[7].changes })
      assert.same({ id = "a", tittel = "Å bygge i Ås 🏠", antall = 7, andel = 0.1 }, results[4][1])
      assert.same({ id = "b", tittel = "b", andel = 0.1 }, results[4][2])
      assert.equal(2, #results[3])
      assert.equal(3, results[7][1].tre)
    end)

    it("keeps integers whole, beyond 2^53 too", function()
      batch { { "INSERT INTO sak (id, antall) VALUES ($1, $2), ('b', $3), ('c', $4), ('d', $5)",
        "a", "9007199254740993", 2 ^ 53, -5, fiks.null } }
      local rows = batch({ { "SELECT antall FROM sak ORDER BY id" } })[1]
      assert.equal("9007199254740993", tostring(rows[1].antall))
      assert.equal(2 ^ 53, rows[2].antall)
      assert.equal(-5, rows[3].antall)
      assert.is_nil(rows[4].antall)
      if math.type then -- luacheck: ignore 143
        assert.equal("integer", math.type(rows[3].antall)) -- luacheck: ignore 143
      end
      rows = batch({ { "SELECT id FROM sak WHERE antall = $1", "9007199254740993" } })[1]
      assert.equal("a", rows[1].id)
    end)

    it("takes booleans as 1 and 0", function()
      local rows = batch({ { "INSERT INTO sak (id, antall) VALUES ('a', $1), ('b', $2) "
        .. "RETURNING antall", true, false } })[1]
      assert.equal(1, rows[1].antall)
      assert.equal(0, rows[2].antall)
    end)

    it("does all of a batch or none", function()
      local one = { "INSERT INTO sak (id) VALUES ('en')" }
      local err = fails("conflict", "store.unique", here:batch { one, one })
      assert.equal(2, err.statement)
      assert.is_false(err.retryable)
      err = fails("conflict", "store.check", here:batch { one,
        { "UPDATE sak SET tittel = 'x' WHERE id = 'to'", check = 1 }, one })
      assert.equal(2, err.statement)
      assert.matches("0 rows, not 1", err.message)
      fails("conflict", "store.constraint",
        here:batch { one, { "UPDATE sak SET tilstand = 'umulig'" } })
      fails("internal", "store.sql", here:batch { one, { "SELECT finnes_ikke" } })
      fails("conflict", "store.check", here:batch { one, { "SELECT * FROM sak", check = 2 } })
      assert.equal(0, count())
      batch { one }
      assert.equal(1, count())
    end)

    it("refuses SQL that would make it no batch", function()
      for _, sql in ipairs { "COMMIT", " begin", "-- nå\n/* ja */ Rollback ", "SELECT 1; SELECT 2",
        "", "SELEKT", "SAVEPOINT x", "; ;COMMIT",
        "/* /* */ */ COMMIT" } do
        local err = fails("internal", "store.sql", here:batch { { sql } })
        assert.equal(1, err.statement, sql)
      end
    end)

    it("keeps no bytes that are no text, and shows no value", function()
      for value, code in pairs { ["hemmelig\0"] = "store.text", ["hemmelig\255"] = "store.text",
        [1 / 0] = "store.values", [-1 / 0] = "store.values" } do
        local err = fails("invalid", code,
          here:batch { { "INSERT INTO sak (id) VALUES ($1)", value } })
        assert.equal(1, err.statement)
        assert.matches("%$1 of statement 1", err.message)
        assert.not_matches("hemmelig", tostring(err))
      end
      fails("invalid", "store.values", here:batch { { "SELECT 1 AS x", 0 / 0 } })
      fails("invalid", "store.values", here:batch { { "SELECT $1 AS x", "a", "b" } })
      assert.equal(0, count())
      batch { { "INSERT INTO sak (id) VALUES ('hemmelig')" } }
      local err = fails("conflict", "store.unique", here:batch { {
        "INSERT INTO sak (id) VALUES ($1)", "hemmelig" } })
      assert.not_matches("hemmelig", tostring(err))
    end)

    it("raises misuse where it was called", function()
      local function wrong(pattern, f, ...)
        local ok, err = pcall(f, ...)
        assert.is_false(ok)
        assert.matches(pattern, tostring(err))
        assert.matches("store_spec.lua:%d+:", tostring(err))
      end
      wrong("did you mean 'check'", function() here:batch { { "SELECT 1", chek = 1 } } end)
      wrong("a table is no value", function() here:batch { { "SELECT $1", {} } } end)
      wrong("begins with its SQL", function() here:batch { { sql = "SELECT 1" } } end)
      wrong("begins with its SQL", function() here:batch { "SELECT 1" } end)
      wrong("list of statements", function() here:batch {} end)
      wrong("whole number of rows", function() here:batch { { "SELECT 1", check = -1 } } end)
      wrong("1 to 64 letters", function() here:lock("../../etc/passwd") end)
      wrong("did you mean 'sqlite'", function() store.open { sqlit = "x" } end)
      wrong("sqlite = path or postgres", function() store.open {} end)
      wrong("store:method", function() here.batch { { "SELECT 1" } } end)
    end)

    it("works for many tasks at once", function()
      batch { { "INSERT INTO sak (id, antall) VALUES ('x', 0)" } }
      local second = fiks.check(store.open(target(kind)))
      local list = {}
      for i = 1, 20 do
        list[i] = i
      end
      local results, errors = fiks.map(list, { concurrency = 10 }, function(i)
        return (i % 2 == 0 and here or second):batch {
          { "UPDATE sak SET antall = antall + 1 WHERE id = 'x' RETURNING antall", check = 1 } }
      end)
      assert.same({}, errors)
      local seen = {}
      for i = 1, 20 do
        seen[results[i][1][1].antall] = true
      end
      assert.equal(20, #seen)
      second:close()
    end)

    it("locks out other processes until it is closed or dead", function()
      local other = fiks.check(store.open(target(kind)))
      assert.is_true(here:lock("mottak"))
      assert.is_true(here:lock("mottak"))
      assert.is_false(other:lock("mottak"))
      assert.is_true(other:lock("annet"))
      local code = ([[
        local other = assert(require("fiks.store").open %s)
        io.write(tostring(other:lock("mottak")))]]):format(target_code(kind))
      assert.equal("false", material:lua(code))
      here:close()
      assert.equal("true", material:lua(code))
      -- Killed with the lock in hand.
      assert.matches("true", material:lua(code .. [[
        io.stdout:flush()
        os.execute("kill -9 $PPID")]]))
      local got
      for _ = 1, 200 do -- PostgreSQL has to notice first
        got = other:lock("mottak")
        if got ~= false then break end
        os.execute("sleep 0.02")
      end
      assert.is_true(got)
      other:close()
    end)

    it("ends with the program, a batch under way or not", function()
      local slow = kind == "sqlite" and [[WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1
        FROM t WHERE n < 1500000) SELECT count(*) FROM t]] or "SELECT pg_sleep(0.5)"
      local code = [[
        local fiks = require "fiks"
        local here = assert(require("fiks.store").open ]] .. target_code(kind) .. [[)
        local function slow()
          return here:batch { { "INSERT INTO sak (id) VALUES ($1)", ... }, { "]]
            .. slow:gsub("\n", " ") .. [[" } }
        end
        ]]
      local function run(id, rest)
        return material:lua(code:gsub("%.%.%.", ("%q"):format(id)) .. rest)
      end
      assert.equal("", run("exit", [[
        fiks.all { slow, function() os.exit(0) end }]]))
      assert.equal("", run("dropped", [[
        local co = coroutine.create(function() fiks.run(slow) end)
        local core = require "fiks.core"
        here._core:batch({ { "SELECT 1", n = 0 } }, require("fiks.wait").queue())
        here = nil
        collectgarbage() collectgarbage()]]))
      assert.equal("true", run("whole", [[
        io.write(tostring(slow() ~= nil))]]))
      local ids = batch({ { "SELECT id FROM sak ORDER BY id" } })[1]
      assert.equal("whole", ids[#ids].id)
    end)
  end)
end
