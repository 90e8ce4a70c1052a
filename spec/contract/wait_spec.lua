-- What every waiter promises (lua/fiks/wait/init.lua), run for each of them.

local fake_core = require "spec.support.fake_core"

-- How code comes to run under each waiter.
local HOSTS = {
  block = function(_, f)
    f()
  end,
  coroutine = function(fiks, f)
    fiks.run(f)
  end,
}

for name, run in pairs(HOSTS) do
  describe("the waiter " .. name, function()
    local fake, waiter, fiks

    before_each(function()
      fake = fake_core.install()
      fiks = require "fiks"
      waiter = require("fiks.wait." .. name)
      require("fiks.wait").queue()
    end)
    after_each(fake_core.restore)

    it("returns nothing, and only when the call has finished", function()
      run(fiks, function()
        local call = fake.start {}
        assert.equal(0, select("#", waiter.await(call)))
        assert.is_true(call:finished())
      end)
    end)

    it("returns at once for a call that has finished", function()
      run(fiks, function()
        local call = fake.start {}
        waiter.await(call)
        local waits = fake.waits
        waiter.await(call)
        assert.equal(waits, fake.waits)
      end)
    end)

    it("meets completions of other calls without losing them", function()
      fake.delay = function(spec)
        return spec.due
      end
      run(fiks, function()
        local late, early, never = fake.start { due = 3 }, fake.start { due = 1 },
          fake.start { due = 9 }
        waiter.await(late)
        assert.is_true(early:finished())
        assert.is_false(never:finished())
        local waits = fake.waits
        waiter.await(early)
        assert.equal(waits, fake.waits)
      end)
    end)

    it("neither cancels nor closes", function()
      run(fiks, function()
        local call = fake.start {}
        waiter.await(call)
        assert.is_nil(call.cancelled)
        assert.is_nil(call.closed)
      end)
    end)

    it("lets the program see that waiting failed", function()
      local ok, err = pcall(run, fiks, function()
        local call = fake.start {}
        fake.pending = {}
        waiter.await(call)
      end)
      assert.is_false(ok)
      assert.matches("would hang", err)
    end)

    it("is the one that fiks.wait chooses here", function()
      local used
      local await = waiter.await
      waiter.await = function(call)
        used = true
        return await(call)
      end
      run(fiks, function()
        require("fiks.wait").await(fake.start {})
      end)
      assert.is_true(used)
    end)
  end)
end
