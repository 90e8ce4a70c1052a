--- The kinds of shapes that are single values: texts and numbers. See fiks.schema.

local core = require "fiks.core"
local formats = require "fiks.schema.formats"
local options = require "fiks.options"
local Report = require "fiks.schema.report"

local M = {}

local show = Report.show
local math_type = rawget(math, "type")
local TWO_53 = 9007199254740992

local kinds = {} -- kind -> function(report, shape, value) -> value to send

--- "; did you mean x?" when a candidate looks like the name, else nothing.
function M.suggest(name, candidates)
  local near = options.nearest(name, candidates)
  local a, b = name:lower(), (near or ""):lower()
  if a == "" or b == "" then
    return ""
  elseif a:sub(1, 2) == b:sub(1, 2) or a:find(b, 1, true) or b:find(a, 1, true) then
    return ('; did you mean "%s"?'):format(near)
  end
  return ""
end

--- Adds the problem that a value has another type; returns the value.
function M.wrong_type(report, shape, value, expected)
  local message = "must be " .. expected
  if shape.hint then
    message = message .. " (" .. shape.hint .. ")"
  end
  report:problem("type", message, show(value, shape.personal))
  return value
end

-- ---- texts -------------------------------------------------------------------------------------

-- Is it a string of UTF-8? Says so otherwise.
local function is_text(report, shape, value)
  if type(value) ~= "string" then
    local lost = shape.personal and type(value) == "number"
    M.wrong_type(report, shape, value,
      lost and "a string: a number loses its leading zeros" or "a string")
    return false
  end
  local ok, offset = core.utf8_check(value)
  if not ok then
    report:problem("utf8", ("is not UTF-8: byte 0x%02X at offset %d"):format(
      value:byte(offset + 1), offset), show(value, shape.personal))
  end
  return ok
end

local function judge(report, shape, value, rule, ok, why)
  if not ok then
    report:problem(rule, why .. (shape.hint and " (" .. shape.hint .. ")" or ""),
      show(value, shape.personal))
  end
end

function kinds.string(report, shape, value)
  if not is_text(report, shape, value) then
    return value
  end
  if shape.min and #value < shape.min then
    report:problem("min_length", "must not be empty", show(value))
  elseif shape.not_blank then
    judge(report, shape, value, "not_blank", formats.not_blank(value))
  elseif shape.pattern then
    judge(report, shape, value, "pattern", formats.pattern(shape.pattern, value))
  end
  return value
end

for _, format in ipairs { "uuid", "date", "datetime" } do
  kinds[format] = function(report, shape, value)
    if is_text(report, shape, value) then
      judge(report, shape, value, format, formats[format](value))
    end
    return value
  end
end

function kinds.enum(report, shape, value)
  for _, allowed in ipairs(shape.values) do
    if value == allowed then
      return value
    end
  end
  local message = 'must be one of "' .. table.concat(shape.values, '", "') .. '"'
  if type(value) == "string" then
    message = message .. M.suggest(value, shape.values)
  end
  report:problem("enum", message, show(value))
  return value
end

-- ---- numbers -----------------------------------------------------------------------------------

function kinds.boolean(report, shape, value)
  if type(value) ~= "boolean" then
    return M.wrong_type(report, shape, value, "true or false")
  end
  return value
end

function kinds.number(report, shape, value)
  if type(value) ~= "number" then
    return M.wrong_type(report, shape, value, type(value) == "string"
      and "a number, not text: use 1032.5, not \"1 032,50\"" or "a number")
  elseif value ~= value or value == math.huge or value == -math.huge then
    report:problem("number", "must be a finite number", show(value))
  end
  return value
end

-- Text of an integer that a double cannot hold: how LuaJIT reads one from JSON.
local function is_wide_text(value)
  return type(value) == "string" and value:find("^-?[1-9]%d+$") and #value >= 16
    and math.abs(tonumber(value)) >= TWO_53
end

-- The integer as it is sent, or nil and what is wrong.
local function exact_integer(value)
  if type(value) == "number" then
    if value ~= value or value == math.huge or value == -math.huge then
      return nil, "must be a finite number"
    elseif math.floor(value) ~= value then
      return nil, "must be a whole number"
    elseif (math_type and math_type(value) == "integer") or math.abs(value) <= TWO_53 then
      return value
    end
    return nil, "is beyond 2^53, where a float is not exact: give its digits as a string"
  elseif type(value) == "table" and getmetatable(value) == core.integer_mt then
    return value
  elseif type(value) == "cdata" or is_wide_text(value) then
    local integer = core.json_integer(tostring(value))
    if integer then
      return integer
    elseif type(value) == "string" then
      return nil, "does not fit in 64 bits"
    end
  end
  return nil, "must be an integer"
end

local function in_range(shape, integer)
  if type(integer) ~= "number" then
    return not shape.max
  end
  return (not shape.min or integer >= shape.min) and (not shape.max or integer <= shape.max)
end

function kinds.integer(report, shape, value)
  local integer, why = exact_integer(value)
  if not integer then
    report:problem("type", why, show(value, false))
    return value
  elseif not in_range(shape, integer) then
    report:problem("range", ("must be from %d to %d"):format(shape.min, shape.max),
      show(value, false))
  end
  return integer
end

function kinds.ms(report, _, value)
  local integer, why = exact_integer(value)
  if not integer then
    report:problem("type", why .. " of milliseconds since 1970-01-01T00:00Z",
      show(value, false))
    return value
  end
  if type(integer) == "number" and integer > 1e8 and integer < 1e11 then
    report:warning("seconds", "looks like seconds: the unit is milliseconds")
  end
  return integer
end

M.kinds = kinds

return M
