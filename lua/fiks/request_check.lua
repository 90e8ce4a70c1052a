--- The types and texts of what client:request was given. A wrong type is misuse and raises; a NUL
--- byte, which may come with data, is an error.

local Error = require "fiks.error"
local options = require "fiks.options"

local M = {}

local TEXTS = { "path", "content_type", "username", "password", "traceparent", "correlation_id" }
-- Name -> the most it may be; each is a whole number from 1.
local NUMBERS = { timeout_ms = 2 ^ 31 - 1, max_answer_bytes = 2 ^ 53 }
local PART = { "name", "filename", "content_type", "data" }
local PART_TEXTS = { "name", "filename", "content_type" }

local function raise(level, message, ...)
  error(("client:request: " .. message):format(...), level + 1)
end

local function expect(value, wanted, what, level)
  if value ~= nil and type(value) ~= wanted then
    raise(level + 1, "%s must be a %s, not a %s", what, wanted, type(value))
  end
end

local function numbers(given, level)
  for name, most in pairs(NUMBERS) do
    local value = given[name]
    expect(value, "number", name, level + 1)
    if value and (value ~= math.floor(value) or value < 1 or value > most) then
      raise(level + 1, "%s must be a whole number from 1 to %.0f, not %s", name, most,
        tostring(value))
    end
  end
end

local function parts(given, level)
  expect(given, "table", "parts", level + 1)
  if given and #given == 0 then
    raise(level + 1, "parts must be a list such as { { name = \"fil\", data = bytes } }")
  end
  for index, part in ipairs(given or {}) do
    local what = ("parts[%d]"):format(index)
    expect(part, "table", what, level + 1)
    options.check(part, PART, "client:request: " .. what, level + 1)
    for _, name in ipairs(PART_TEXTS) do
      expect(part[name], "string", what .. "." .. name, level + 1)
    end
    if not part.name or part.data == nil then
      raise(level + 1, "%s needs name and data", what)
    end
  end
end

local function types(given, level)
  for _, name in ipairs(TEXTS) do
    expect(given[name], "string", name, level + 1)
  end
  for _, name in ipairs { "query", "params" } do
    expect(given[name], "table", name, level + 1)
    for key in pairs(given[name] or {}) do
      expect(key, "string", "each name in " .. name, level + 1)
    end
  end
  expect(given.idempotent, "boolean", "idempotent", level + 1)
  numbers(given, level + 1)
  parts(given.parts, level + 1)
end

-- Each text that must not hold a NUL byte, with what it is called.
local function each_text(given)
  local texts = {}
  local function add(value, what)
    if type(value) == "string" then
      texts[#texts + 1] = { value = value, what = what }
    end
  end
  for _, name in ipairs(TEXTS) do
    add(given[name], name)
  end
  for _, name in ipairs { "query", "params" } do
    for key, value in pairs(given[name] or {}) do
      add(key, ("a name in %s"):format(name))
      add(value, ("%s '%s'"):format(name, key))
    end
  end
  for index, part in ipairs(given.parts or {}) do
    for _, name in ipairs(PART_TEXTS) do
      add(part[name], ("parts[%d].%s"):format(index, name))
    end
    add(type(part.data) == "table" and part.data.file, ("parts[%d].data.file"):format(index))
  end
  for _, name in ipairs { "body", "into" } do
    add(type(given[name]) == "table" and given[name].file, name .. ".file")
  end
  add(given.into, "into")
  return texts
end

--- Raises for a wrong type.
---@param given fiks.Request
---@param level integer as for `error`, seen from the calling function
---@return true? ok
---@return fiks.Error? err kind "invalid": a text holds a NUL byte
function M.check(given, level)
  types(given, level + 1)
  for _, text in ipairs(each_text(given)) do
    if text.value:find("\0", 1, true) then
      return nil, Error.new { kind = "invalid", code = "nul",
        message = ("client:request: %s holds a NUL byte"):format(text.what:gsub("%z", "?")) }
    end
  end
  return true
end

return M
