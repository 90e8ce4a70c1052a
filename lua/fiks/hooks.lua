--- What a program may look at while calls are made: the option `hooks` of fiks.new.
--
-- Hooks run in the coroutine that makes the call, so they may yield and make calls of their own
-- (which are not hooked). What they raise is raised where the call was made, which is cancelled.

local core = require "fiks.core"
local Error = require "fiks.error"
local options = require "fiks.options"

---@class fiks.Hooks
---@field before (fun(request: fiks.HookRequest))? before a call; may set the request's ids
---@field after (fun(request: fiks.HookRequest, answer: fiks.Response?, err: fiks.Error?))?
---@field retry (fun(request: fiks.HookRequest, failed: fiks.Attempt))? when another try is made
---@field token (fun(request: fiks.HookRequest, waited_ms: number))? a token was waited for

---@class fiks.HookRequest no body, no credentials
---@field operation string? a built-in operation's name
---@field method string?
---@field path string?
---@field started_ms number monotonic
---@field traceparent string? as the call gives it; `before` may set it
---@field correlation_id string? so this

local M = {}
M.names = { "before", "after", "retry", "token" }

---@class fiks.Hooking
local Hooking = {}
Hooking.__index = Hooking

--- Checks the option.
---@param given table?
---@return fiks.Hooks? hooks
---@return fiks.Error? err
function M.read(given)
  if given == nil then
    return nil
  elseif type(given) ~= "table" then
    return nil, Error.new { kind = "config", code = "hooks",
      message = "option 'hooks' must be a table of functions, not a " .. type(given) }
  end
  local copy = {}
  for name, f in pairs(given) do
    if type(f) ~= "function" then
      return nil, Error.new { kind = "config", code = "hooks." .. name,
        message = ("option 'hooks.%s' must be a function, not a %s"):format(name, type(f)) }
    end
    copy[name] = f
  end
  return copy
end

--- Raises for names that are no hooks.
function M.check_names(given, level)
  if type(given) == "table" then
    options.check(given, M.names, "fiks.new: hooks", level + 1)
  end
end

--- Runs `before`. The call's ids are those it leaves.
---@param hooks fiks.Hooks
---@param spec table what core.client:call takes
---@return fiks.Hooking
function M.begin(hooks, spec)
  local _, now = core.now()
  local request = {
    operation = spec.operation, method = spec.method, path = spec.path, started_ms = now,
    traceparent = spec.traceparent, correlation_id = spec.correlation_id,
  }
  if hooks.before then
    hooks.before(request)
    spec.traceparent, spec.correlation_id = request.traceparent, request.correlation_id
  end
  spec.hooked = (hooks.retry or hooks.token) ~= nil
  return setmetatable({ hooks = hooks, request = request, told = 0, waited_ms = 0 }, Hooking)
end

--- Runs `token` and `retry` for what has happened since.
---@param call fiks.core.Call
function Hooking:serve(call)
  local waited_ms = self.hooks.token and call:token_ms() or 0
  if waited_ms > self.waited_ms then
    self.waited_ms = waited_ms
    self.hooks.token(self.request, waited_ms)
  end
  if not self.hooks.retry then
    return
  end
  local history = call:history()
  for index = self.told + 1, #history do
    -- The last one of a call that has ended is its outcome: that is for `after`.
    if not call:finished() or index < #history then
      self.told = index
      self.hooks.retry(self.request, history[index])
    end
  end
end

--- Runs `after`.
function Hooking:finish(answer, err)
  if self.hooks.after then
    self.hooks.after(self.request, answer, err)
  end
end

return M
