--- The waiter of plain scripts: the calling thread moves the bytes until its call has finished.
--
-- Calls of tasks that happen to finish meanwhile are noted for their tasks (fiks.wait.events).

local events = require "fiks.wait.events"

local M = {}

--- Returns when the call has finished, or has something to say.
---@param call fiks.core.Call
M.await = events.await

return M
