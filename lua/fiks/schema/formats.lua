--- Checks of single texts: named patterns, UUID, dates. Each returns true, or nil and what is
--- wrong.

local patterns = require "fiks.shapes.patterns"

local M = {}

local HEX = "[0-9a-f]"
local UUID = ("^%s%%-%s%%-%s%%-%s%%-%s$"):format(
  HEX:rep(8), HEX:rep(4), HEX:rep(4), HEX:rep(4), HEX:rep(12))
local CHARACTER = "[^\128-\191][\128-\191]*"

-- The patterns as Lua finds them fastest: for a class, what is left after its non-ASCII letters
-- are taken out must be ASCII of the class.
local compiled = {}
for name, pattern in pairs(patterns) do
  local entry = { says = pattern.says, letters = {}, any = {} }
  if pattern.class then
    entry.whole = "^[" .. pattern.class .. "]*$"
    for letter in pattern.letters:gmatch(CHARACTER) do
      entry.letters[letter] = ""
    end
  end
  for i, alternative in ipairs(pattern.any or {}) do
    entry.any[i] = "^" .. alternative .. "$"
  end
  compiled[name] = entry
end

local function code_point(character)
  local lead = character:byte()
  local value = lead < 0x80 and lead or lead < 0xE0 and lead - 0xC0 or lead < 0xF0 and lead - 0xE0
    or lead - 0xF0
  for i = 2, #character do
    value = value * 64 + character:byte(i) - 0x80
  end
  return value
end

-- Names the first character outside the class.
local function explain(entry, text)
  local at = 0
  for character in text:gmatch(CHARACTER) do
    at = at + 1
    if not entry.letters[character] and not character:find(entry.whole) then
      local code = code_point(character)
      if code >= 0x300 and code <= 0x36F then
        return ("character %d is a combining mark (U+%04X): compose the text first (Unicode NFC)")
          :format(at, code)
      end
      local shown = code > 0x20 and code ~= 0x7F and "'" .. character .. "' " or ""
      return ("character %d, %s(U+%04X), is not allowed: only %s"):format(
        at, shown, code, entry.says)
    end
  end
end

--- Does the whole text match the named pattern? The text is well-formed UTF-8.
---@param name string a key of fiks.shapes.patterns
---@param text string
---@return boolean? ok
---@return string? why
function M.pattern(name, text)
  local entry = compiled[name]
  for _, alternative in ipairs(entry.any) do
    if text:find(alternative) then
      return true
    end
  end
  if not entry.whole then
    return nil, "must be " .. entry.says
  elseif text == "" then
    return nil, "must not be empty: " .. entry.says
  elseif text:find(entry.whole)
    or text:gsub("[\195][\128-\191]", entry.letters):find(entry.whole) then
    return true
  end
  return nil, explain(entry, text)
end

--- A canonical UUID: lower case, 8-4-4-4-12.
function M.uuid(text)
  if text:find(UUID) then
    return true
  elseif text:lower():find(UUID) then
    return nil, "must be in lower case: " .. text:lower()
  end
  return nil, "must be a UUID such as 5a000000-0000-4000-8000-000000000001, no braces, no prefix"
end

local function days_in(year, month)
  if month == 2 then
    local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
    return leap and 29 or 28
  end
  return (month == 4 or month == 6 or month == 9 or month == 11) and 30 or 31
end

local function is_day(year, month, day)
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  return month >= 1 and month <= 12 and day >= 1 and day <= days_in(year, month)
end

--- A day, YYYY-MM-DD (RFC 3339 full-date).
function M.date(text)
  local year, month, day = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
  if not year then
    return nil, "must be a date such as 2026-01-15"
  end
  return is_day(year, month, day) or nil, "must be a day that exists"
end

--- A point in time with a zone (RFC 3339 date-time).
function M.datetime(text)
  local year, month, day, hour, minute, second, rest =
    text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)[Tt](%d%d):(%d%d):(%d%d)(.*)$")
  if not year then
    return nil, "must be a time such as 2026-01-15T12:00:00Z"
  end
  if not is_day(year, month, day) or tonumber(hour) > 23 or tonumber(minute) > 59
    or tonumber(second) > 59 then
    return nil, "must be a time that exists"
  end
  local zone = rest:gsub("^%.%d+", "", 1)
  local zone_hour, zone_minute = zone:match("^[+-](%d%d):(%d%d)$")
  if zone == "Z" or zone == "z"
    or zone_hour and tonumber(zone_hour) <= 23 and tonumber(zone_minute) <= 59 then
    return true
  elseif zone == "" then
    return nil, "must have a zone at its end, such as Z or +01:00"
  end
  return nil, "must end in a zone such as Z or +01:00"
end

-- Spaces outside ASCII: U+00A0 U+1680 U+2000..200A U+2028 U+2029 U+202F U+205F U+3000 U+FEFF.
local SPACES = {
  "\194\160", "\225\154\128", "\226\128[\128-\138\168\169\175]", "\226\129\159", "\227\128\128",
  "\239\187\191",
}

--- Is there at least one character that is not white space?
function M.not_blank(text)
  if text:find("[!-~]") then
    return true
  end
  for _, space in ipairs(SPACES) do
    text = text:gsub(space, "")
  end
  return text:find("[^%z\1-\32\127]") ~= nil or nil, "must hold more than white space"
end

return M
