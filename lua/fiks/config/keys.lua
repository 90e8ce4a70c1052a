--- Private keys, as `certificate` and the `keys` of SvarInn describe them.

local core = require "fiks.core"
local Error = require "fiks.error"
local options = require "fiks.options"
local rows = require "fiks.config.rows"
local sources = require "fiks.config.sources"

local M = {}

local NAMES = rows.groups.certificate
local TEXTS = { "pkcs12", "pem", "key", "alias", "name" }

local function fail(option, message, ...)
  return nil, Error.new {
    kind = "config", code = option, message = ("option '%s' " .. message):format(option, ...),
  }
end

--- A string option: text without control characters. nil when absent.
---@param from table
---@param name string
---@param option string for the error
---@return string? text
---@return fiks.Error? err
function M.text(from, name, option)
  local value = from[name]
  if value == nil then
    return nil
  elseif type(value) ~= "string" then
    return fail(option, "must be a string, not a %s", type(value))
  elseif value == "" then
    return fail(option, "is empty")
  elseif value:find("%c") then
    return fail(option, "holds a control character, such as a line break")
  end
  return value
end

-- Key bytes as they are, or a JWK as text or as a table.
local function read_bytes(found, given, prefix)
  for _, name in ipairs { "data", "password" } do
    if found[name] ~= nil and type(found[name]) ~= "string" then
      return fail(prefix .. "." .. name, "must be a string, not a %s", type(found[name]))
    end
  end
  if (found.password or ""):find("\0", 1, true) then
    return fail(prefix .. ".password", "holds a NUL byte")
  end
  local jwk = given.jwk
  if jwk == nil then
    return true
  elseif type(jwk) == "table" then
    local err
    jwk, err = core.json_encode(jwk)
    if not jwk then
      return nil, err
    end
  elseif type(jwk) ~= "string" then
    return fail(prefix .. ".jwk", "must be a table or JSON text, not a %s", type(jwk))
  end
  found.jwk = jwk
  return true
end

-- The values of { pkcs12= } | { pem=, key= } | { data= } | { jwk= }, checked.
local function describe(given, prefix, watched)
  local found = { data = given.data, allow_weak = given.allow_weak }
  if found.allow_weak ~= nil and type(found.allow_weak) ~= "boolean" then
    return fail(prefix .. ".allow_weak", "must be true or false, not a %s", type(found.allow_weak))
  end
  local ok, err
  for _, name in ipairs(TEXTS) do
    found[name], err = M.text(given, name, prefix .. "." .. name)
    if err then
      return nil, err
    end
  end
  found.password, err = sources.secret(given.password, prefix .. ".password", watched)
  if err then
    return nil, err
  end
  ok, err = read_bytes(found, given, prefix)
  if not ok then
    return nil, err
  end
  local count = (found.pkcs12 and 1 or 0) + ((found.pem or found.key) and 1 or 0)
    + (found.data and 1 or 0) + (found.jwk and 1 or 0)
  if found.jwk and found.pem and not found.key then
    count = count - 1 -- a JWK with its certificates beside it
  end
  if count ~= 1 then
    return fail(prefix, count == 0 and "names no key: give pkcs12, pem (and key), data or jwk"
      or "names more than one key: give one of pkcs12, pem (and key), data and jwk")
  end
  return found
end

--- Loads a private key. One that is loaded already is returned as it is.
---@param given table|fiks.Key|string a string is a PKCS#11 URI
---@param prefix string the option, for errors
---@param watched table? gets the files that are read
---@return fiks.Key? key
---@return fiks.Error? err
function M.load(given, prefix, watched)
  if type(given) == "userdata" then
    return given
  elseif type(given) == "string" and given:find("^pkcs11:") then
    given = { key = given }
  elseif type(given) ~= "table" then
    return fail(prefix, "must be a table such as { pkcs12 = \"fil.p12\", password = secret }, "
      .. "or a PKCS#11 URI (pkcs11:...), not a %s", type(given))
  end
  local found, err = describe(given, prefix, watched)
  if not found then
    return nil, err
  end
  for _, name in ipairs { "pkcs12", "pem", "key" } do
    sources.watch(watched, found[name])
  end
  return core.key {
    file = found.pkcs12 or found.key or not found.jwk and found.pem or nil,
    data = found.data or found.jwk,
    password = found.password,
    alias = found.alias,
    certificate_file = (found.key or found.jwk) and found.pem or nil,
    name = found.name or found.jwk and prefix .. ".jwk" or nil,
    allow_weak = found.allow_weak,
  }
end

--- Checks the names in a key's table; raises.
---@param given any
---@param prefix string the option, for errors
---@param level integer as for `error`, seen from the calling function
function M.check_names(given, prefix, level)
  if type(given) == "table" then
    options.check(given, NAMES, prefix, level + 1)
  end
end

return M
