--- How the platform is reached: trusted roots, our own TLS certificate, proxy, addresses.

local core = require "fiks.core"
local Error = require "fiks.error"
local keys = require "fiks.config.keys"
local sources = require "fiks.config.sources"

local M = {}

local TEXTS = { "ca_dir", "no_proxy", "unix_socket" }
local SECRETS = { "proxy", "proxy_username", "proxy_password" }
local MOST_REDIRECTS = 10
local CERTIFICATE = "client_certificate"
local KEY_FILES = { "pkcs12", "pem", "key" }

local function fail(option, message, ...)
  return nil, Error.new {
    kind = "config", code = option, message = ("option '%s' " .. message):format(option, ...),
  }
end

local function set_texts(found, given, watched)
  local err
  for _, name in ipairs(TEXTS) do
    found[name], err = keys.text(given, name, name)
    if err then
      return nil, err
    end
  end
  for _, name in ipairs(SECRETS) do
    local secret
    secret, err = sources.secret(given[name], name, watched)
    if not err then
      found[name], err = keys.text({ [name] = secret }, name, name)
    end
    if err then
      return nil, err
    end
  end
  local pem = given.ca_pem
  if pem ~= nil and type(pem) ~= "string" then
    return fail("ca_pem", "must be PEM text, not a %s", type(pem))
  end
  found.ca_pem = pem
  return true
end

-- { ["host:port"] = "address:port" } as a list.
local function set_resolve(found, given)
  local resolve = given.resolve
  if resolve == nil then
    return true
  elseif type(resolve) ~= "table" then
    return fail("resolve", "must be a table such as { [\"api.fiks.test.ks.no:443\"] = "
      .. "\"127.0.0.1:20443\" }, not a %s", type(resolve))
  end
  local list = {}
  for host, address in pairs(resolve) do
    if type(host) ~= "string" or type(address) ~= "string" then
      return fail("resolve", "must go from text to text: \"host:port\" to \"address:port\"")
    end
    list[#list + 1] = host .. "=" .. address
  end
  table.sort(list)
  found.resolve = list
  return true
end

local function set_redirects(found, given)
  local redirects = given.redirects
  if redirects ~= nil and (type(redirects) ~= "number" or redirects ~= math.floor(redirects)
    or redirects < 0 or redirects > MOST_REDIRECTS) then
    return fail("redirects", "must be a whole number from 0 to %d", MOST_REDIRECTS)
  end
  found.redirects = redirects
  return true
end

local function read_certificate(given, watched)
  local found = { data = given.data }
  if found.data ~= nil and type(found.data) ~= "string" then
    return fail(CERTIFICATE .. ".data", "must be a string, not a %s", type(found.data))
  end
  local err
  for _, name in ipairs { "pkcs12", "pem", "key", "alias" } do
    found[name], err = keys.text(given, name, CERTIFICATE .. "." .. name)
    if err then
      return nil, err
    end
  end
  found.password, err = sources.secret(given.password, CERTIFICATE .. ".password", watched)
  if err then
    return nil, err
  elseif found.password ~= nil and type(found.password) ~= "string" then
    return fail(CERTIFICATE .. ".password", "must be a string, not a %s", type(found.password))
  end
  local count = (found.pkcs12 and 1 or 0) + ((found.pem or found.key) and 1 or 0)
    + (found.data and 1 or 0)
  if count ~= 1 then
    return fail(CERTIFICATE, count == 0 and "names no file: give pkcs12, pem (and key) or data"
      or "names more than one: give one of pkcs12, pem (and key) and data")
  end
  return found
end

local function set_certificate(found, given, watched)
  local certificate = given[CERTIFICATE]
  if certificate == nil then
    return true
  elseif type(certificate) ~= "table" then
    return fail(CERTIFICATE, "must be a table such as { pem = \"klient.pem\", key = "
      .. "\"klient.key\" }, not a %s", type(certificate))
  end
  local read, err = read_certificate(certificate, watched)
  if not read then
    return nil, err
  end
  for _, name in ipairs(KEY_FILES) do
    sources.watch(watched, read[name])
  end
  found.certificate = {
    file = read.pkcs12 or read.key or read.pem, data = read.data, password = read.password,
    alias = read.alias, certificate_file = read.key and read.pem,
  }
  return true
end

--- The network of the options, or nil when they have nothing of it beyond `ca_file`.
---@param given table the options of fiks.new
---@param ca_file string? what counts when no other trusted roots are given
---@param watched table gets the files that are read
---@return fiks.core.Network? network
---@return fiks.Error? err
function M.read(given, ca_file, watched)
  local found = {}
  for _, set in ipairs { set_texts, set_resolve, set_redirects, set_certificate } do
    local ok, err = set(found, given, watched)
    if not ok then
      return nil, err
    end
  end
  if next(found) == nil then
    return nil
  end
  -- the environment's own file gives way, a second option does not
  found.ca_file = (given.ca_file or not (found.ca_dir or found.ca_pem)) and ca_file or nil
  return core.network(found)
end

return M
