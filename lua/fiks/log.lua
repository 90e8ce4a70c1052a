--- Log lines, given to a function of the program: `fiks.log`.
--
-- The core makes lines on whatever thread moves the bytes and keeps them for this Lua state. They
-- are delivered in the coroutine that waits for calls: while it waits, and when a call has ended.

local core = require "fiks.core"
local options = require "fiks.options"

local M = {}

local LEVELS = { "error", "warning", "info", "debug" }

local sink, complained

-- The coroutine in which the function runs: it may make calls, whose lines wait for their turn.
-- Weak, as a task may be given up in the middle.
local busy = setmetatable({}, { __mode = "v" })
local MAIN = {}

local function is_busy()
  local co = busy.co
  return co == MAIN or co ~= nil and coroutine.status(co) ~= "dead"
end

local function level_of(name, depth)
  for i, known in ipairs(LEVELS) do
    if known == name then
      return i - 1
    end
  end
  if type(name) ~= "string" then
    error(("fiks.log: the level must be one of %s, or nil, not a %s"):format(
      table.concat(LEVELS, ", "), type(name)), depth + 1)
  end
  error(("fiks.log: unknown level '%s', did you mean '%s'? known: %s"):format(name,
    options.nearest(name, LEVELS), table.concat(LEVELS, ", ")), depth + 1)
end

--- Gives the log lines up to a level to a function; without a level to none. One function for a Lua
--- state: a later one takes the place of an earlier one. No line holds a secret.
---@param level "error"|"warning"|"info"|"debug"|nil
---@param f (fun(level: string, line: string))? an error in it is written to the standard error
---output, once, and else ignored
function M.set(level, f)
  if level == nil then
    sink = nil
    core.log(nil)
    return
  end
  local number = level_of(level, 2)
  if type(f) ~= "function" then
    error("fiks.log: expected a function(level, line), got " .. type(f), 2)
  end
  sink, complained = f, false
  core.log(number)
end

local function complain(why)
  if not complained then
    complained = true
    io.stderr:write("fiks.log: the function raised (further errors of it are not shown): ",
      tostring(why), "\n")
  end
end

--- Delivers what there is. Costs nothing when nobody wants lines.
function M.deliver()
  if not sink or is_busy() then
    return
  end
  busy.co = coroutine.running() or MAIN
  local level, line = core.log_next()
  while level and sink do
    local ok, why = pcall(sink, LEVELS[level + 1], line)
    if not ok then
      complain(why)
    end
    level, line = core.log_next()
  end
  busy.co = nil
end

--- A line of the library's own Lua code.
---@param level "error"|"warning"|"info"|"debug"
---@param text string
---@param ... any as for string.format
function M.line(level, text, ...)
  core.log_line(level, text:format(...))
  M.deliver()
end

return M
