--- What a program can do to calls that are under way, for spec/gc_spec.lua: dropping, closing,
--- killing, raising, leaving. Each scene gets an endpoint and a client of it.

local core = require "fiks.core"
local fiks = require "fiks"

local M = {}

local close = rawget(coroutine, "close")

local function get(client, path, more)
  local spec = more or {}
  spec.method, spec.path = "GET", path
  return client:request(spec)
end

-- Core calls of a client, started and not waited for.
local function start(client, queue, path, more)
  local spec = more or {}
  spec.method, spec.path, spec.username, spec.password = "GET", path, "u", "p"
  return assert(client._core:call(spec, queue))
end

M.scenes = {}
local scenes = M.scenes

function scenes.calls_one_after_the_other(client)
  for _ = 1, 10 do
    assert(get(client, "/x"))
  end
end

function scenes.calls_side_by_side(client)
  local statuses = fiks.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, { concurrency = 4 }, function()
    return assert(get(client, "/x")).status
  end)
  assert(#statuses == 8)
end

function scenes.streams_both_ways(client)
  local sum, given = 0, 0
  assert(get(client, "/ned", { into = function(chunk) sum = sum + #chunk end }))
  assert(sum == 300000, sum)
  assert(client:request { method = "POST", path = "/opp", body = function()
    given = given + 1
    return given < 5 and ("x"):rep(1000) or nil
  end })
end

function scenes.calls_dropped_under_way(client)
  local queue = core.queue()
  for _ = 1, 10 do
    start(client, queue, "/treg")
  end
  collectgarbage()
  queue:wait(20)
  collectgarbage()
end

function scenes.queue_dropped_before_its_calls(client)
  local calls = {}
  do
    local queue = core.queue()
    for i = 1, 5 do
      calls[i] = start(client, queue, i % 2 == 0 and "/treg" or "/x")
    end
    queue:close()
  end
  collectgarbage()
  for _, call in ipairs(calls) do
    call:cancel()
    call:close()
    call:close()
  end
end

function scenes.client_closed_under_way(_, here)
  local client = here:client()
  local err = fiks.run(function()
    local task = fiks.spawn(function() return get(client, "/treg") end)
    fiks.spawn(function()
      get(client, "/x")
      client:close()
    end)
    return select(2, task:join())
  end)
  assert(err.kind == "cancelled", tostring(err))
end

function scenes.streams_dropped_under_way(client)
  local queue = core.queue()
  for _ = 1, 3 do
    local channel = core.channel()
    start(client, queue, "/ned", { sink = channel:sink() })
    local given = core.channel(nil, true)
    start(client, queue, "/opp", { source = given:source() })
  end
  queue:wait(1000)
  collectgarbage()
  collectgarbage()
end

function scenes.functions_that_raise(client)
  for _, name in ipairs { "into", "body", "progress" } do
    local spec = { method = name == "body" and "POST" or "GET",
      path = name == "body" and "/opp" or "/ned",
      [name] = function() error("raised", 0) end }
    if name == "progress" then
      spec.into = function() end
    end
    local ok, why = pcall(client.request, client, spec)
    assert(not ok and why == "raised", tostring(why))
  end
  assert(get(client, "/x"))
end

function scenes.coroutines_killed_under_way(client)
  local engine = assert(fiks.engine())
  for _ = 1, 5 do
    local co = coroutine.create(function() get(client, "/treg") end)
    assert(coroutine.resume(co))
    if close then
      close(co)
    end
  end
  engine:close()
  collectgarbage()
  collectgarbage()
  assert(get(client, "/x"))
end

function scenes.tasks_broken_off(client)
  local ok = pcall(fiks.run, function()
    fiks.spawn(function() get(client, "/treg", { timeout_ms = 150 }) end)
    get(client, "/x")
    error("broken off", 0)
  end)
  assert(not ok)
  assert(get(client, "/x"))
end

function scenes.sinks_and_sources_never_used(client)
  for _ = 1, 20 do
    local channel = core.channel()
    channel:sink()
    channel:source()
    core.file_source("Makefile")
    pcall(client._core.call, client._core, { method = "GET", path = "/x",
      sink = channel:sink(), source = 7 }, core.queue())
  end
  collectgarbage()
end

function scenes.collected_in_any_order(_, here)
  for _ = 1, 5 do
    local client = here:client()
    local queue = core.queue()
    start(client, queue, "/treg")
    queue:wait(5)
  end
  collectgarbage()
  collectgarbage()
end

--- The ways of leaving a process, for a child of its own.
M.exits = {}
local exits = M.exits

function exits.at_once()
  os.exit(0, false)
end

function exits.closing_the_state()
  os.exit(0, true)
end

function exits.by_the_end() end

--- Runs `lua gc_scenes.lua exit <name> <url> <thread>`: leaves in the middle of calls and a stream.
function M.leave(name, url, thread)
  local client = assert(fiks.new { environment = { api = url }, allow_loopback_http = true })
  if thread == "true" then
    assert(core.engine_thread(true))
  end
  local queue = core.queue()
  local calls = {}
  for i = 1, 6 do
    calls[i] = start(client, queue, i % 2 == 0 and "/treg" or "/ned",
      { sink = core.channel():sink() })
  end
  queue:wait(50)
  exits[name](calls)
end

if arg and arg[0] and arg[0]:find("gc_scenes", 1, true) then
  M.leave(arg[1], arg[2], arg[3])
end

return M
