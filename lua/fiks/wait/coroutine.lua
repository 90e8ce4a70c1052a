--- The waiter of tasks: many calls in flight, sequential-looking code.
--
-- `all`, `map` and `run` start tasks, each a coroutine, and return when every task of the group has
-- ended, those it spawned included. A task that waits for a call gives way to the others. Between
-- two waits a task runs undisturbed, so tasks need no locks.
--
-- A task that raises does not harm the others: they run to their end first, so nothing is cut in
-- half, and then the group raises the first error as a string with its traceback. Routine failures
-- (`nil, err`) are results, not raises. When waiting itself is broken off (an interrupt), the calls
-- of the group's tasks are cancelled and closed.
--
-- In an event loop (fiks.engine) the group gives way to the loop when no task can go on.
--
-- A coroutine the program makes inside a task is not a task: calls made in it are waited for by
-- blocking. `coroutine.yield` straight from a task is an error, as nobody would resume it.

local events = require "fiks.wait.events"
local loop = require "fiks.wait.loop"

local M = {}

-- What only one of the runtimes has, or has elsewhere.
local unpack = rawget(table, "unpack") or rawget(_G, "unpack")
local close = rawget(coroutine, "close")

local function pack(...)
  return { n = select("#", ...), ... }
end

local AWAIT = {} -- what a task yields; its own address

-- coroutine -> its task. Weak both ways; a task is held by its group.
local tasks = setmetatable({}, { __mode = "kv" })

-- Tasks that can go on, first come first served; and how many wait for a call.
local ready = { first = 1, last = 0 }
local in_flight = 0
local stepping = 0 -- tasks that run now: more than one when an event loop wakes another group

---@class fiks.Task
local Task = {}
Task.__index = Task
Task.__name = "fiks.Task"

--- Puts the task back in the line. What the events module calls when its call has finished.
function Task:wake()
  if self.call then
    self.call = nil
    in_flight = in_flight - 1
  end
  if not self.queued and not self.done then
    self.queued = true
    ready.last = ready.last + 1
    ready[ready.last] = self
    loop.stir()
  end
end

local function next_ready()
  local task = ready[ready.first]
  if task then
    ready[ready.first] = nil
    ready.first = ready.first + 1
    task.queued = false
  end
  return task
end

-- The task that runs here; without one nil, and quickly, as that is what most calls meet.
local function current()
  local co = stepping > 0 and coroutine.running()
  return co and tasks[co] or nil
end

local function finish(task, ok, ...)
  task.done = true
  tasks[task.co] = nil
  local group = task.group
  group.running = group.running - 1
  if ok then
    task.values = pack(...)
  else
    task.err = debug.traceback(task.co, tostring((...)))
    group.err = group.err or task.err
  end
  for _, joiner in ipairs(task.joiners) do
    joiner:wake()
  end
  if group.running == 0 then
    if group.parent then
      group.parent:wake()
    else
      loop.stir()
    end
  end
end

local function after_resume(task, ok, what, ...)
  stepping = stepping - 1
  if what == AWAIT then
    return
  elseif coroutine.status(task.co) == "dead" then
    finish(task, ok, what, ...)
  else
    finish(task, false, "coroutine.yield straight from a fiks task: make a coroutine of your own "
      .. "inside it, or use fiks.spawn")
  end
end

local function step(task)
  if task.done then
    return
  end
  local args = task.args
  stepping = stepping + 1
  if args then
    task.args = nil
    after_resume(task, coroutine.resume(task.co, unpack(args, 1, args.n)))
  else
    after_resume(task, coroutine.resume(task.co))
  end
end

local function start(group, f, ...)
  local task = setmetatable({
    co = coroutine.create(f), group = group, args = pack(...), joiners = {},
  }, Task)
  tasks[task.co] = task
  group.running = group.running + 1
  group[#group + 1] = task
  task:wake()
  return task
end

-- Gives way until `ended()`; whoever ends it must wake the task.
local function give_way(ended)
  while not ended() do
    coroutine.yield(AWAIT)
  end
end

-- Cancels and closes what the group's tasks wait for; they are never resumed.
local function abandon(group)
  for _, task in ipairs(group) do
    if not task.done then
      task.done = true
      local call = task.call
      if call then
        task.call = nil
        in_flight = in_flight - 1
        call:cancel()
        call:close()
      end
      if task.inner then
        abandon(task.inner)
      end
      if close and coroutine.status(task.co) == "suspended" then
        close(task.co)
      end
    end
  end
end

local function run_tasks(group)
  while group.running > 0 do
    local task = next_ready()
    if task then
      step(task)
    elseif in_flight > 0 or (stepping > 0 and loop.here()) then
      loop.rest()
    else
      error("fiks: the tasks wait for each other, and none for a call", 0)
    end
  end
end

-- Returns when all tasks of the group have ended; raises the first error of them.
local function complete(group)
  local parent = current()
  if parent then
    group.parent, parent.inner = parent, group
    give_way(function()
      return group.running == 0
    end)
    parent.inner = nil
  else
    local ok, err = pcall(run_tasks, group)
    if not ok then
      abandon(group)
      error(err, 0)
    end
  end
  if group.err then
    error(group.err, 0)
  end
end

--- The task that runs here, for which this waiter is the right one; nil without one.
---@type fun(): fiks.Task?
M.current = current

--- Returns when the call has finished, or has something to say; meanwhile the other tasks run.
---@param call fiks.core.Call
---@param task fiks.Task? the one that runs here
function M.await(call, task)
  task = task or current()
  if task and task.cancelled then
    call:cancel()
  end
  while not call:ready() do -- an event may have been met by what was done for the one before it
    if not task then
      error("fiks.wait.coroutine: not inside fiks.all, fiks.map or fiks.run", 2)
    end
    task.call = call
    in_flight = in_flight + 1
    events.notify(call, task)
    coroutine.yield(AWAIT)
  end
end

--- Ends the call that the task waits for with the kind "cancelled", and those it makes later; and
--- so for the tasks it waits for. What the task does then is its own business.
function Task:cancel()
  self.cancelled = true
  if self.call then
    self.call:cancel()
  end
  for _, inner in ipairs(self.inner or {}) do
    inner:cancel()
  end
end

--- Waits for a task that `fiks.spawn` gave. Raises what the task raised.
---@return any ... what the task's function returned
function Task:join()
  local task = current()
  if not self.done then
    if not task then
      error("task:join works inside fiks.all, fiks.map or fiks.run", 2)
    end
    self.joiners[#self.joiners + 1] = task
    give_way(function()
      return self.done
    end)
  end
  if self.err then
    error(self.err, 0)
  end
  return unpack(self.values, 1, self.values.n)
end

local function check_function(f, what, level)
  if type(f) ~= "function" then
    error(("%s: expected a function, got %s"):format(what, type(f)), level + 1)
  end
end

--- Runs a function as a task; returns what it returned when it and all it spawned have ended.
---@param f function
---@param ... any its arguments
---@return any ...
function M.run(f, ...)
  check_function(f, "fiks.run", 2)
  local group = { running = 0 }
  local task = start(group, f, ...)
  complete(group)
  return unpack(task.values, 1, task.values.n)
end

--- Runs functions side by side. Each result is found under the function's own key.
---@param functions table<any, function>
---@return table values the first return value of each
---@return table errors the second of each: with `nil, err` its error
function M.all(functions)
  if type(functions) ~= "table" then
    error("fiks.all: expected a table of functions, got " .. type(functions), 2)
  end
  for key, f in pairs(functions) do
    check_function(f, ("fiks.all: [%s]"):format(tostring(key)), 2)
  end
  local group, started = { running = 0 }, {}
  for index, f in ipairs(functions) do
    started[index] = start(group, f)
  end
  for key, f in pairs(functions) do
    started[key] = started[key] or start(group, f)
  end
  complete(group)
  local values, errors = {}, {}
  for key, task in pairs(started) do
    values[key], errors[key] = task.values[1], task.values[2]
  end
  return values, errors
end

--- Starts one more task in the group of the running one. The group ends only when it has ended too.
---@param f function
---@param ... any its arguments
---@return fiks.Task
function M.spawn(f, ...)
  check_function(f, "fiks.spawn", 2)
  local task = current()
  if not task then
    error("fiks.spawn works inside fiks.all, fiks.map or fiks.run", 2)
  end
  return start(task.group, f, ...)
end

--- Runs `f(item, index)` for every item, some at a time. After a raise no further item is begun.
---@param items any[]
---@param settings { concurrency: integer? }? default 8
---@param f fun(item: any, index: integer): any, any
---@return table values by index, the first return value of each
---@return table errors by index, the second
function M.map(items, settings, f)
  check_function(f, "fiks.map", 2)
  if type(items) ~= "table" then
    error("fiks.map: expected a list of items, got " .. type(items), 2)
  end
  local concurrency = settings and settings.concurrency or 8
  if type(concurrency) ~= "number" or concurrency < 1
    or concurrency ~= concurrency then
    error("fiks.map: concurrency must be a number from 1 up", 2)
  end
  local group, values, errors, at = { running = 0 }, {}, {}, 0
  local function worker()
    while at < #items and not group.err do
      at = at + 1
      local index = at
      values[index], errors[index] = f(items[index], index)
    end
  end
  for _ = 1, math.min(concurrency, #items) do
    start(group, worker)
  end
  complete(group)
  return values, errors
end

return M
