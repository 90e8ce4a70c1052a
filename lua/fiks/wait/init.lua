--- How the end of a call is awaited, chosen by where the code runs.
--
-- The contract of a waiter (a module fiks.wait.<name>), which spec/contract/wait_spec.lua checks:
--
--   await(call)   Returns nothing, and only when call:ready(): it has finished, or has something
--                 to say (a body that streams, progress). Called with a call that was started on
--                 fiks.wait.queue() by the same Lua state.
--                 - A call that is ready already: returns at once, without giving way.
--                 - Completions of other calls that it meets reach whoever awaits those
--                   (fiks.wait.events does that); none is lost, and none wakes the wrong one.
--                 - An error while waiting is raised; the caller closes its call.
--                 - It does not start, cancel or close calls.
--
-- A new host (an event loop) is one more file with `await`, and one more line in `await` below.

local block = require "fiks.wait.block"
local events = require "fiks.wait.events"
local loop = require "fiks.wait.loop"
local tasks = require "fiks.wait.coroutine"

local M = {}

--- The queue to start calls on: one per Lua state.
---@type fun(): fiks.core.Queue
M.queue = events.queue

--- Returns when the call has finished, or has something to say.
---@param call fiks.core.Call
function M.await(call)
  local task = tasks.current()
  if task then
    tasks.await(call, task)
  elseif loop.here() then
    loop.await(call)
  else
    block.await(call)
  end
end

return M
