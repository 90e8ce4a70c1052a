--- Where settings come from: the arguments of `fiks.new`, environment variables, a settings file.
-- What is given in two places is taken from the first of these three. Nothing is read unless the
-- arguments say so (`environment_variables = true`, `file = "path"`).

local core = require "fiks.core"
local Error = require "fiks.error"
local options = require "fiks.options"
local rows = require "fiks.config.rows"

local M = {}

local MAX_BYTES = 1024 * 1024
-- Alternatives: a stronger place that names one of them replaces those of the weaker.
local KEY_SOURCES = { "pkcs12", "pem", "key", "data", "jwk" }
local KEY_GROUPS = { certificate = true, client_certificate = true }
local ROOTS = { "ca_file", "ca_dir", "ca_pem" }
local PROXY = { "proxy" }
local PROXY_USER = { "proxy_username", "proxy_password" }

local function fail(code, message, ...)
  return nil, Error.new { kind = "config", code = code, message = message:format(...) }
end

--- The bytes of a file of settings or of a secret.
---@param path string
---@param option string for the error
---@return string? bytes
---@return fiks.Error? err
function M.read(path, option)
  local file, why = io.open(path, "rb")
  if not file then
    return fail(option, "option '%s': cannot read %s", option, why or path)
  end
  local bytes
  bytes, why = file:read(MAX_BYTES + 1)
  file:close()
  if not bytes and why then
    return fail(option, "option '%s': cannot read %s: %s", option, path, why)
  elseif bytes and #bytes > MAX_BYTES then
    return fail(option, "option '%s': %s is larger than 1 MB", option, path)
  end
  return bytes or ""
end

-- ---- files that may change ----------------------------------------------------------------------

local function digest(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read(MAX_BYTES + 1)
  if file then
    file:close()
  end
  return bytes and core.sha256(bytes) or false
end

--- Remembers a file as it is now. To be called before it is read. One that is remembered already
--- stays as it was then: somebody has read it so.
---@param watched table<string, string|false>? path -> digest
---@param path string?
function M.watch(watched, path)
  if watched and path and watched[path] == nil and not path:find("^pkcs11:") then
    watched[path] = digest(path)
  end
end

--- Remembers what `more` does; what both do stays as it was.
---@param watched table<string, string|false>
---@param more table<string, string|false>
function M.add(watched, more)
  for path, before in pairs(more) do
    if watched[path] == nil then
      watched[path] = before
    end
  end
end

--- Whether a file is no longer what was remembered.
---@param watched table<string, string|false>
---@return boolean
function M.changed(watched)
  for path, before in pairs(watched) do
    if digest(path) ~= before then
      return true
    end
  end
  return false
end

--- A secret: text, or `{ file = "path" }`, read now; one line break at its end is not part of it.
---@param value any
---@param option string for the error
---@param watched table? gets the file
---@return any text as it was given, when it is no table
---@return fiks.Error? err
function M.secret(value, option, watched)
  if type(value) ~= "table" then
    return value
  end
  local name = next(value)
  if name ~= "file" or next(value, name) ~= nil or type(value.file) ~= "string" then
    return fail(option, "option '%s' must be text, or { file = \"path\" } of a file that holds it",
      option)
  end
  M.watch(watched, value.file)
  local bytes, err = M.read(value.file, option)
  if not bytes then
    return nil, err
  end
  bytes = bytes:gsub("\r?\n$", "")
  if bytes == "" then
    return fail(option, "option '%s': %s is empty", option, value.file)
  end
  return bytes
end

-- ---- environment variables ----------------------------------------------------------------------

local FLAGS = { ["true"] = true, ["1"] = true, ["false"] = false, ["0"] = false }

local function variable(row)
  for _, name in ipairs(rows.variables(row)) do
    local value = os.getenv(name)
    if value and value ~= "" then
      return value, name
    end
    local path = row.is == "secret" and os.getenv(name .. "_FILE")
    if path and path ~= "" then
      return { file = path }, name .. "_FILE"
    end
  end
  return nil
end

local function put(layer, origins, row, value, origin)
  if row.group then
    local group = layer[row.group]
    if group ~= nil and type(group) ~= "table" then
      return fail(row.group, "%s and %s exclude each other: give the name of an environment, or "
        .. "URLs", origins[row.group], origin)
    end
    layer[row.group] = group or {}
    layer[row.group][row.name] = value
  else
    layer[row.name] = value
  end
  origins[row[1]] = origin
  return true
end

local function from_variables(origins)
  local layer = {}
  for _, row in ipairs(rows.rows) do
    local value, name = variable(row)
    if value and row.is == "flag" then
      local flag = FLAGS[value]
      if flag == nil then
        return fail(row[1], "option '%s' must be true or false (from the variable %s)", row[1],
          name)
      end
      value = flag
    elseif value and row.is == "number" then
      value = tonumber(value)
      if not value then
        return fail(row[1], "option '%s' must be a number (from the variable %s)", row[1], name)
      end
    end
    if value ~= nil then
      local ok, err = put(layer, origins, row, value, "the variable " .. name)
      if not ok then
        return nil, err
      end
    end
  end
  return layer
end

-- ---- the settings file --------------------------------------------------------------------------

-- Null counts as absent.
local function without_null(value)
  local copy = {}
  for name, inner in pairs(value) do
    if inner ~= core.null then
      copy[name] = type(inner) == "table" and getmetatable(inner) == nil and without_null(inner)
        or inner
    end
  end
  return copy
end

local function unknown(path, where, names, given)
  for name in pairs(given) do
    local known = false
    for _, candidate in ipairs(names) do
      known = known or candidate == name
    end
    if not known then
      return fail("file", "%s: unknown option '%s%s', did you mean '%s%s'?", path, where,
        tostring(name), where, options.nearest(tostring(name), names))
    end
  end
  return true
end

local function check_names(path, layer)
  local ok, err = unknown(path, "", rows.top, layer)
  for group, names in pairs(rows.groups) do
    if ok and type(layer[group]) == "table" then
      ok, err = unknown(path, group .. ".", names, layer[group])
    end
  end
  if ok and (layer.file ~= nil or layer.environment_variables ~= nil) then
    return fail("file", "%s: a settings file cannot name further sources (file, "
      .. "environment_variables)", path)
  end
  return ok, err
end

local function beside(folder, path)
  if type(path) ~= "string" or path:sub(1, 1) == "/" or path:find("^pkcs11:") then
    return path
  end
  return folder .. path
end

-- Paths in the file are relative to it, wherever the program was started.
local function anchor(layer, path, origins)
  local folder = path:match("^(.*/)[^/]*$") or ""
  for _, row in ipairs(rows.rows) do
    local at = layer
    if row.group then
      at = layer[row.group]
    end
    local value = type(at) == "table" and at[row.name]
    if value ~= nil and value ~= false and not origins[row[1]] then
      origins[row[1]] = path
    end
    if row.is == "path" and value then
      at[row.name] = beside(folder, value)
    elseif row.is == "secret" and type(value) == "table" then
      value.file = beside(folder, value.file)
    end
  end
end

local function from_file(path, origins)
  local text, err = M.read(path, "file")
  if not text then
    return nil, err
  end
  local decoded
  decoded, err = core.json_decode((text:gsub("^\239\187\191", "")))
  if err then
    return fail("file", "%s is not JSON: %s", path, err.message)
  elseif type(decoded) ~= "table" or getmetatable(decoded) == core.array_mt then
    return fail("file", "%s must hold a JSON object of options", path)
  end
  local layer = without_null(decoded)
  local ok
  ok, err = check_names(path, layer)
  if not ok then
    return nil, err
  end
  anchor(layer, path, origins)
  return layer
end

-- ---- one precedence -----------------------------------------------------------------------------

-- When the stronger place has one of `names`, `gone` of the weaker one do not count.
local function displace(merged, stronger, names, gone)
  for _, name in ipairs(names) do
    if stronger[name] ~= nil then
      for _, other in ipairs(gone) do
        merged[other] = nil
      end
      return
    end
  end
end

local function merge_group(weaker, stronger, name)
  local merged = {}
  for field, value in pairs(weaker) do
    merged[field] = value
  end
  if KEY_GROUPS[name] then
    displace(merged, stronger, KEY_SOURCES, KEY_SOURCES)
  end
  for field, value in pairs(stronger) do
    merged[field] = value
  end
  return merged
end

-- The environment is one choice, so it is taken whole; the other groups option by option.
local function overlay(weaker, stronger)
  local merged = {}
  for name, value in pairs(weaker) do
    merged[name] = value
  end
  displace(merged, stronger, ROOTS, ROOTS)
  displace(merged, stronger, PROXY, PROXY_USER) -- a user belongs to a proxy
  for name, value in pairs(stronger) do
    if name ~= "environment" and rows.groups[name] and type(value) == "table"
      and type(merged[name]) == "table" then
      merged[name] = merge_group(merged[name], value, name)
    else
      merged[name] = value
    end
  end
  return merged
end

local function as_group(given)
  local certificate = given.certificate
  if type(certificate) == "string" and certificate:find("^pkcs11:") then
    return overlay(given, { certificate = { key = certificate } })
  end
  return given
end

--- The options with those of environment variables and the settings file filled in.
---@param given table what fiks.new was given; its names are known
---@param watched table gets the settings file
---@return table? merged
---@return fiks.Error|table err_or_origins option -> where it comes from, when not an argument
function M.gather(given, watched)
  local origins, variables, file = {}, {}, {}
  local err
  if given.environment_variables ~= nil and type(given.environment_variables) ~= "boolean" then
    return fail("environment_variables", "option 'environment_variables' must be true or false, "
      .. "not a %s", type(given.environment_variables))
  elseif given.environment_variables then
    variables, err = from_variables(origins)
    if not variables then
      return nil, err
    end
  end
  local path = given.file == nil and variables.file or given.file
  if path ~= nil then
    if type(path) ~= "string" or path == "" then
      return fail("file", "option 'file' must be the path of a settings file")
    end
    M.watch(watched, path)
    file, err = from_file(path, origins)
    if not file then
      return nil, err
    end
  end
  return overlay(overlay(as_group(file), as_group(variables)), as_group(given)), origins
end

return M
