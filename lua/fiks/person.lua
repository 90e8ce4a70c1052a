--- The token of a logged-in person (integrasjon-person): text, or a function that gives it.

local core = require "fiks.core"
local Error = require "fiks.error"

---@class fiks.Person
local Person = {}
Person.__index = Person
Person.__name = "fiks.Person"

local MAX_BYTES = 32 * 1024
local MARGIN_S = 10 -- a token is not kept into its last seconds

local function fail(kind, code, message, ...)
  return nil, Error.new { kind = kind, code = code, message = message:format(...) }
end

-- Text that a program made, without what looks like a token.
local function redact(text)
  return (text:gsub("eyJ[%w_%-]+[%w_%-%.]*", "<token>"):gsub("([Bb]earer%s+)%S+", "%1<token>"))
end

local function now_s()
  return (core.now()) / 1000
end

-- When the token says that it ends, in seconds since 1970; nil when it is not a readable JWT.
local function stated_expiry(token)
  local payload = token:match("^[%w_%-]+%.([%w_%-]+)%.[%w_%-]+$")
  local text = payload and core.unbase64url(payload)
  local claims = text and core.json_decode(text)
  local expiry = type(claims) == "table" and claims.exp
  return type(expiry) == "number" and expiry or nil
end

-- The earlier of what the token says and what was told beside it.
local function expiry_of(token, told)
  local stated = stated_expiry(token)
  return stated and told and math.min(stated, told) or stated or told
end

local function check(token, expires_at)
  if type(token) ~= "string" or token == "" or #token > MAX_BYTES
    or token:find("[^\33-\126]") then
    return fail("invalid", "person_token", "the person's token must be the text of an access "
      .. "token, without blanks and without \"Bearer\"")
  end
  local expiry = expiry_of(token, expires_at)
  if expiry and expiry <= now_s() then
    return fail("auth", "person_expired", "the person's token ended %s: the person has to log in "
      .. "again", os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(expiry)))
  end
  return token
end

local function explain(value)
  return redact(debug.traceback(tostring(value), 2))
end

-- What the function gave. Runs in the caller's coroutine, so it may yield.
local function ask(source)
  local ok, token, second = xpcall(source, explain)
  if not ok then
    error("the function that gives the person's token raised: " .. token, 0)
  elseif token then
    if second ~= nil and type(second) ~= "number" then
      return fail("invalid", "person_token", "the second value beside the person's token must be "
        .. "when it ends, in seconds since 1970, not a %s", type(second))
    end
    return token, second
  elseif Error.is(second) then
    return nil, second
  end
  local err = select(2, fail("auth", "person_token", "no token of the person: %s",
    second ~= nil and redact(tostring(second)) or "the function that gives it gave nothing"))
  err.cause = type(second) == "string" and redact(second) or second
  return nil, err
end

--- The token for a call now.
---@return string? token
---@return fiks.Error|number|nil err_or_expiry beside a token, when it ends, if that is known
function Person:token()
  local source = self._source()
  if type(source) == "string" then
    local token, err = check(source)
    return token, err or expiry_of(source)
  end
  local kept, until_s = self._kept()
  if kept and until_s - MARGIN_S > now_s() then
    return kept, until_s
  end
  local token, err, expires_at
  token, expires_at = ask(source)
  if not token then
    return nil, expires_at
  end
  token, err = check(token, expires_at)
  if not token then
    return nil, err
  end
  local ends = expiry_of(token, expires_at)
  self._kept = function()
    return expires_at and token, ends
  end
  return token, ends
end

--- Forgets a token that the platform refused, so that the function is asked anew.
function Person:refused()
  self._kept = function() end
end

local M = {}

--- Raises unless the source is text or a function.
---@param source string|fun(): string?, any
---@param what string for the error
---@param level integer as for `error`, seen from the calling function
---@return fiks.Person
function M.new(source, what, level)
  if type(source) ~= "string" and type(source) ~= "function" then
    error(("%s: the person's token must be text, or a function that returns it, not a %s"):format(
      what, type(source)), level + 1)
  end
  return setmetatable({
    _source = function() -- not as a field, which a dump of the table would show
      return source
    end,
    _kept = function() end,
  }, Person)
end

return M
