-- Whatever a program does to calls that are under way, nothing crashes, hangs or leaks (the last is
-- for the address sanitizer and valgrind to say): with the collector at every step, too.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local scenes = require "spec.support.gc_scenes"

describe("the collector", function()
  local here, client

  setup(function() here = endpoint.start() end)
  teardown(function() here:stop() end)
  before_each(function()
    here:forget()
    here:answers("/treg", { delay_ms = 300, body = "{}", always = true })
    here:answers("/ned", { body = "0123456789", times = 30000, always = true })
    client = here:client()
  end)
  after_each(function() client:close() end)

  -- A full collection after every so many instructions, where no C code expects it.
  local function collecting(every, f, ...)
    if rawget(_G, "jit") then
      jit.off() -- compiled code calls no hooks
    end
    debug.sethook(function() collectgarbage() end, "", every)
    local ok, why = pcall(f, ...)
    debug.sethook()
    if rawget(_G, "jit") then
      jit.on()
    end
    return ok, why
  end

  local names = {}
  for name in pairs(scenes.scenes) do
    names[#names + 1] = name
  end
  table.sort(names)

  for _, name in ipairs(names) do
    it("survives " .. name:gsub("_", " "), function()
      scenes.scenes[name](client, here)
      collectgarbage()
    end)

    it("survives " .. name:gsub("_", " ") .. ", at every step", function()
      local ok, why = collecting(1000, scenes.scenes[name], client, here)
      assert.is_true(ok, tostring(why))
    end)
  end

  local lua = os.getenv("FIKS_LUA") or arg[-1] or "lua5.4"
  for name in pairs(scenes.exits) do
    for _, thread in ipairs { "false", "true" } do
      it(("survives leaving %s, calls under way (I/O thread: %s)"):format(name:gsub("_", " "),
        thread), function()
        local _, before = core.now()
        local pipe = io.popen(("timeout 20 %s spec/support/gc_scenes.lua %s %s %s 2>&1; "
          .. "echo status=$?"):format(lua, name, here.url, thread))
        local text = pipe:read("*a")
        pipe:close()
        local _, after = core.now()
        assert.equal("status=0\n", text)
        assert.is_true(after - before < 15000)
      end)
    end
  end
end)
