--- Lua values for the JSON encoder: name, value, and the text it becomes or the code of the error.
--- In a table whose text would depend on the order of `pairs` there is one member only.

local core = require "fiks.core"
local utf8_cases = require "spec.json.utf8"

local array, null = core.array, core.null

-- A value in `levels` tables.
local function nested(levels, value, wrap)
  for _ = 1, levels do value = wrap(value) end
  return value
end

local function as_list(value) return { value } end
local function as_member(value) return { a = value } end

-- Tables in a ring: t1.next = t2 ... t<length>.next = t1.
local function ring(length)
  local first = {}
  local last = first
  for _ = 2, length do
    last.next = {}
    last = last.next
  end
  last.next = first
  return first
end

local function scalars(gives)
  gives("nil", nil, "null")
  gives("null", null, "null")
  gives("true", true, "true")
  gives("false", false, "false")
  gives("zero", 0, "0")
  gives("minus zero", -0.0, "0")
  gives("one half", 0.5, "0.5")
  gives("a whole float", 3.0, "3")
  gives("a large whole float", 1e15, "1000000000000000")
  gives("2^53 as a float", 2 ^ 53, "9007199254740992")
  gives("-2^53 as a float", -2 ^ 53, "-9007199254740992")
  gives("2^54 as a float", 2 ^ 54, "18014398509481984.0")
  gives("2^53 and 2 as a float", 2 ^ 53 + 2, "9007199254740994.0")
  gives("2^63 as a float", 2 ^ 63, "9.223372036854776e+18")
  gives("an amount", 1032.5, "1032.5")
  gives("an amount with øre", 99.95, "99.95")
  gives("a negative amount", -0.05, "-0.05")
  gives("four decimals", 12345678.1234, "12345678.1234")
  gives("five decimals", 0.12345, "0.12345")
  gives("fifteen digits", 99999999999.9999, "99999999999.9999")
  gives("a coordinate", 59.912731, "59.912731")
  gives("a tenth and two tenths", 0.1 + 0.2, "0.30000000000000004")
  gives("a third", 1 / 3, "0.3333333333333333")
  gives("pi", math.pi, "3.141592653589793")
  gives("the largest double", 1.7976931348623157e308, "1.7976931348623157e+308")
  gives("the smallest double", 5e-324, "5e-324")
  gives("an exponent", 1e300, "1e+300")
  gives("json_integer", core.json_integer("9007199254740993"), "9007199254740993")
  gives("json_integer, least", core.json_integer("-9223372036854775808"), "-9223372036854775808")
  gives("a number as text", "17", '"17"')
  gives("NaN", 0 / 0, { code = "number", path = "$" })
  gives("infinity", math.huge, { code = "number", path = "$" })
  gives("minus infinity", -math.huge, { code = "number", path = "$" })
  gives("NaN far inside", { a = { { b = 0 / 0 } } }, { code = "number", path = "$.a[0].b" })
end

local function tables(gives)
  gives("an empty table", {}, "{}")
  gives("an empty array", array {}, "[]")
  gives("empty ones inside", { {}, array {} }, "[{},[]]")
  gives("an array", { 1, "a", true, null, { x = 1 } }, '[1,"a",true,null,{"x":1}]')
  gives("a marked array", array { 1, 2 }, "[1,2]")
  gives("an array made backwards", (function()
    local list = {}
    for i = 40, 1, -1 do list[i] = i % 10 end
    return list
  end)(), "[" .. ("1,2,3,4,5,6,7,8,9,0,"):rep(4):sub(1, -2) .. "]")
  gives("float keys that are whole", { [1.0] = "a", [2.0] = "b" }, '["a","b"]')
  gives("null at an array's end", { 1, null }, "[1,null]")
  gives("an object", { a = { b = "c" } }, '{"a":{"b":"c"}}')
  gives("an empty name", { [""] = 1 }, '{"":1}')
  gives("a name of digits", { ["1"] = 1 }, '{"1":1}')
  gives("a name to escape", { ['a"\n\0'] = 1 }, '{"a\\"\\n\\u0000":1}')
  gives("the same table twice", (function()
    local shared = { 1 }
    return { shared, shared }
  end)(), "[[1],[1]]")
  gives("a hole", { 1, nil, 3 }, { code = "sparse", path = "$" })
  gives("a hole at the start", { nil, 2 }, { code = "sparse", path = "$" })
  gives("two elements far apart", { [1] = 1, [1000000] = 2 }, { code = "sparse", path = "$" })
  gives("element zero", { [0] = 0, 1 }, { code = "sparse", path = "$" })
  gives("a negative element", { [-1] = 0 }, { code = "sparse", path = "$" })
  gives("half an element", { 1, [1.5] = 0 }, { code = "sparse", path = "$" })
  gives("an infinite element", { [math.huge] = 0 }, { code = "sparse", path = "$" })
  gives("element 2^53", { [2 ^ 53] = 0 }, { code = "sparse", path = "$" })
  gives("a marked array with a hole", array { 1, nil, 3 }, { code = "sparse", path = "$" })
  gives("list and names", { 1, a = 2 }, { code = "mixed", path = "$" })
  gives("a marked array with names", array { a = 1 }, { code = "mixed", path = "$" })
  gives("true as a key", { [true] = 1 }, { code = "key", path = "$" })
  gives("a table as a key", { [{}] = 1 }, { code = "key", path = "$" })
  gives("null as a key", { [null] = 1 }, { code = "key", path = "$" })
  gives("a function as a key, inside", { a = { [print] = 1 } }, { code = "key", path = "$.a" })
  gives("a function", print, { code = "type", path = "$" })
  gives("a function in a list", { 1, print }, { code = "type", path = "$[1]" })
  gives("a coroutine", { a = coroutine.create(print) }, { code = "type", path = "$.a" })
  gives("a file", { a = io.stdout }, { code = "type", path = "$.a" })
  gives("fields of a metatable", setmetatable({ a = 1 }, { __index = { b = 2 } }), '{"a":1}')
end

local function depth(gives)
  for _, levels in ipairs { 1, 63, 64 } do
    gives(levels .. " lists", nested(levels, 1, as_list),
      ("["):rep(levels) .. "1" .. ("]"):rep(levels))
    gives(levels .. " objects", nested(levels, 1, as_member),
      ('{"a":'):rep(levels) .. "1" .. ("}"):rep(levels))
  end
  gives("65 lists", nested(65, 1, as_list), { code = "depth" })
  gives("65 objects", nested(65, 1, as_member), { code = "depth" })
  gives("10,000 lists", nested(10000, 1, as_list), { code = "depth" })
  for _, length in ipairs { 1, 2, 3, 63, 64 } do
    gives(("a ring of %d tables"):format(length), ring(length), { code = "cycle" })
  end
  gives("a ring of 65 tables", ring(65), { code = "depth" })
end

local function texts(gives)
  local short = { [8] = "\\b", [9] = "\\t", [10] = "\\n", [12] = "\\f", [13] = "\\r" }
  for byte = 0, 127 do
    local char = string.char(byte)
    local text = short[byte] or byte < 32 and ("\\u%04x"):format(byte)
      or (char == '"' or char == "\\") and "\\" .. char or char
    gives(("byte 0x%02X"):format(byte), char, '"' .. text .. '"')
    gives(("byte 0x%02X among plain ones"):format(byte), "abcdef" .. char .. " ~!#[]^_",
      '"abcdef' .. text .. ' ~!#[]^_"')
  end
  for name, bytes in pairs(utf8_cases.good) do
    gives(name, bytes, '"' .. bytes .. '"')
  end
  for _, case in ipairs(utf8_cases.bad) do
    local name, bytes, before = case[1], case[2], case[3]
    gives(name, bytes, { code = "utf8", path = "$", offset = before })
    gives(name .. ", far inside", { a = ("x"):rep(21) .. bytes .. ("y"):rep(9) },
      { code = "utf8", path = "$.a", offset = 21 + before })
    gives(name .. ", in a name", { { [bytes] = 1 } },
      { code = "utf8", path = "$[0]", offset = before })
  end
end

--- All of them: { name=, value=, text= | code=, path=, offset= }.
return function()
  local list, names = {}, {}
  local function gives(name, value, expected)
    if names[name] then error("two values are named " .. name) end
    names[name] = true
    local case = type(expected) == "table" and expected or { text = expected }
    case.name, case.value = name, value
    list[#list + 1] = case
  end
  scalars(gives)
  tables(gives)
  depth(gives)
  texts(gives)
  return list
end
