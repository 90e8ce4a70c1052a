--- The one error class.
--
-- Every routine failure of this library is `nil, err` with `err` of this class, whether it was made
-- in Lua or in the C core. Programs compare `err.kind` (a closed list) and `err.code` (stable
-- text), people read `tostring(err)`. No field ever holds a password, a key or a token.

local core = require "fiks.core"

---@class fiks.Error
---@field kind fiks.ErrorKind what went wrong, from a closed list
---@field message string for people: what, where, what to do
---@field code string? stable text for programs, or the platform's own errorCode
---@field status integer? HTTP status of the last answer
---@field retryable boolean trying the same again later may help
---@field attempts integer? requests sent
---@field platform boolean? the answer had the platform's own error form: no proxy's, no web page
---@field uncertain boolean? this or an earlier try may have been carried out all the same
---@field retry_after_ms integer? from Retry-After
---@field operation string? e.g. "innsyn.v2.index"
---@field url string? without its query
---@field error_id string? Fiks errorId: quote it to KS support
---@field oauth_error string? the token endpoint's own word, e.g. "invalid_grant"
---@field mp_code string? Maskinporten's code, e.g. "MP-121"
---@field trace_id string? Maskinporten's trace id: quote it to Digdir
---@field jti string? id of the grant that was refused
---@field error_json any? Fiks errorJson: a table, or the text that it was
---@field request_id string? the server's, from X-Request-Id, X-Correlation-Id or traceparent
---@field correlation_id string? what was sent as X-Correlation-Id
---@field history fiks.Attempt[]? the requests and what came of each, oldest first
---@field statement integer? of a store's batch: where it failed
---@field id string? the item, message or account the error is about
---@field cause fiks.Error? the error behind this one
local Error = {}

---@alias fiks.ErrorKind
---| "config" # a setting is missing or wrong; nothing was sent
---| "credentials" # key, certificate or their password; nothing was sent
---| "invalid" # an argument or a message breaks the contract; nothing was sent
---| "network" # name, connection, or it was cut
---| "tls" # the server's certificate or the handshake
---| "timeout" # a deadline passed
---| "cancelled" # the caller cancelled, or closed the client
---| "clock" # this machine's clock is wrong
---| "auth" # 401: token, integrasjon or user name and password refused
---| "denied" # 403, or the token endpoint refused the grant
---| "not_found" # 404 or 410
---| "conflict" # 409
---| "rejected" # another 4xx: the server refused the request
---| "rate_limited" # 429
---| "server" # 5xx: the outcome may be unknown
---| "protocol" # the answer is not what the contract says
---| "crypto" # CMS: structure, algorithm, or no key fits
---| "archive" # zip: structure, or an entry that must not be unpacked
---| "integrity" # a hash, CRC, size or padding does not match
---| "limit" # larger than allowed
---| "io" # file system
---| "memory" # out of memory
---| "internal" # a bug in lua-fiks: please report

local KINDS = {}
for kind in ([[config credentials invalid network tls timeout cancelled clock auth denied not_found
  conflict rejected rate_limited server protocol crypto archive integrity limit io memory
  internal]]):gmatch("%S+") do
  KINDS[kind] = true
end

-- What stands between kind and message, in this order: a support case starts with these.
local IDS = {
  { "code", "" },
  { "error_id", "errorId " },
  { "oauth_error", "" },
  { "mp_code", "" },
  { "trace_id", "trace " },
}

local mt = { __index = Error, __name = "fiks.Error" }

-- " (3 attempts: 503, network, 503)"; "" when there was one, or none.
local function attempts(err)
  local history, outcomes = rawget(err, "history"), {}
  if type(history) ~= "table" or #history < 2 then
    return ""
  end
  for i, attempt in ipairs(history) do
    local refused = attempt.status and attempt.status >= 400
    outcomes[i] = refused and ("%d"):format(attempt.status) or tostring(attempt.kind)
  end
  return (" (%d attempts: %s)"):format(rawget(err, "attempts") or #history,
    table.concat(outcomes, ", "))
end

--- Kind, status and ids first, then the message, then what each attempt came to.
---@return string
function mt:__tostring()
  local head = { rawget(self, "kind") or "internal" }
  if rawget(self, "status") then
    head[#head + 1] = ("%d"):format(self.status)
  end
  local ids = {}
  for _, id in ipairs(IDS) do
    local value = rawget(self, id[1])
    if value ~= nil and value ~= "" then
      ids[#ids + 1] = id[2] .. tostring(value)
    end
  end
  if #ids > 0 then
    head[#head + 1] = "(" .. table.concat(ids, ", ") .. ")"
  end
  return table.concat(head, " ") .. ": " .. tostring(rawget(self, "message") or "no message")
    .. attempts(self)
end

function mt.__concat(left, right)
  return tostring(left) .. tostring(right)
end

--- Makes an error. An unknown kind is a bug of the caller and raises.
---@param fields table kind, message and any other field
---@return fiks.Error
function Error.new(fields)
  if type(fields) ~= "table" then
    error("fiks.error.new: expected a table of fields, got " .. type(fields), 2)
  end
  if not KINDS[fields.kind] then
    error(("fiks.error.new: '%s' is not an error kind"):format(tostring(fields.kind)), 2)
  end
  local err = {}
  for name, value in pairs(fields) do
    err[name] = value
  end
  err.message = tostring(err.message or "no message")
  err.retryable = err.retryable == true
  return setmetatable(err, mt)
end

--- Whether a value is an error of this class.
---@param value any
---@return boolean
function Error.is(value)
  return type(value) == "table" and getmetatable(value) == mt
end

--- Makes an error of this class of whatever arrived: one already, the core's plain table, or text.
---@param value any
---@return fiks.Error
function Error.wrap(value)
  if Error.is(value) then
    return value
  end
  if type(value) == "table" and KINDS[value.kind] then
    return Error.new(value)
  end
  return Error.new { kind = "internal", message = tostring(value) }
end

--- Fiks' errorJson, which the core hands over as text: decoded when it is an object or array.
---@param text string?
---@return any?
function Error.decode_json(text)
  local value = text and text:find("^%s*[%[{]") and core.json_decode(text)
  return value or text
end

-- The core makes its errors of this class too.
core.set_error_metatable(mt)

return Error
