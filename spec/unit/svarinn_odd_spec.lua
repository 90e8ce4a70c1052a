-- svarinn:receive where something around it is odd: a SvarInn that lists what it was told of, a
-- clock that is set back, a handler that changes what it is given, ids that two accounts have.

local core = require "fiks.core"
local fiks = require "fiks"
local support = require "spec.support.svarinn"

local failure, list_of, taken = support.failure, support.list_of, support.taken

describe("svarinn:receive", function()
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
    more = more or {}
    more.on_error = more.on_error or function() end
    return stage.receive(svarinn, handler, more)
  end

  -- How many lists are asked for when SvarInn has one full page, whatever it is told.
  local function lists_of_a_stuck_page()
    local ids, lists = {}, 0
    for i = 1, 200 do
      ids[i] = "id" .. i
    end
    local body = list_of((rawget(table, "unpack") or rawget(_G, "unpack"))(ids))
    script["svarinn.v1.list"] = function()
      lists = lists + 1
      if lists == 9 then
        svarinn:stop()
      end
      return { status = 200, body = body }
    end
    local sum = assert(receive(taken))
    assert.is_true(sum.backlog)
    return lists
  end

  it("does not list again and again what is acknowledged and stays listed", function()
    receive(taken)
    stage.query([[WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
      INSERT INTO fiks_svarinn (account, id, state, listed_at, seen_at)
      SELECT 'bruker', 'id' || i, 'acknowledged', 1, 1 FROM n]])
    assert.equal(2, lists_of_a_stuck_page())
  end)

  it("does not list again and again what is listed and not there", function()
    script["svarinn.v1.download"] = failure("not_found")
    assert.equal(2, lists_of_a_stuck_page())
  end)

  it("does not wait for a clock that was wrong", function()
    stage.later(10 * 86400)
    receive(function() return false end)
    receive(function() return false end)
    stage.later(-10 * 86400)
    assert.equal(1, receive(taken, { max_rounds = 1 }).received)

    script["svarinn.v1.list"], script["svarinn.v1.acknowledge"] = list_of("b"), failure("server")
    stage.later(10 * 86400)
    receive(taken)
    receive(taken)
    stage.later(-10 * 86400)
    script["svarinn.v1.list"], script["svarinn.v1.acknowledge"] = list_of(), nil
    assert.equal(1, receive(taken).acknowledged)
  end)

  it("asks an account again that could not be listed while the clock was wrong", function()
    script["svarinn.v1.list"] = failure("network")
    stage.later(10 * 86400)
    local rounds, lists = 0, nil
    assert(svarinn:run { journal = stage.journal, handler = taken, every = 0.001,
      on_error = function() end,
      on_round = function()
        rounds = rounds + 1
        if rounds == 1 then
          stage.later(-10 * 86400)
          lists = #client.calls
        elseif rounds == 3 then
          svarinn:stop()
        end
      end })
    assert.equal(lists + 2, #client.calls)
  end)

  it("says that it may have been seen also when it was gone meanwhile", function()
    stage.die_at("handed_over", "before")
    assert.has_error(function() receive(taken) end, "killed")
    assert.equal("delivering", stage.state_of("a").state)
    script["svarinn.v1.list"] = list_of()
    stage.later(1)
    receive(taken)
    assert.equal("gone", stage.state_of("a").state)
    script["svarinn.v1.list"] = list_of("a")
    stage.later(1)
    local again
    receive(function(f)
      again = f.redelivered
      return false
    end)
    assert.is_true(again)
    -- One that was refused was seen, and not taken: that is no repeat.
    assert.equal("fetched", stage.state_of("a").state)
    for _, list in ipairs { list_of(), list_of("a") } do
      script["svarinn.v1.list"] = list
      stage.later(100)
      receive(function(f)
        assert.is_nil(f.redelivered)
        return true
      end)
    end
    assert.equal("acknowledged", stage.state_of("a").state)
  end)

  it("acknowledges what it was, whatever the handler makes of it", function()
    assert(os.execute("mkdir " .. stage.into .. "/annet"))
    receive(function(f)
      f.id, f.account = "../annet", nil
      return true
    end)
    assert.same({ id = "a" }, client.calls[#client.calls].opts.params)
    assert.is_true(stage.is_folder(stage.into .. "/annet"))
    assert.is_false(stage.is_folder(stage.journal .. ".spool/a"))
  end)

  it("goes on when what was raised cannot be shown", function()
    script["svarinn.v1.list"] = list_of("a", "b")
    local sum = assert(receive(function(f)
      if f.id == "a" then
        error(setmetatable({}, { __tostring = function() error "nei" end }))
      end
      return true
    end))
    assert.same({ 1, 1 }, { sum.received, sum.failed })
    assert.matches("the handler raised: a table that cannot be shown",
      stage.state_of("a").last_error)
  end)

  it("takes no account's files for another's of the same id", function()
    svarinn, client = support.new(script, { username = false, password = false,
      accounts = { { username = "en", password = "x" }, { username = "to", password = "x" } } })
    local seen, wrong = {}, nil
    local function note(f)
      seen[#seen + 1] = f.account
      return true
    end
    local function refused(_, err)
      wrong = err
    end
    script["svarinn.v1.list"] = assert(core.json_encode(core.array { { id = "x",
      filmetadata = { { filnavn = "a.txt" } } } })) -- no hash: it could be any a.txt
    script["svarinn.v1.acknowledge"] = failure("server") -- so its files stay
    receive(note, { on_error = refused })
    assert.same({ "en" }, seen)
    assert.same({ "same_id", "to" }, { wrong.code, wrong.account })
    script["svarinn.v1.acknowledge"] = nil
    stage.later(61)
    receive(note)
    assert.same({ "en", "to" }, seen)
    assert.equal(2, select(2, client:names():gsub("download", "")))
  end)

  it("goes on when it is a proxy that refuses, and not SvarInn", function()
    local lists, refusals = 0, 0
    script["svarinn.v1.list"] = function()
      lists = lists + 1
      if lists == 1 then
        return nil, failure("denied", "proxy_auth")
      end
      svarinn:stop()
      return { status = 200, body = list_of() }
    end
    assert.is_true(svarinn:run { journal = stage.journal, handler = taken, every = 0.001,
      on_error = function() refusals = refusals + 1 end })
    assert.same({ 2, 1 }, { lists, refusals })
  end)
end)

describe("svarinn:receive", function()
  it("has room for many accounts", function()
    local stage, accounts = support.stage(), {}
    for i = 1, 300 do
      accounts[i] = { username = "mottak" .. i, password = "x" }
    end
    local svarinn = support.new({ ["svarinn.v1.list"] = "[]" },
      { username = false, password = false, accounts = accounts })
    local sum, err = svarinn:receive { journal = stage.journal, handler = print }
    stage.clear()
    assert.is_nil(err)
    assert.equal(300, sum.pages)
  end)
end)

describe("svarinn:run", function()
  it("ends when its task is cancelled", function()
    local stage = support.stage()
    local svarinn = support.new { ["svarinn.v1.list"] = "[]" }
    local rounds, ok, err = 0, nil, nil
    fiks.run(function()
      local task
      task = fiks.spawn(function()
        ok, err = svarinn:run { journal = stage.journal, handler = print, every = 600,
          on_round = function()
            rounds = rounds + 1
            fiks.spawn(rounds == 1 and function() task:cancel() end
              or function() svarinn:stop() end)
          end }
      end)
    end)
    stage.clear()
    assert.is_nil(ok)
    assert.equal("cancelled", err.kind)
    assert.equal(1, rounds)
  end)
end)
