--- Checks decoded JSON against a description made of small nodes, and reports every fault with its
--- path. A node is { check = function(value, path, report), optional, nullable }.
local core = require("fiks.core")

local M = {}

local INT32_MAX = 2147483647

local function node(check)
  return { check = check }
end

local function copy(from, changes)
  local made = {}
  for name, value in pairs(from) do
    made[name] = value
  end
  for name, value in pairs(changes) do
    made[name] = value
  end
  return made
end

--- The field may be left out.
function M.optional(inner)
  return copy(inner, { optional = true })
end

--- The field may be left out or be null.
function M.maybe(inner)
  return copy(inner, { optional = true, nullable = true })
end

function M.is_array(value)
  return type(value) == "table" and getmetatable(value) == core.array_mt
end

function M.is_object(value)
  return type(value) == "table" and getmetatable(value) ~= core.array_mt
end

--- Walks one value.
function M.walk(wanted, value, path, report)
  if value == core.null then
    if not wanted.nullable then
      report(path, "kan ikke være null")
    end
    return
  end
  wanted.check(value, path, report)
end

local function join(path, name)
  return path == "" and name or path .. "." .. name
end

--- An object of these fields. `open`: others are ignored instead of refused. `rule`, when given, is
--- called last with (value, path, report) and judges the fields together.
function M.object(fields, open, rule)
  return node(function(value, path, report)
    if not M.is_object(value) then
      return report(path, "må være et objekt")
    end
    for name, field in pairs(fields) do
      if value[name] ~= nil then
        M.walk(field, value[name], join(path, name), report)
      elseif not field.optional then
        report(join(path, name), "mangler")
      end
    end
    for name in pairs(value) do
      if not open and not fields[name] then
        report(join(path, tostring(name)), "ukjent felt")
      end
    end
    if rule then
      rule(value, path, report)
    end
  end)
end

--- An array of one kind of thing.
function M.array(item, min, max)
  return node(function(value, path, report)
    if not M.is_array(value) then
      return report(path, "må være en liste")
    elseif #value < (min or 0) then
      return report(path, "må ha minst " .. min .. " element(er)")
    elseif max and #value > max then
      return report(path, "kan ha høyst " .. max .. " elementer")
    end
    for index = 1, #value do
      M.walk(item, value[index], string.format("%s[%d]", path, index - 1), report)
    end
  end)
end

--- A string; `fits` judges it further, `message` says what is wrong then.
function M.text(fits, message)
  return node(function(value, path, report)
    if type(value) ~= "string" then
      report(path, "må være en tekst")
    elseif fits and not fits(value) then
      report(path, message)
    end
  end)
end

--- A string that fits a Lua pattern as a whole.
function M.pattern(pattern, message)
  return M.text(function(value)
    return value:find(pattern) ~= nil
  end, message or "har ugyldig format")
end

--- A string that is not blank.
function M.filled()
  return M.pattern("%S", "kan ikke være blank")
end

--- A string of at least one character.
function M.nonempty()
  return M.pattern("^.", "kan ikke være tom")
end

function M.uuid()
  return M.text(function(value)
    return value == value:lower()
      and value:find("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$")
  end, "er ikke en gyldig UUID")
end

function M.enum(...)
  local allowed = {}
  for _, value in ipairs({ ... }) do
    allowed[value] = true
  end
  return M.text(function(value)
    return allowed[value]
  end, "må være en av: " .. table.concat({ ... }, ", "))
end

function M.boolean()
  return node(function(value, path, report)
    if type(value) ~= "boolean" then
      report(path, "må være true eller false")
    end
  end)
end

function M.number()
  return node(function(value, path, report)
    if type(value) ~= "number" then
      report(path, "må være et tall")
    end
  end)
end

--- A 32-bit integer within the limits given.
function M.int32(min, max)
  return node(function(value, path, report)
    if type(value) ~= "number" or value ~= math.floor(value) then
      report(path, "må være et heltall")
    elseif value < (min or -INT32_MAX - 1) or value > (max or INT32_MAX) then
      report(path, "er utenfor tillatt område")
    end
  end)
end

--- A 64-bit integer. LuaJIT has no such number: beyond 2^53 the decoder hands it out as digits.
function M.int64()
  return node(function(value, path, report)
    if type(value) == "string" and value:find("^%-?%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d?%d?%d?$") then
      return
    elseif type(value) ~= "number" or value ~= math.floor(value) then
      report(path, "må være et heltall")
    end
  end)
end

local month_days = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function is_date(text)
  local year, month, day = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  if not year or not month_days[month] or day < 1 or day > month_days[month] then
    return false
  end
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return leap or month ~= 2 or day < 29
end

function M.date()
  return M.text(is_date, "må være en dato (ÅÅÅÅ-MM-DD)")
end

local function is_date_time(text)
  local date, hour, minute, second, rest = text:match("^(.-)[Tt](%d%d):(%d%d):(%d%d)(.*)$")
  if not date or not is_date(date) or tonumber(hour) > 23 or tonumber(minute) > 59
    or tonumber(second) > 60 then
    return false
  end
  local zone = rest:gsub("^%.%d+", "")
  local zone_hour, zone_minute = zone:match("^[+-](%d%d):(%d%d)$")
  return zone == "Z" or zone == "z"
    or (zone_hour ~= nil and tonumber(zone_hour) < 24 and tonumber(zone_minute) < 60)
end

--- A date with time and zone (RFC 3339).
function M.date_time()
  return M.text(is_date_time, "må være et tidspunkt med tidssone (RFC 3339)")
end

-- æ ø å Æ Ø Å as UTF-8, turned into a plain letter so that a byte pattern can judge the rest.
local function norwegian_as_ascii(text)
  return (text:gsub("\195[\133\134\152\165\166\184]", "A"))
end

--- visningsnavn, eksternRef: Norwegian letters, digits and _ . , / - space.
function M.display_name()
  return M.text(function(value)
    return norwegian_as_ascii(value):find("^[A-Za-z0-9_.,/%- ]+$")
  end, "inneholder ugyldige tegn")
end

--- enhet.id: Norwegian letters, digits, underscore and hyphen.
function M.unit_id()
  return M.text(function(value)
    return norwegian_as_ascii(value):find("^[A-Za-z0-9_%-]+$")
  end, "inneholder ugyldige tegn")
end

--- One of several objects, told apart by a field. `unknown` is the message for a value not listed.
function M.variants(field, list, unknown)
  return node(function(value, path, report)
    if not M.is_object(value) then
      return report(path, "må være et objekt")
    end
    local name = value[field]
    if name == nil or name == core.null then
      return report(join(path, field), "mangler")
    elseif type(name) ~= "string" or not list[name] then
      return report(join(path, field), unknown)
    end
    M.walk(list[name], value, path, report)
  end)
end

--- Anything the function accepts.
M.node = node

return M
