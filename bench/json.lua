-- One codec in one direction: a candidate of the rows json_*. Runs on Lua 5.4 and on LuaJIT.
-- Usage: json.lua fiks|cjson encode|decode <messages> <file> <times>
--        json.lua fiks write <messages> <file>
-- "write" puts the messages into the file as JSON, checks that both codecs read them from it and
-- that ours refuses what is not UTF-8, and measures nothing.
-- Prints: <bytes of text> <CPU us of the fastest time> <of all, with the collections in between>
-- The fastest, as what else runs on the machine only adds; the rounds of the row give the spread.

local core = require "fiks.core"
local json_messages = require "bench.json_messages"

local codec, direction, path = arg[1], arg[2], arg[4]
local count, times = tonumber(arg[3]), tonumber(arg[5])

local function raising(convert)
  return function(value) return assert(convert(value)) end
end

local CODECS = {
  fiks = function() return raising(core.json_encode), raising(core.json_decode) end,
  cjson = function()
    local cjson = require "cjson"
    return cjson.encode, cjson.decode
  end,
}

local encode, decode = CODECS[codec]()

-- Deeply equal; tables of tables, text and numbers.
local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local list = direction ~= "decode" and json_messages.list(count)
if direction == "write" then
  local text = encode(list)
  local _, decode_of_cjson = CODECS.cjson()
  assert(same(list, decode(text)) and same(list, decode_of_cjson(text)))
  assert(not core.json_encode("bl\229b") and not core.json_decode('"bl\229b"'))
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
  return
end

local file = assert(io.open(path, "rb"))
local text = file:read("*a")
file:close()

local work, input, expected
if direction == "encode" then
  -- Both are asked for a text that they gave before. On LuaJIT, which holds equal strings once,
  -- that spares both the fresh pages of another 3 MB, which would cost more than either codec.
  work, input, expected = encode, list, encode(list)
else
  work, input = decode, text
end

local function right(result)
  if expected then return result == expected end
  return #result == count and result[count].typeMetadata.tittel ~= nil
end

local fastest, total = math.huge, os.clock()
for _ = 1, times do
  collectgarbage()
  collectgarbage()
  local cpu = os.clock()
  local result = work(input)
  fastest = math.min(fastest, os.clock() - cpu)
  if not right(result) then error("a wrong result") end
end
total = (os.clock() - total) / times
print(("%d %.0f %.0f"):format(#text, fastest * 1e6, total * 1e6))
