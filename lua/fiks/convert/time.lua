--- Milliseconds since 1970 as the texts that Innsyn v2 wants. See fiks.convert.

local M = {}

local DAY = 86400000
local HOUR = 3600000

-- Days since 1970-01-01 as year, month, day of the Gregorian calendar. (Counting from 1 March of
-- year 0, leap days come last in a year.)
local function civil(days)
  days = days + 719468
  local era = math.floor(days / 146097)
  local of_era = days - era * 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524)
    - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local shifted = math.floor((5 * of_year + 2) / 153)
  local day = of_year - math.floor((153 * shifted + 2) / 5) + 1
  local month = shifted < 10 and shifted + 3 or shifted - 9
  return year + era * 400 + (month <= 2 and 1 or 0), month, day
end

local function days_from_civil(year, month, day)
  year = month <= 2 and year - 1 or year
  local era = math.floor(year / 400)
  local of_era = year - era * 400
  local of_year = math.floor((153 * (month > 2 and month - 3 or month + 9) + 2) / 5) + day - 1
  return era * 146097 + of_era * 365 + math.floor(of_era / 4) - math.floor(of_era / 100) + of_year
    - 719468
end

-- 01:00 UTC of the last Sunday of a month with 31 days (September: 30).
local function last_sunday(year, month)
  local last = days_from_civil(year, month, month == 9 and 30 or 31)
  local weekday = (last + 4) % 7 -- 0 = Sunday; 1970-01-01 was a Thursday
  return (last - weekday) * DAY + HOUR
end

-- Norway has had summer time every year since 1980: from 6 April that year, from the last Sunday
-- of March later; until the last Sunday of September, since 1996 of October.
local function norwegian_offset(ms)
  local year = civil(math.floor(ms / DAY))
  if year < 1980 then
    return HOUR
  end
  local first = year == 1980 and days_from_civil(1980, 4, 6) * DAY + HOUR or last_sunday(year, 3)
  local summer = ms >= first and ms < last_sunday(year, year < 1996 and 9 or 10)
  return summer and 2 * HOUR or HOUR
end

-- A whole number in the years 0000 to 9999.
local function is_ms(ms)
  return type(ms) == "number" and ms == math.floor(ms) and ms >= -62167219200000
    and ms <= 253402300799999
end

--- The day in Norway, YYYY-MM-DD; nil when it is no time in milliseconds.
---@param ms any
---@return string?
function M.norwegian_day(ms)
  local there = is_ms(ms) and ms + norwegian_offset(ms)
  if not is_ms(there) then
    return nil
  end
  return ("%04d-%02d-%02d"):format(civil(math.floor(there / DAY)))
end

--- The time in UTC, YYYY-MM-DDThh:mm:ssZ, with milliseconds where there are some.
---@param ms any
---@return string?
function M.utc(ms)
  if not is_ms(ms) then
    return nil
  end
  local days = math.floor(ms / DAY)
  local rest = ms - days * DAY
  local year, month, day = civil(days)
  local fraction = rest % 1000
  return ("%04d-%02d-%02dT%02d:%02d:%02d%sZ"):format(year, month, day, math.floor(rest / HOUR),
    math.floor(rest / 60000) % 60, math.floor(rest / 1000) % 60,
    fraction > 0 and (".%03d"):format(fraction) or "")
end

return M
