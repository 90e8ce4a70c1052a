--- The completion queue of this Lua state, and who waits for what.
--
-- Calls are started on one queue per Lua state, made when the first call is. Whoever waits takes
-- events off it; an event for somebody else is handed on, never dropped.

local core = require "fiks.core"
local log = require "fiks.log"

local M = {}

-- A wait is cut into slices so that a signal handler or a debugger hook gets a turn.
local SLICE_MS = 1000

local queue

-- Place of a call -> the object whose :wake() is told. Weak: a task that nobody else holds is not
-- kept alive by having waited.
local waiting = setmetatable({}, { __mode = "v" })

--- The queue to start calls on.
---@return fiks.core.Queue
function M.queue()
  if not queue then
    local made, err = core.queue()
    queue = made or error(tostring(err), 0)
  end
  return queue
end

--- Asks for `waiter:wake()` when the call has finished or has something to say.
function M.notify(call, waiter)
  waiting[call:place()] = waiter
end

--- A descriptor that is readable while there are events; from now on the I/O thread runs.
---@return integer? descriptor
---@return fiks.Error? err
function M.descriptor()
  return M.queue():fd()
end

--- Stops the I/O thread: whoever waits moves the bytes again.
function M.no_descriptor()
  core.engine_thread(false)
end

-- An event of the call that has this place: tells who waits for it.
local function tell(place)
  local waiter = waiting[place]
  if waiter then
    waiting[place] = nil
    waiter:wake()
  end
end

--- Waits for one event (of any call), and tells who waits for it.
---@param most_ms integer? at most so long; a second, when absent
---@return boolean came
function M.pump(most_ms)
  local call, place = M.queue():wait(most_ms or SLICE_MS)
  if call then
    tell(place)
  end
  log.deliver()
  return call ~= nil
end

--- Waits until the call is ready; events of others that come meanwhile are told to who waits.
---@param call fiks.core.Call
function M.await(call)
  repeat
    local came, place = (queue or M.queue()):await(call, SLICE_MS)
    if place then
      tell(place)
    end
    log.deliver()
  until came == true
end

return M
