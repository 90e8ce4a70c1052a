-- The journal of svarinn:receive: what it refuses, whose it is, and what it knows of accounts and
-- pages.

local core = require "fiks.core"
local support = require "spec.support.svarinn"

local failure, list_of, taken = support.failure, support.list_of, support.taken

describe("svarinn:receive, several accounts and pages", function()
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

  it("knows nothing of a journal that is not there, and makes none", function()
    local found, err = svarinn:status { journal = stage.journal }
    assert.is_nil(found)
    assert.equal("journal.missing", err.code)
    assert.is_nil(io.open(stage.journal))
  end)

  it("says which account is refused, and goes on with the others", function()
    local name_of = {}
    svarinn, client = support.new({
      ["svarinn.v1.list"] = function(opts)
        name_of[#name_of + 1] = opts.username
        if opts.username == "en" then
          return nil, failure("auth", "http_401")
        end
        return { status = 200, body = list_of(opts.username .. "-1") }
      end,
      ["svarinn.v1.download"] = stage.arrive,
    }, { username = false, password = false, accounts = {
      { username = "en", password = "e" }, { username = "to", password = "t" },
      { username = "tre", password = "r" },
    } })
    local told, order = nil, {}
    local sum = assert(receive(function(f)
      order[#order + 1] = f.account .. " " .. f.id
      return true
    end, { on_error = function(f, err)
      told = f.account .. " " .. err.kind
      assert.is_nil(f.id)
    end }))
    assert.equal("en auth", told)
    assert.same({ "to to-1", "tre tre-1" }, order)
    assert.equal("auth", sum.refused.en.kind)
    for _, call in ipairs(client.calls) do
      local id = call.opts.params and call.opts.params.id
      if id then
        assert.equal(id:match("^%a+"), call.opts.username)
      end
    end
    local accounts = status().accounts
    assert.equal("en", accounts[1].account)
    assert.matches("auth", accounts[1].error)
    assert.equal(1, accounts[2].waiting)
    assert.is_nil(accounts[2].error)
  end)

  it("lists again while pages are full and something leaves them", function()
    local ids, lists = {}, 0
    for i = 1, 199 do
      ids[i] = "id" .. i
    end
    local function full(last)
      ids[200] = last
      return list_of((rawget(table, "unpack") or rawget(_G, "unpack"))(ids))
    end
    receive(taken)
    stage.query([[WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 199)
      INSERT INTO fiks_svarinn (account, id, state, parked_at, listed_at, seen_at)
      SELECT 'bruker', 'id' || i, 'listed', 1, 1, 1 FROM n]])
    script["svarinn.v1.list"] = function()
      lists = lists + 1
      return { status = 200, body = full(lists < 3 and "ny-" .. lists or "ny-2") }
    end
    script["svarinn.v1.acknowledge"] = function(opts)
      return lists < 3 and { status = 200, body = "" } or nil, failure("server", opts.params.id)
    end
    local warnings = {}
    require("fiks").log("warning", function(_, line) warnings[#warnings + 1] = line end)
    local sum = assert(receive(taken))
    require("fiks").log(nil)
    assert.equal(3, lists)
    assert.same({ 2, 398 + 199 }, { sum.received, sum.parked })
    assert.is_true(sum.backlog)
    assert.is_true(status().backlog)
    assert.is_true(svarinn.backlog)
    assert.matches("there may be more behind it", warnings[1])
    assert.matches("newer forsendelser are hidden", warnings[#warnings])
    lists = 0
    script["svarinn.v1.acknowledge"] = nil
    sum = assert(receive(taken, { max_rounds = 2 }))
    assert.equal(2, lists)
    assert.is_false(sum.backlog)
  end)
end)

describe("the journal", function()
  local stage

  before_each(function()
    stage = support.stage()
  end)
  after_each(function()
    stage.clear()
  end)

  local function receive()
    return support.new({ ["svarinn.v1.list"] = "[]" }):receive {
      journal = stage.journal, handler = function() return true end,
    }
  end

  it("is refused when it is something else, or of a later version, and left as it is", function()
    local file = assert(io.open(stage.journal, "wb"))
    file:write("Dette er et brev, og ingen database. ", ("x"):rep(5000))
    file:close()
    local sum, err = receive()
    assert.is_nil(sum)
    assert.equal("store.corrupt", err.code)
    assert.matches(stage.journal, err.message, 1, true)
    file = assert(io.open(stage.journal, "rb"))
    assert.matches("^Dette er et brev", file:read("*a"))
    file:close()
    os.remove(stage.journal)

    stage.query("CREATE TABLE fiks_svarinn (noe TEXT)")
    sum, err = receive()
    assert.is_nil(sum)
    assert.equal("journal.foreign", err.code)
    os.remove(stage.journal)

    assert(receive())
    stage.query("UPDATE fiks_svarinn_schema SET version = 2")
    sum, err = receive()
    assert.is_nil(sum)
    assert.equal("journal.version", err.code)
    assert.matches("version 2.*knows up to 1", err.message)
  end)

  it("is one receiver's at a time for an account, and free when that ends", function()
    local second
    local svarinn = support.new { ["svarinn.v1.list"] = list_of("a"),
      ["svarinn.v1.download"] = stage.arrive }
    assert(svarinn:receive { journal = stage.journal, handler = function()
      second = { receive() }
      return true
    end })
    assert.is_nil(second[1])
    assert.equal("journal.locked", second[2].code)
    assert.matches("bruker", second[2].message)
    assert(receive())
  end)

  it("keeps error texts that are not UTF-8, long or hold a NUL", function()
    for text, want in pairs { ["a\0b"] = "a?b", ["a\255b"] = "a?b",
      [("\195\165"):rep(400)] = "\195\165$" } do
      local svarinn = support.new { ["svarinn.v1.list"] = list_of(core.uuid()),
        ["svarinn.v1.download"] = stage.arrive }
      svarinn:receive { journal = stage.journal, handler = function() return false, text end }
      assert.matches(want, svarinn:status().errors[1].error)
      assert.is_true(#svarinn:status().errors[1].error <= 500)
      stage.later(1)
    end
  end)
end)
