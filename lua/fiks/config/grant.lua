--- What a grant to Maskinporten may say, for a client and for one call.

local core = require "fiks.core"
local Error = require "fiks.error"
local keys = require "fiks.config.keys"

local M = {}

local function fail(option, message, ...)
  return nil, Error.new {
    kind = "config", code = option, message = ("option '%s' " .. message):format(option, ...),
  }
end

-- Name -> a check of the text given: what is sent, or nil and an error.
local CHECK = {}

function CHECK.consumer_org(value, option)
  local number = value:match("^0192:(%d%d%d%d%d%d%d%d%d)$") or value:match("^%d%d%d%d%d%d%d%d%d$")
  if not number then
    return fail(option, "must be an organisation number of nine digits; what was given has %d "
      .. "characters and is not shown, as it may be a person's number", #value)
  end
  return number
end

function CHECK.pid(value, option)
  if not value:find("^%d%d%d%d%d%d%d%d%d%d%d$") then
    return fail(option, "must be the eleven digits of a person's number")
  end
  return value
end

local function one_of(...)
  local allowed = { ... }
  return function(value, option)
    for _, name in ipairs(allowed) do
      if name == value then
        return value
      end
    end
    return fail(option, "must be one of %s, not \"%s\"", table.concat(allowed, ", "),
      value:sub(1, 40))
  end
end

CHECK.alg = one_of("RS256", "RS384", "RS512")
CHECK.x5c = one_of("chain", "leaf")

local function details(value, option)
  if type(value) == "table" then
    local list = getmetatable(value) == core.array_mt or value[1] ~= nil
    return core.json_encode(list and value or core.array { value })
  elseif type(value) ~= "string" then
    return fail(option, "must be a table (or JSON text), not a %s", type(value))
  end
  local decoded, err = core.json_decode(value)
  if err or type(decoded) ~= "table" then
    return fail(option, "is not a JSON array")
  end
  return value
end

-- `resource` is text, or a list of one, which is sent as an array.
local function resource(from, option, found)
  local value = from.resource
  if type(value) ~= "table" then
    return keys.text(from, "resource", option)
  elseif #value ~= 1 or next(value, (next(value))) ~= nil then
    return fail(option, "must be text, or a list of one")
  end
  found.resource_array = true
  return keys.text({ resource = value[1] }, "resource", option)
end

local function one(from, name, option, found)
  if name == "resource" then
    return resource(from, option, found)
  elseif name == "authorization_details" then
    if from[name] == nil then
      return nil
    end
    return details(from[name], option)
  end
  local value, err = keys.text(from, name, option)
  if value and CHECK[name] then
    return CHECK[name](value, option)
  end
  return value, err
end

--- Checks what a grant is to say: the fields of `from` that have the names given.
---@param from table
---@param names string[]
---@param prefix string before the names, in errors; "" for one call's, where "" is "without"
---@return table? found
---@return fiks.Error? err
function M.read(from, names, prefix)
  local found = {}
  for _, name in ipairs(names) do
    local value, err
    if prefix == "" and from[name] == "" and name ~= "scope" then
      value = ""
    else
      value, err = one(from, name, prefix .. name, found)
    end
    if err then
      return nil, err
    end
    found[name] = value
  end
  return found
end

return M
