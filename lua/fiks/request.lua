--- client:request: its table, checked, and its answer.

local core = require "fiks.core"
local Error = require "fiks.error"
local grant = require "fiks.config.grant"
local options = require "fiks.options"
local person = require "fiks.person"
local request_check = require "fiks.request_check"
local stream = require "fiks.stream"
local timeouts = require "fiks.config.timeouts"

local M = {}

local NAMES = {
  "method", "path", "query", "params", "json", "body", "content_type", "parts", "username",
  "password", "timeout_ms", "idempotent", "max_answer_bytes", "scope", "consumer_org", "resource",
  "pid", "authorization_details", "person", "timeouts", "into", "progress",
  "traceparent", "correlation_id",
}
M.GRANT = { "scope", "consumer_org", "resource", "pid", "authorization_details" }
local METHODS = { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS" }

local function query_text(value, name, level)
  if type(value) == "number" and value == math.floor(value) and math.abs(value) < 1e15 then
    return ("%d"):format(value)
  elseif type(value) == "string" or type(value) == "number" or type(value) == "boolean" then
    return tostring(value)
  end
  error(("client:request: query '%s' must be a string, number or boolean, not a %s"):format(
    tostring(name), type(value)), level + 1)
end

local function all_params(given, level)
  local params = {}
  for _, source in ipairs { given.query or {}, given.params or {} } do
    for name, value in pairs(source) do
      params[name] = query_text(value, name, level + 1)
    end
  end
  return next(params) and params or nil
end

local function check(given, level)
  options.check(given, NAMES, "client:request", level + 1)
  if type(given) ~= "table" or type(given.method) ~= "string" or type(given.path) ~= "string" then
    error("client:request needs method and path, such as "
      .. "{ method = \"GET\", path = \"/tjeneste/api/v1/ting\" }", level + 1)
  end
  options.check(given.timeouts, timeouts.names, "client:request: timeouts", level + 1)
  local known = false
  for _, method in ipairs(METHODS) do
    known = known or method == given.method
  end
  if not known then
    error(("client:request: unknown method '%s', did you mean '%s'?"):format(
      given.method, options.nearest(given.method, METHODS)), level + 1)
  end
  local bodies = (given.json ~= nil and 1 or 0) + (given.body ~= nil and 1 or 0)
    + (given.parts ~= nil and 1 or 0)
  if bodies > 1 then
    error("client:request takes one of json, body and parts", level + 1)
  end
end

--- Adds the decoded body of a JSON answer.
---@param answer fiks.Response?
---@return fiks.Response? answer
---@return fiks.Error? err
function M.add_json(answer)
  if not answer or not (answer.content_type or ""):lower():find("json", 1, true)
    or (answer.body or "") == "" then
    return answer
  end
  local value, err = core.json_decode(answer.body)
  if err then
    return nil, Error.new {
      kind = "protocol", code = "json", status = answer.status, attempts = answer.attempts,
      operation = "request", request_id = answer.request_id, history = answer.history,
      uncertain = true, -- what was asked for may have been done
      message = "the answer says it is JSON, but is not: " .. err.message,
    }
  end
  answer.json = value
  return answer
end

---@class fiks.Request
---@field method string "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD" or "OPTIONS"
---@field path string under the API's address, may hold {name}; or an absolute URL of a known host
---@field query table<string, string|number|boolean>?
---@field params table<string, string|number|boolean>? fill {name} in the path
---@field json any? the body, as a Lua value
---@field body fiks.Body? or as bytes, from a file or a function; with content_type
---@field content_type string? of body; default application/json
---@field parts fiks.Part[]? or as multipart/form-data, sent in this order
---@field into fiks.Into? where a good answer goes, instead of its `body`
---@field progress (fun(now: fiks.Progress): boolean?)? some ten times a second; false gives up
---@field username string? HTTP Basic instead of the token
---@field password string?
---@field timeout_ms integer? over all tries, token included
---@field timeouts fiks.Timeouts? what is borne within a try
---@field idempotent boolean? may be repeated after it was sent; default by method
---@field max_answer_bytes integer?
---@field scope string? this and the next four: other than the client's, with a token of their own
---@field consumer_org string?
---@field resource string?
---@field pid string?
---@field authorization_details table|string|nil
---@field traceparent string? W3C Trace Context, passed on; instead of the client's
---@field correlation_id string? sent as X-Correlation-Id; instead of the client's
---@field person string|fun(): string?, any of a logged-in person: see client:as_person

--- What a token is asked for instead of the client's settings, as the core takes it.
---@param given table
---@return table? found
---@return fiks.Error? err
function M.grant(given)
  local found, err = grant.read(given, M.GRANT, "")
  if not found then
    err.kind = "invalid"
    return nil, err
  elseif found.resource_array then
    return nil, Error.new { kind = "invalid", code = "resource",
      message = "option 'resource' of one call must be text" }
  end
  return found
end

--- What fiks.Client:_call takes.
---@param given fiks.Request
---@param level integer as for `error`, seen from the calling function
---@return table? spec
---@return fiks.Error? err
function M.read(given, level)
  check(given, level + 1)
  local fine, unfit = request_check.check(given, level + 1)
  if not fine then
    return nil, unfit
  end
  local spec = {}
  for name, value in pairs(given) do
    spec[name] = value
  end
  spec.query, spec.json, spec.timeouts = nil, nil, nil
  spec.params = all_params(given, level + 1)
  if given.person ~= nil and (given.username ~= nil or given.password ~= nil) then
    return nil, Error.new { kind = "invalid", code = "bearer",
      message = "client:request takes person, or username and password, not both: only one of them "
        .. "can be in the Authorization header" }
  elseif given.person ~= nil then
    spec.person = person.new(given.person, "client:request", level + 1)
  end
  local limits, wrong = timeouts.read(given.timeouts, "invalid")
  if not limits then
    return nil, wrong
  end
  for name, value in pairs(limits) do
    spec[name] = spec[name] or value
  end
  local found, err = M.grant(given)
  if not found then
    return nil, err
  end
  for _, name in ipairs(M.GRANT) do
    spec[name] = found[name]
  end
  if given.json ~= nil then
    spec.body, err = core.json_encode(given.json)
    if not spec.body then
      return nil, err
    end
  end
  local ready
  ready, err = stream.prepare(spec, level + 1)
  if not ready then
    return nil, err
  end
  return spec
end

return M
