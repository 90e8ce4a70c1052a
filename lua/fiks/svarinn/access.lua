--- SvarInn: user names, passwords and private keys of the accounts; how their downloads are read.

local config = require "fiks.config"
local Error = require "fiks.error"
local options = require "fiks.options"
local sources = require "fiks.config.sources"

local M = {}

local ACCOUNT = { "username", "password", "keys" }

local function fail(option, message, ...)
  return nil, Error.new {
    kind = "config", code = option, message = ("option '%s' " .. message):format(option, ...),
  }
end

--- How downloads are read: what of the options is about that.
---@param given fiks.SvarInnOptions
---@return { legacy_ciphers: boolean?, rename_duplicates: boolean? }? how
---@return fiks.Error? err
function M.how(given)
  local how = {}
  for _, name in ipairs { "legacy_ciphers", "rename_duplicates" } do
    how[name] = given[name]
    if given[name] ~= nil and type(given[name]) ~= "boolean" then
      return fail("svarinn." .. name, "must be true or false")
    end
  end
  return how
end

local function credential(given, name, prefix, watched)
  local option = prefix .. name
  local value, err = sources.secret(given[name], option, watched)
  if err then
    return nil, err
  elseif type(value) ~= "string" or value == "" or value:find("%c") then
    return fail(option, value == nil
      and "is missing: the user name and password of the mottakersystem"
      or "must be text without control characters")
  elseif name == "username" and value:find(":", 1, true) then
    return fail(option, "holds a colon, which HTTP Basic cannot send in a user name")
  end
  return value
end

local function load_keys(given, prefix, client, watched)
  local option = prefix .. "keys"
  if given.keys == nil then
    if not client._settings.key then
      return fail(option, "is missing: SvarInn encrypts for a key of yours, and the client "
        .. "has none")
    end
    return nil -- the client's own, looked up when it is used
  end
  if type(given.keys) ~= "table" or #given.keys == 0 then
    return fail(option, "must be a list of keys, such as { { pem = \"nokkel.pem\" } }")
  end
  local keys = {}
  for i, key in ipairs(given.keys) do
    local loaded, err = config.key(key, ("%s[%d]"):format(option, i), watched)
    if not loaded then
      return nil, err
    end
    keys[i] = loaded
  end
  return keys
end

local function read_one(given, prefix, client, watched)
  local found = {}
  local err
  for _, name in ipairs { "username", "password" } do
    found[name], err = credential(given, name, prefix, watched)
    if err then
      return nil, err
    end
  end
  found.keys, err = load_keys(given, prefix, client, watched)
  if err then
    return nil, err
  end
  return found
end

-- The accounts that were given, each with keys, and what errors call them.
local function accounts_of(given)
  if given.accounts == nil then
    return { { given = given, prefix = "svarinn." } }
  end
  local list = {}
  for i, account in ipairs(given.accounts) do
    list[i] = { prefix = ("svarinn.accounts[%d]."):format(i), given = {
      username = account.username, password = account.password,
      keys = account.keys == nil and given.keys or account.keys,
    } }
  end
  return list
end

--- Raises for names that are no options, and for a list of accounts that is none.
---@param given fiks.SvarInnOptions
---@param level integer as for `error`, seen from the calling function
function M.check_names(given, level)
  local function check_keys(keys, what)
    for i, key in ipairs(type(keys) == "table" and keys or {}) do
      config.check_key_names(key, ("%skeys[%d]"):format(what, i), level + 2)
    end
  end
  check_keys(given.keys, "client:svarinn: ")
  if given.accounts == nil then
    return
  elseif type(given.accounts) ~= "table" or #given.accounts == 0 then
    error("client:svarinn: accounts must be a list, such as { { username =, password = } }",
      level + 1)
  elseif given.username ~= nil or given.password ~= nil then
    error("client:svarinn: username and password, or accounts, not both", level + 1)
  end
  for i, account in ipairs(given.accounts) do
    local what = ("client:svarinn: accounts[%d]"):format(i)
    check_keys(options.check(account, ACCOUNT, what, level + 1).keys, what .. ".")
  end
end

--- What `client:svarinn` was given, read and checked.
---@param given fiks.SvarInnOptions
---@param client fiks.Client
---@param watched table gets the files that are read
---@return { username: string, password: string, keys: fiks.Key[]? }[]? found no keys: the client's
---@return fiks.Error? err
function M.read(given, client, watched)
  local list, seen = {}, {}
  for i, account in ipairs(accounts_of(given)) do
    local found, err = read_one(account.given, account.prefix, client, watched)
    if not found then
      return nil, err
    elseif seen[found.username] then
      return fail(account.prefix .. "username", "is the same as another account's")
    end
    seen[found.username], list[i] = true, found
  end
  return list
end

return M
