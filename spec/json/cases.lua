-- luacheck: std max
--- Documents for the JSON decoder, each with a name and a verdict, in the manner of JSONTestSuite:
---
---   accepted, refused           what RFC 8259 demands
---   ours_accepted, ours_refused what it leaves to the implementation (docs/json.md)
---
--- `again` is what the decoder's value is encoded as: a text, or one per runtime where numbers
--- differ. Used by the specs of this folder, and as seeds of the fuzzers.

local M = {}

local GROUPS = { "structure", "numbers", "strings", "utf8", "limits" }

--- What the decoder does on this runtime: Lua 5.4 has 64-bit integers, LuaJIT doubles.
M.runtime = math.type and "lua5.4" or "luajit"

--- All cases, in order: { verdict=, takes=, group=, name=, text=, again=, offset= }.
function M.all()
  local list, names = {}, {}
  for _, group in ipairs(GROUPS) do
    local is = {}
    local function add(verdict, takes, name, text, expected)
      name = group .. ": " .. name
      if names[name] then error("two cases are named " .. name) end
      names[name] = true
      local again = type(expected) == "table" and expected[M.runtime] or expected
      list[#list + 1] = {
        verdict = verdict, takes = takes, group = group, name = name, text = text,
        again = takes and again or nil, offset = not takes and expected or nil,
      }
      if takes and type(again) ~= "string" then error(name .. " has no text to come back") end
    end
    function is.accepted(...) add("accepted", true, ...) end
    function is.ours_accepted(...) add("ours_accepted", true, ...) end
    function is.refused(...) add("refused", false, ...) end
    function is.ours_refused(...) add("ours_refused", false, ...) end
    require("spec.json." .. group)(is)
  end
  return list
end

--- The value as a text that programs in other languages make, too: strings in hexadecimal, members
--- sorted, numbers as C's %.17g, integers beyond 2^53 digit by digit.
function M.canonical(core, value)
  local kind = type(value)
  if value == core.null then return "null" end
  if kind == "boolean" then return tostring(value) end
  if kind == "string" then return "s" .. M.hex(value) end
  if kind == "number" then
    local exact = math.type and math.type(value) == "integer"
      and (value > 2 ^ 53 or value < -2 ^ 53)
    return "n" .. (exact and ("%d"):format(value) or ("%.17g"):format(value))
  end
  local parts = {}
  if getmetatable(value) == core.array_mt then
    for i, item in ipairs(value) do parts[i] = M.canonical(core, item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for name, item in pairs(value) do
    parts[#parts + 1] = M.hex(name) .. ":" .. M.canonical(core, item)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

function M.hex(text)
  return (text:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

return M
