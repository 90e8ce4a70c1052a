--- A client whose calls are answered from a script, and recorded: `client:_call` as the service
--- modules use it, without network.
---
---     local client = fake_client.new { { status = 200, json = {} }, fake_client.fail { ... } }
---     client.calls[1].operation, client.calls[1].body, client.calls[1].params

local Error = require("fiks.error")
local core = require("fiks.core")

local M = {}

local KIND = {
  [400] = "rejected", [401] = "auth", [403] = "denied", [404] = "not_found", [409] = "conflict",
  [413] = "rejected", [422] = "rejected", [429] = "rate_limited",
}

local FakeClient = {}
FakeClient.__index = FakeClient

--- A call that ends without an answer.
---@param fields table of the error
function M.fail(fields)
  return { err = fields }
end

local function response_of(step)
  local body = step.body
  if step.json ~= nil then
    body = assert(core.json_encode(step.json))
  end
  return {
    status = step.status, body = body or "", content_type = step.content_type or "application/json",
    attempts = step.attempts or 1, elapsed_ms = 5,
  }
end

function FakeClient:_call(operation, opts)
  local call = { operation = operation, body = opts.body, params = opts.params }
  self.calls[#self.calls + 1] = call
  local step = self.script[#self.calls] or self.script.always
  if type(step) == "function" then
    step = step(call)
  end
  if not step then
    error(("no answer in the script for call %d, %s"):format(#self.calls, operation))
  elseif step.err then
    return nil, Error.new(step.err)
  end
  local response = response_of(step)
  if step.status < 300 then
    return response
  end
  return nil, Error.new {
    kind = KIND[step.status] or step.status >= 500 and "server" or "rejected",
    status = step.status, attempts = response.attempts, operation = operation,
    message = ("answered %d"):format(step.status), retryable = step.status >= 500,
  }, response
end

--- The body of a call as a Lua value.
function M.sent(call)
  return assert(core.json_decode(call.body))
end

---@param script table[] the answers in turn; `always` answers the rest, functions get the call
function M.new(script)
  return setmetatable({ calls = {}, script = script or {} }, FakeClient)
end

return M
