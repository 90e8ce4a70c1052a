--- From the options of `fiks.new` to validated settings of the core.
--
-- A misspelt option name is a mistake in the program and raises where fiks.new was called. A wrong
-- value may come from a file or a person: it gives nil and an error of kind "config" that names the
-- option and never shows a secret.

local core = require "fiks.core"
local Error = require "fiks.error"
local grant = require "fiks.config.grant"
local hooks = require "fiks.hooks"
local keys = require "fiks.config.keys"
local network = require "fiks.config.network"
local options = require "fiks.options"
local rows = require "fiks.config.rows"
local sources = require "fiks.config.sources"
local timeouts = require "fiks.config.timeouts"

local M = {}

--- What `client:with` takes.
M.WITH = { "integrasjon", "fiks_organisasjon", "maskinporten", "person", "traceparent",
  "correlation_id" }
local text = keys.text

local SANDBOX_FILE = "build/sandbox/sandbox.json"

local function fail(option, message, ...)
  return nil, Error.new {
    kind = "config",
    code = option,
    message = ("option '%s' " .. message):format(option, ...),
  }
end

-- Copies the text options of a group into `to` under the core's names.
local function copy_text(to, from, group)
  for _, row in ipairs(rows.rows) do
    if row.group == group and row.core and (row.is == "text" or row.is == "path") then
      local value, err = text(from, row.name, row[1])
      if err then
        return nil, err
      end
      to[row.core] = value
    end
  end
  return true
end

-- A table option, or nil.
local function group(from, name, example)
  local value = from[name]
  if value ~= nil and type(value) ~= "table" then
    return fail(name, "must be a table such as %s, not a %s", example, type(value))
  end
  return value
end

local function check_flag(from, name, option)
  local value = from[name]
  if value ~= nil and type(value) ~= "boolean" then
    return fail(option, "must be true or false, not a %s", type(value))
  end
  return true
end

local function uuid(value)
  return value:find("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$")
end

--- Where the sandbox runs, from the file it wrote when it started.
---@return table? sandbox the content of sandbox.json
---@return fiks.Error? err
function M.sandbox()
  local path = os.getenv("FIKS_SANDBOX")
  path = path and path ~= "" and path or SANDBOX_FILE
  local file = io.open(path, "rb")
  if not file then
    return fail("environment", "is \"sandbox\", but there is no file %s: start it with "
      .. "sandbox/start, or name its sandbox.json in the variable FIKS_SANDBOX", path)
  end
  local content = file:read("*a")
  file:close()
  local sandbox = core.json_decode(content or "")
  local contracts = type(sandbox) == "table" and sandbox.contracts
  if type(contracts) ~= "table" or type(contracts.current) ~= "table"
    or type(contracts["2018"]) ~= "table" then
    return fail("environment", "is \"sandbox\", but %s is not a sandbox's description: "
      .. "start it anew with sandbox/start", path)
  end
  return sandbox
end

local function sandbox_urls(settings)
  local sandbox, err = M.sandbox()
  if not sandbox then
    return nil, err
  end
  local contract = sandbox.contracts[settings.contract]
  settings.api_url = sandbox.base_url
  settings.svarut_url = contract.svarut_url
  settings.issuer = contract.issuer
  settings.token_endpoint = contract.token_endpoint
  settings.scope = contract.scope
  settings.ca_file = sandbox.ca_file
  return true
end

local function set_environment(settings, given)
  local environment = given.environment
  if environment == "prod" or environment == "test" then
    settings.environment = environment
    return true
  elseif environment == "sandbox" then
    return sandbox_urls(settings)
  elseif type(environment) == "table" then
    if not environment.api and not environment.svarut then
      return fail("environment", "has no URL: give at least api, or svarut for SvarInn alone")
    end
    return copy_text(settings, environment, "environment")
  elseif environment == nil then
    return fail("environment", "is missing, and there is no default: \"prod\", \"test\", "
      .. "\"sandbox\", or a table of URLs")
  end
  local shown = type(environment) == "string" and "\"" .. environment:sub(1, 40) .. "\""
    or "a " .. type(environment)
  return fail("environment", "must be \"prod\", \"test\", \"sandbox\" or a table of URLs, not %s",
    shown)
end

--- Loads a private key as `certificate` and SvarInn's `keys` describe it.
M.key = keys.load
M.check_key_names = keys.check_names

local function set_integrasjon(settings, given, watched)
  local found, err = group(given, "integrasjon", "{ id = \"...\", password = secret }")
  if not found then
    return err == nil, err
  end
  local integrasjon = { id = found.id }
  integrasjon.password, err = sources.secret(found.password, "integrasjon.password", watched)
  if err then
    return nil, err
  end
  for _, name in ipairs(rows.groups.integrasjon) do
    local path = "integrasjon." .. name
    local value
    value, err = text(integrasjon, name, path)
    if err then
      return nil, err
    elseif not value then
      return fail(path, "is missing: an integrasjon has both id and password")
    end
  end
  if not uuid(integrasjon.id) then
    return fail("integrasjon.id", "is not a UUID (8-4-4-4-12 hex digits); it is not shown, as it "
      .. "may be the password")
  end
  settings.integrasjon_id = integrasjon.id:lower()
  settings.integrasjon_passord = integrasjon.password
  return true
end

local function set_organisation(settings, given)
  local value, err = text(given, "fiks_organisasjon", "fiks_organisasjon")
  if value and not uuid(value) then
    return fail("fiks_organisasjon", "is not a UUID: \"%s\"; it is the id from "
      .. "fiks-konfigurasjon, not the organisation number", value:sub(1, 40))
  end
  settings.fiks_organisasjon = value and value:lower() or settings.fiks_organisasjon
  return err == nil, err
end

local CLAIMS = {
  "client_id", "scope", "consumer_org", "kid", "alg", "x5c", "resource", "pid",
  "authorization_details",
}

local function set_maskinporten(settings, given)
  local maskinporten, err = group(given, "maskinporten", "{ client_id = \"...\" }")
  if not maskinporten then
    return err == nil, err
  end
  local found
  found, err = grant.read(maskinporten, CLAIMS, "maskinporten.")
  if not found then
    return nil, err
  end
  for name, value in pairs(found) do
    settings[name] = value
  end
  for _, name in ipairs { "clock_correction", "accept_fewer_scopes" } do
    local ok, wrong = check_flag(maskinporten, name, "maskinporten." .. name)
    if not ok then
      return nil, wrong
    end
    settings[name] = maskinporten[name]
  end
  return true
end

local function set_certificate(settings, given, watched)
  if given.certificate == nil then
    return true
  end
  local key, err = keys.load(given.certificate, "certificate", watched)
  if not key then
    return nil, err
  end
  settings.key = key
  if type(given.certificate) == "table" then
    local kid
    kid, err = text(given.certificate, "kid", "certificate.kid")
    if err then
      return nil, err
    end
    settings.kid = kid or settings.kid
    settings.allow_expired_certificate = given.certificate.allow_expired
    return check_flag(given.certificate, "allow_expired", "certificate.allow_expired")
  end
  return true
end

local function check_pair(settings)
  if settings.key and not settings.client_id then
    return fail("maskinporten.client_id", "is missing: with a certificate the client fetches "
      .. "tokens, and needs the client id that Digdir gave")
  elseif settings.client_id and not settings.key then
    return fail("certificate", "is missing: maskinporten.client_id says that the client fetches "
      .. "tokens, and it signs for them with a key")
  end
  return true
end

local function set_contract(settings, given)
  settings.contract = given.contract == nil and "current" or given.contract
  if settings.contract ~= "current" and settings.contract ~= "2018" then
    return fail("contract", "must be \"current\" (the default) or \"2018\", not %s",
      type(given.contract) == "string" and "\"" .. given.contract:sub(1, 40) .. "\""
      or "a " .. type(given.contract))
  end
  return true
end

local function set_rest(settings, given, watched)
  local ca_file, err = text(given, "ca_file", "ca_file")
  if err then
    return nil, err
  end
  settings.ca_file = ca_file or settings.ca_file
  sources.watch(watched, settings.ca_file)
  settings.allow_loopback_http = given.allow_loopback_http
  return check_flag(given, "allow_loopback_http", "allow_loopback_http")
end

local function set_trace(settings, given)
  for _, name in ipairs { "traceparent", "correlation_id" } do
    local value, err = text(given, name, name)
    if err then
      return nil, err
    end
    settings[name] = value or settings[name]
  end
  return true
end

local function set_hooks(settings, given)
  local err
  settings.hooks, err = hooks.read(given.hooks)
  return err == nil, err
end

local function set_timeouts(settings, given)
  local found, err = timeouts.read(given.timeouts, "config")
  for name, value in pairs(found or {}) do
    settings[name] = value
  end
  return found ~= nil, err
end

-- One for the client and all that are made of it. The trusted roots belong to it then.
local function set_network(settings, given, watched)
  local found, err = network.read(given, settings.ca_file, watched)
  if found then
    settings.network, settings.ca_file = found, nil
  end
  return err == nil, err
end

-- Runs the steps in order until one fails.
local function each(steps, ...)
  for _, step in ipairs(steps) do
    local ok, err = step(...)
    if not ok then
      return nil, err
    end
  end
  return true
end

-- Every option name, before any value is looked at.
local function check_names(given, known, what, level)
  options.check(given, known, what, level + 2)
  for name, names in pairs(rows.groups) do
    if type(given) == "table" and type(given[name]) == "table" then
      options.check(given[name], names, what .. ": " .. name, level + 2)
    end
  end
end

-- An error about a setting that is not an argument says where it comes from.
local function tell_origin(err, origins)
  local origin = origins[err.code]
  if origin and err.kind == "config" and not err.message:find(origin, 1, true) then
    err.message = ("%s (from %s)"):format(err.message, origin)
  end
  return err
end

--- Settings for core.client from the options of `fiks.new`.
---@param given table
---@param level integer as for `error`, seen from the calling function: where unknown names raise
---@return table? settings
---@return fiks.Error|table err_or_watched the files that were read, for sources.changed
function M.resolve(given, level)
  check_names(given, rows.top, "fiks.new", level)
  hooks.check_names(given and given.hooks, level + 1)
  local settings, watched = {}, {}
  local merged, origins = sources.gather(given or {}, watched)
  if not merged then
    return nil, origins
  end
  local ok, err = each({
    set_contract, set_environment, set_integrasjon, set_organisation, set_maskinporten,
    set_certificate, set_rest, set_network, set_timeouts, set_trace, set_hooks, check_pair,
  }, settings, merged, watched)
  if not ok then
    return nil, tell_origin(err, origins)
  end
  return settings, watched
end

--- The settings of a client with some replaced: for `client:with`.
---@param settings table what `resolve` gave, but for what is secret in it:
---@param secrets table
---@param given table the others of M.WITH
---@param level integer as for `resolve`
---@return table? settings
---@return fiks.Error|table err_or_watched
function M.override(settings, secrets, given, level)
  check_names(given, M.WITH, "client:with", level)
  local copy, watched = {}, {}
  for _, source in ipairs { settings, secrets } do
    for name, value in pairs(source) do
      copy[name] = value
    end
  end
  local ok, err = each({
    set_integrasjon, set_organisation, set_maskinporten, set_trace, check_pair,
  }, copy, given or {}, watched)
  if not ok then
    return nil, err
  end
  return copy, watched
end

return M
