-- Tasks: fiks.all, map, run, spawn. What all waiters have in common is in spec/contract.

local fake_core = require "spec.support.fake_core"

describe("tasks", function()
  local fake, fiks, wait

  before_each(function()
    fake = fake_core.install()
    fiks = require "fiks"
    wait = require "fiks.wait"
    wait.queue()
    fake.delay = function(spec)
      return spec.due or #fake.calls
    end
  end)
  after_each(fake_core.restore)

  -- A call as the client makes it.
  local function call(due)
    local started = fake.start { due = due }
    wait.await(started)
    started:close()
    return due
  end

  it("have many calls in flight, each finishing in its own time", function()
    local log = {}
    local function job(name, ...)
      local dues = { ... }
      return function()
        for _, due in ipairs(dues) do
          call(due)
          log[#log + 1] = name .. due
        end
        return name
      end
    end
    local values, errors = fiks.all { job("a", 5, 6), job("b", 1, 9), c = job("c", 3) }
    assert.same({ "b1", "c3", "a5", "a6", "b9" }, log)
    assert.same({ "a", "b", c = "c" }, values)
    assert.same({}, errors)
  end)

  it("give nil, err by key", function()
    local values, errors = fiks.all {
      function() return nil, "no" end,
      function() return 1 end,
    }
    assert.same({ [2] = 1 }, values)
    assert.same({ [1] = "no" }, errors)
  end)

  it("may do without any call, and be none at all", function()
    assert.same({}, (fiks.all {}))
    assert.same({ 7 }, (fiks.all { function() return 7 end }))
    assert.equal(0, fake.waits)
  end)

  it("raise the first error, with its traceback, after the others have ended", function()
    local ended
    local ok, err = pcall(fiks.all, {
      function() call(1) error("brast") end,
      function() call(2) call(3) ended = true end,
      function() call(4) error("ogs\195\165 denne") end,
    })
    assert.is_false(ok)
    assert.is_true(ended)
    assert.equal("string", type(err))
    assert.matches("wait_spec.lua:%d+: brast", err)
    assert.matches("stack traceback:.*wait_spec.lua", err)
    assert.is_nil(err:find("denne", 1, true))
  end)

  it("raise error objects as text", function()
    local Error = require "fiks.error"
    local ok, err = pcall(fiks.run, function()
      error(Error.new { kind = "io", message = "fullt" })
    end)
    assert.is_false(ok)
    assert.matches("^io: fullt\nstack traceback:", err)
  end)

  it("nest: an inner fiks.all gives way to the outer tasks", function()
    local log = {}
    fiks.all {
      function()
        fiks.all {
          function() call(2) log[#log + 1] = "inner 2" end,
          function() call(4) log[#log + 1] = "inner 4" end,
        }
        log[#log + 1] = "inner done"
      end,
      function() call(3) log[#log + 1] = "outer 3" end,
    }
    assert.same({ "inner 2", "outer 3", "inner 4", "inner done" }, log)
  end)

  it("carry an inner error to the outer task, which may catch it", function()
    local caught
    fiks.run(function()
      local ok, err = pcall(fiks.all, { function() call(1) error("inne") end })
      caught = not ok and err
    end)
    assert.matches("inne", caught)
  end)

  it("spawn more tasks, and the group waits for them", function()
    local log = {}
    local result = fiks.run(function(a, b)
      local task = fiks.spawn(function(x)
        call(2)
        log[#log + 1] = "spawned " .. x
        return x, nil, 3
      end, "x")
      call(1)
      log[#log + 1] = "main"
      assert.same({ "x", nil, 3 }, { task:join() })
      fiks.spawn(function() call(5) log[#log + 1] = "late" end)
      return a + b
    end, 1, 2)
    assert.equal(3, result)
    assert.same({ "main", "spawned x", "late" }, log)
  end)

  it("raise in join what the joined task raised", function()
    local ok, err = pcall(fiks.run, function()
      local task = fiks.spawn(function() call(1) error("borte") end)
      local joined, why = pcall(task.join, task)
      assert(not joined and why:find("borte"))
      joined, why = pcall(task.join, task) -- again, when it has ended
      assert(not joined and why:find("borte"))
    end)
    assert.is_false(ok)
    assert.matches("borte", err)
  end)

  it("refuse spawn and join outside", function()
    local ok, err = pcall(function() fiks.spawn(print) end)
    assert.is_false(ok)
    assert.matches("wait_spec.lua:%d+: fiks.spawn works inside", err)
  end)

  it("refuse what is not a function, at the caller's line", function()
    for name, f in pairs {
      all = function() fiks.all { 1 } end,
      all_text = function() fiks.all("x") end,
      run = function() fiks.run(nil) end,
      map = function() fiks.map({}, nil, 3) end,
      map_items = function() fiks.map(3, nil, print) end,
      map_concurrency = function() fiks.map({}, { concurrency = 0 }, print) end,
      map_nan = function() fiks.map({ 1 }, { concurrency = 0 / 0 }, print) end,
    } do
      local ok, err = pcall(f)
      assert.is_false(ok, name)
      assert.matches("wait_spec.lua:%d+: fiks%.", err)
    end
  end)

  it("say when they only wait for each other", function()
    local ok, err = pcall(fiks.run, function()
      local first, second
      first = fiks.spawn(function() second:join() end)
      second = fiks.spawn(function() first:join() end)
    end)
    assert.is_false(ok)
    assert.matches("wait for each other", err)
  end)

  it("fail when they yield to nobody, without harm to the others", function()
    local ended
    local ok, err = pcall(fiks.all, {
      function() coroutine.yield("hei") end,
      function() call(1) ended = true end,
    })
    assert.is_false(ok)
    assert.matches("coroutine.yield straight from a fiks task", err)
    assert.is_true(ended)
  end)

  it("may hold coroutines of their own, whose calls block but lose nothing", function()
    local log = {}
    fiks.all {
      function()
        local generator = coroutine.wrap(function()
          for i = 1, 2 do
            call(i * 3)
            coroutine.yield(i)
          end
        end)
        log[#log + 1] = generator()
        call(5)
        log[#log + 1] = generator()
      end,
      function() call(1) log[#log + 1] = "one" call(4) log[#log + 1] = "four" end,
    }
    table.sort(log, function(a, b) return tostring(a) < tostring(b) end)
    assert.same({ 1, 2, "four", "one" }, log)
    assert.equal(#fake.pending, 0)
  end)

  it("cancel and close their calls when waiting is broken off", function()
    local mine = {}
    local ok, err = pcall(fiks.all, {
      function()
        mine[1] = fake.start { due = 1 }
        wait.await(mine[1])
      end,
      function()
        fiks.all { function()
          mine[2] = fake.start { due = 2 }
          fake.pending = {}
          wait.await(mine[2])
        end }
      end,
    })
    assert.is_false(ok)
    assert.matches("would hang", err)
    for i = 1, 2 do
      assert.is_true(mine[i].cancelled)
      assert.is_true(mine[i].closed)
    end
    -- and the state is usable afterwards
    assert.equal(8, fiks.run(function() return call(8) end))
  end)

  it("keep nothing alive afterwards", function()
    local gone = setmetatable({}, { __mode = "k" })
    fiks.all { function()
      gone[coroutine.running()] = true
      call(1)
    end }
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(gone))
  end)
end)

describe("fiks.map", function()
  local fake, fiks, wait

  before_each(function()
    fake = fake_core.install()
    fiks = require "fiks"
    wait = require "fiks.wait"
    wait.queue()
  end)
  after_each(fake_core.restore)

  it("runs some at a time, results by index", function()
    local running, most = 0, 0
    local values, errors = fiks.map({ 10, 20, 30, 40, 50 }, { concurrency = 2 }, function(item, i)
      running = running + 1
      most = math.max(most, running)
      local call = fake.start {}
      wait.await(call)
      call:close()
      running = running - 1
      if item == 30 then
        return nil, "no"
      end
      return item + i
    end)
    assert.equal(2, most)
    assert.same({ 11, 22, [4] = 44, [5] = 55 }, values)
    assert.same({ [3] = "no" }, errors)
  end)

  it("begins nothing new after a raise", function()
    local begun = 0
    local ok, err = pcall(fiks.map, { 1, 2, 3, 4 }, { concurrency = 2 }, function(item)
      begun = begun + 1
      if item == 2 then
        error("stopp")
      end
      wait.await(fake.start {})
    end)
    assert.is_false(ok)
    assert.matches("stopp", err)
    assert.equal(2, begun)
  end)

  it("takes an empty list", function()
    assert.same({}, (fiks.map({}, nil, error)))
  end)
end)
