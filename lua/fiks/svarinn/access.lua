--- SvarInn: user name, password and private keys.

local config = require "fiks.config"
local Error = require "fiks.error"
local sources = require "fiks.config.sources"

local M = {}

local function fail(option, message, ...)
  return nil, Error.new {
    kind = "config", code = option, message = ("option '%s' " .. message):format(option, ...),
  }
end

local function credential(given, name, watched)
  local option = "svarinn." .. name
  local value, err = sources.secret(given[name], option, watched)
  if err then
    return nil, err
  elseif type(value) ~= "string" or value == "" or value:find("%c") then
    return fail(option, value == nil
      and "is missing: the user name and password of the mottakersystem"
      or "must be text without control characters")
  end
  return value
end

local function load_keys(given, client, watched)
  if given.keys == nil then
    if not client._settings.key then
      return fail("svarinn.keys", "is missing: SvarInn encrypts for a key of yours, and the client "
        .. "has none")
    end
    return nil -- the client's own, looked up when it is used
  end
  if type(given.keys) ~= "table" or #given.keys == 0 then
    return fail("svarinn.keys", "must be a list of keys, such as { { pem = \"nokkel.pem\" } }")
  end
  local keys = {}
  for i, key in ipairs(given.keys) do
    local loaded, err = config.key(key, ("svarinn.keys[%d]"):format(i), watched)
    if not loaded then
      return nil, err
    end
    keys[i] = loaded
  end
  return keys
end

--- What `client:svarinn` was given, read and checked.
---@param given fiks.SvarInnOptions
---@param client fiks.Client
---@param watched table gets the files that are read
---@return { username: string, password: string, keys: fiks.Key[]? }? found no keys: the client's
---@return fiks.Error? err
function M.read(given, client, watched)
  local found = {}
  local err
  for _, name in ipairs { "username", "password" } do
    found[name], err = credential(given, name, watched)
    if err then
      return nil, err
    end
  end
  found.keys, err = load_keys(given, client, watched)
  if err then
    return nil, err
  end
  return found
end

return M
