-- Calls in an event loop that is not ours: luv and cqueues, and the examples that show it.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"

describe("an event loop", function()
  local here, client, engine, uv, poll

  setup(function()
    here = endpoint.start()
    uv = require "luv"
  end)
  teardown(function() here:stop() end)
  before_each(function()
    here:forget()
    client = here:client()
    engine = assert(fiks.engine())
    poll = uv.new_poll(engine:fd())
    poll:start("r", function() engine:dispatch() end)
  end)
  after_each(function()
    if not poll:is_closing() then
      poll:close()
    end
    uv.run()
    engine:close()
    client:close()
  end)

  local function get(path, more)
    local spec = more or {}
    spec.method, spec.path = "GET", path
    return client:request(spec)
  end

  -- Runs the loop until the functions, each in a coroutine, have ended.
  local function loop(...)
    local running, ticks, timer = select("#", ...), 0, uv.new_timer()
    timer:start(2, 2, function() ticks = ticks + 1 end)
    for _, f in ipairs { ... } do
      engine:spawn(function()
        local ok, err = pcall(f)
        running = running - 1
        if running == 0 then
          timer:close()
          poll:close()
        end
        assert(ok, err)
      end)
    end
    uv.run()
    return ticks
  end

  it("goes on while calls of many coroutines are under way", function()
    here:answers("/treg", { delay_ms = 150, body = "{}", always = true })
    local statuses, order = {}, {}
    local ticks = loop(function()
      statuses[6] = assert(get "/treg").status
      order[#order + 1] = "treg"
    end, function()
      for _ = 1, 5 do
        statuses[#statuses + 1] = assert(get "/x").status
      end
      order[#order + 1] = "rask"
    end)
    assert.equal("rask", order[1])
    assert.same({ 200, 200, 200, 200, 200, 200 }, statuses)
    assert.is_true(ticks > 5, ticks)
  end)

  it("runs tasks and streams inside its coroutines", function()
    here:answers("/ned", { body = "x", times = 400000, always = true })
    local sums, other
    local ticks = loop(function()
      sums = fiks.map({ 1, 2, 3 }, { concurrency = 3 }, function()
        local sum = 0
        assert(get("/ned", { into = function(chunk) sum = sum + #chunk end }))
        return sum
      end)
    end, function()
      other = fiks.all { a = function() return get("/x").status end,
        b = function() return get("/y").status end }
    end)
    assert.same({ 400000, 400000, 400000 }, sums)
    assert.same({ a = 200, b = 200 }, other)
    assert.is_number(ticks)
  end)

  it("holds its coroutines, when nobody else does", function()
    here:answers("/treg", { delay_ms = 60, body = "{}", always = true })
    local done = 0
    for _ = 1, 20 do
      engine:spawn(function()
        assert.equal(200, assert(get "/treg").status)
        done = done + 1
        if done == 20 then
          poll:close()
        end
      end)
    end
    collectgarbage()
    collectgarbage()
    uv.run()
    assert.equal(20, done)
  end)

  local kill = rawget(coroutine, "close") -- LuaJIT has none
  if kill then
    it("goes on when a coroutine that waits is killed", function()
      here:answers("/treg", { delay_ms = 60, body = "{}", always = true })
      local killed
      local ticks = loop(function()
        engine:spawn(function()
          killed = coroutine.running()
          get "/treg"
        end)
        assert(kill(killed))
        assert.equal(200, assert(get "/treg").status)
      end)
      assert.equal("dead", coroutine.status(killed))
      assert.is_number(ticks)
    end)
  end

  it("gets failures as anybody does, and what a coroutine raises", function()
    here:answers("/nei", { status = 403, body = "{}" })
    local err
    loop(function()
      local _
      _, err = get "/nei"
    end)
    assert.equal("denied", err.kind)
    assert.has_error(function()
      engine:spawn(function() error("i korutinen", 0) end)
    end)
  end)

  it("leaves the main program to block", function()
    assert.equal(200, assert(get "/x").status)
    assert.equal(200, fiks.run(function() return get("/x").status end))
  end)

  it("is closed while a coroutine waits, and the next call does not mind", function()
    here:answers("/treg", { delay_ms = 60, body = "{}", always = true })
    local went_on = false
    local co = coroutine.create(function()
      get "/treg"
      went_on = true
    end)
    assert(coroutine.resume(co))
    poll:close()
    engine:close()
    assert.equal(200, assert(get "/treg").status)
    engine = assert(fiks.engine())
    assert.equal(200, assert(get "/treg").status)
    assert.is_false(went_on)
    assert.equal("suspended", coroutine.status(co))
  end)

  it("is one at a time, and closed for good", function()
    assert.has_error(function() fiks.engine() end)
    assert.has_error(function() fiks.engine { current = print } end)
    engine:close()
    engine:close()
    assert.has_error(function() engine:dispatch() end, "the fiks engine is closed")
    assert.equal(200, assert(get "/x").status)
    engine = assert(fiks.engine())
  end)

  for _, name in ipairs { "luv", "cqueues" } do
    it("is shown by the example with " .. name, function()
      here:answers("/treg", { delay_ms = 100, body = "{}", always = true })
      here.material:write("innstillinger.lua", ([[return {
        environment = { api = %q, issuer = %q, token_endpoint = %q }, allow_loopback_http = true,
        certificate = { key = %q, pem = %q }, maskinporten = { client_id = "sløyfe" },
        integrasjon = { id = %q, password = "p" } }]]):format(here.url, here.url .. "/",
          here.url .. "/token", here.material:path("kommune.key"),
          here.material:path("kommune.pem"), endpoint.ID))
      local lua = os.getenv("FIKS_LUA") or arg[-1] or "lua5.4"
      local pipe = io.popen(("%s examples/%s.lua %s /treg /x /treg 2>&1"):format(lua, name,
        here.material:path("innstillinger.lua")))
      local text = pipe:read("*a")
      pipe:close()
      assert.equal(3, select(2, text:gsub("\t200\n", "")), text)
      assert.matches("the loop ticked meanwhile", text)
      assert.is_nil(text:find("Bearer", 1, true))
    end)
  end

  it("finds the core's thread stopped after it", function()
    engine:close()
    local before = core.now()
    assert.equal(200, assert(get "/x").status)
    assert.is_number(before)
  end)
end)
