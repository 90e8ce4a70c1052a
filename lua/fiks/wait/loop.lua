--- The waiter of event loops: the core's I/O thread moves the bytes, and the loop (luv, cqueues
--- ...) waits for one descriptor beside its own.
--
--     local engine = fiks.engine()                        -- plain coroutines, as with luv
--     uv.new_poll(engine:fd()):start("r", function() engine:dispatch() end)
--     engine:spawn(function() local answer = client:request { ... } end)
--
-- In a coroutine of the loop a call gives way until it has ended; `dispatch` goes on with it. The
-- main program, which cannot give way, still blocks.

local events = require "fiks.wait.events"

local M = {}

---@class fiks.Loop how coroutines give way in a loop; all three run in the loop's own thread
---@field current fun(): any? a token for the running coroutine; nil where it cannot give way
---@field wait fun(token: any) gives way until `wake` is called with the token
---@field wake fun(token: any)

local function running()
  local co, is_main = coroutine.running()
  return not is_main and co or nil
end

-- Coroutines that whoever made them leaves to us while they wait.
local plain = {
  current = running,
  wait = function()
    coroutine.yield()
  end,
  wake = function(co)
    if coroutine.status(co) == "dead" then -- closed while it waited
      return
    end
    local ok, err = coroutine.resume(co)
    if not ok then
      error(debug.traceback(co, tostring(err)), 0)
    end
  end,
}

local loop -- of the engine that is open; nil = none

-- Who waits for a call, by the call's place: one that is killed is held until that is taken again.
-- Nobody else may hold a coroutine that has given way, so it is held here.
local held = {} -- luacheck: ignore 241

-- Those that run tasks (fiks.all) and have none that can go on; and whether there may be any.
local resting, any_rests = {}, false

--- A token when the running code can give way here.
---@return any?
function M.here()
  return loop and loop.current() or nil
end

--- Returns when the call has finished, or has something to say; meanwhile the loop goes on.
---@param call fiks.core.Call
function M.await(call)
  local token = not call:ready() and M.here()
  local place, waiter = call:place(), {}
  function waiter.wake()
    if held[place] == waiter then -- else the engine was closed meanwhile
      loop.wake(token)
    end
  end
  while not call:ready() do
    held[place] = waiter
    events.notify(call, waiter)
    loop.wait(token)
    held[place] = nil
  end
end

--- Gives way until a task can go on (`stir`); without a loop here, waits for an event.
function M.rest()
  local token = M.here()
  if not token then
    events.pump()
    return
  end
  resting[token], any_rests = true, true
  loop.wait(token)
end

--- A task can go on: wakes those that rest.
function M.stir()
  if not any_rests then
    return
  end
  local tokens = resting
  resting, any_rests = {}, false -- those that are woken may rest again at once
  for token in pairs(tokens) do
    loop.wake(token)
  end
end

---@class fiks.Engine
local Engine = {}
Engine.__index = Engine
Engine.__name = "fiks.Engine"

local function open(self)
  if not self.descriptor then
    error("the fiks engine is closed", 3)
  end
  return self.descriptor
end

--- The descriptor that the loop waits for, readable. It stays the same.
---@return integer
function Engine:fd()
  return (open(self))
end

--- Goes on with whoever waits for what has happened: to be called when the descriptor is readable.
---@return integer events how many there were
function Engine:dispatch()
  open(self)
  local count = 0
  while events.pump(0) do
    count = count + 1
  end
  return count
end

--- Runs a function in a coroutine of its own until it first waits. What it raises then is raised
--- here, later in `dispatch`. With a loop of your own: start coroutines as it does.
---@param f function
---@param ... any its arguments
function Engine:spawn(f, ...)
  open(self)
  if loop ~= plain then
    error("engine:spawn is for plain coroutines: with a loop of your own start them as it does", 2)
  end
  local co = coroutine.create(f)
  local ok, err = coroutine.resume(co, ...)
  if not ok then
    error(debug.traceback(co, tostring(err)), 0)
  end
end

--- Ends it: later calls block again. Coroutines that wait are not gone on with.
function Engine:close()
  if self.descriptor then
    self.descriptor, loop, held, resting = nil, nil, {}, {}
    events.no_descriptor()
  end
end

Engine.__close = Engine.close

--- Makes calls wait by an event loop. One at a time in a Lua state.
---@param given fiks.Loop? how to give way; plain coroutines, when absent
---@return fiks.Engine? engine
---@return fiks.Error? err
function M.open(given)
  if given ~= nil and (type(given) ~= "table" or type(given.current) ~= "function"
    or type(given.wait) ~= "function" or type(given.wake) ~= "function") then
    error("fiks.engine takes a table of the functions current, wait and wake", 3)
  elseif loop then
    error("fiks.engine: there is one already: close it first", 3)
  end
  local descriptor, err = events.descriptor()
  if not descriptor then
    return nil, err
  end
  loop = given or plain
  return setmetatable({ descriptor = descriptor }, Engine)
end

return M
