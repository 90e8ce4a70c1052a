--- Option tables: unknown names raise, with the nearest name that exists.

local M = {}

-- Levenshtein distance, in bytes.
local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local above = row[j]
      local change = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(above + 1, row[j - 1] + 1, diagonal + change)
      diagonal = above
    end
  end
  return row[#b]
end

--- The candidate nearest to a name, ties by order.
---@param name string
---@param candidates string[]
---@return string? nearest nil when there are none
function M.nearest(name, candidates)
  local best, best_distance
  for _, candidate in ipairs(candidates) do
    local d = distance(name:lower():sub(1, 64), candidate:lower())
    if not best or d < best_distance then
      best, best_distance = candidate, d
    end
  end
  return best
end

--- Raises unless `options` is a table whose names are all known.
---@param options table? nil counts as an empty table
---@param known string[] the names, in the order the docs give them
---@param what string where they were given, e.g. "fiks.new" or "fiks.new: certificate"
---@param level integer? as for `error`: 2 (default) blames the caller of the calling function
---@return table options
function M.check(options, known, what, level)
  level = (level or 2) + 1
  if options == nil then
    return {}
  end
  if type(options) ~= "table" then
    error(("%s: expected a table of options, got %s"):format(what, type(options)), level)
  end
  local names = {}
  for _, name in ipairs(known) do
    names[name] = true
  end
  for name in pairs(options) do
    if type(name) ~= "string" then
      error(("%s: options go by name, found [%s]; known: %s"):format(
        what, tostring(name), table.concat(known, ", ")), level)
    end
    if not names[name] then
      error(("%s: unknown option '%s', did you mean '%s'? known: %s"):format(
        what, name, M.nearest(name, known), table.concat(known, ", ")), level)
    end
  end
  return options
end

return M
