-- luacheck: std max+busted
-- core.json_decode: JSON text to Lua values (csrc/luajson), and what it refuses.
local core = require("fiks.core")

local encode, decode, null = core.json_encode, core.json_decode, core.null
local exact_integers = math.type ~= nil -- Lua 5.4: 64 bits; LuaJIT: doubles
local A_RING = "\195\165"

local function unreadable(text)
  local value, err = decode(text)
  assert.is_nil(value)
  assert.equal("protocol", err.kind)
  assert.matches("byte offset " .. err.offset, err.message, 1, true)
  return err
end

describe("json_decode", function()
  it("reads scalars", function()
    assert.equal(true, decode("true"))
    assert.equal(false, decode(" false "))
    assert.equal(null, decode("null"))
    assert.equal("", decode('""'))
    assert.equal(-1, decode("\n-1\t"))
    assert.equal(0, decode("-0"))
  end)

  it("reads integers exactly", function()
    assert.equal(1527140551605, decode("1527140551605"))
    if exact_integers then
      assert.equal("integer", math.type(decode("5")))
      assert.equal("float", math.type(decode("5.0")))
      assert.equal(math.maxinteger, decode("9223372036854775807"))
      assert.equal(math.mininteger, decode("-9223372036854775808"))
      assert.equal("integer", math.type(decode("-9223372036854775808")))
      assert.equal(9223372036854775808.0, decode("9223372036854775808"))
      assert.equal(1e30, decode("1" .. ("0"):rep(30)))
    else
      assert.equal(2 ^ 53, decode("9007199254740992"))
      assert.equal("9007199254740993", decode("9007199254740993"))
      assert.equal("-9007199254740993", decode("-9007199254740993"))
      assert.equal("123456789012345678901", decode("123456789012345678901"))
    end
  end)

  it("reads fractions and exponents", function()
    local cases = {
      "0.5", "1e3", "1E+3", "1e-3", "-12.34e2", "0.30000000000000004",
      "123456789012345678901234567890.5", "2.2250738585072014e-308", "5e-324", "0e999",
     }
    for _, text in ipairs(cases) do
      assert.equal(tonumber(text), decode(text))
    end
  end)

  it("reads strings", function()
    assert.equal('"\\/\b\f\n\r\t', decode([["\"\\\/\b\f\n\r\t"]]))
    assert.equal("A\0B", decode([["A\u0000B"]]))
    assert.equal(A_RING .. "\226\130\172\240\159\147\172", decode([["\u00e5\u20AC\ud83d\udcec"]]))
    assert.equal("x" .. A_RING, decode('"x' .. A_RING .. '"'))
    assert.equal("\127", decode('"\127"'))
    local long = ("abc\\n"):rep(5000)
    assert.equal(("abc\n"):rep(5000), decode('"' .. long .. '"'))
  end)

  it("marks arrays, and only them", function()
    local value = decode('{"a":[],"b":{},"c":[[1]]}')
    assert.equal(core.array_mt, getmetatable(value.a))
    assert.is_nil(getmetatable(value.b))
    assert.is_nil(getmetatable(value))
    assert.equal(core.array_mt, getmetatable(value.c[1]))
    assert.equal("[]", encode(value.a))
  end)

  it("reads tables of every size around its chunk of 32", function()
    for _, n in ipairs({ 0, 1, 31, 32, 33, 63, 64, 65, 96, 1000 }) do
      local list, members = {}, {}
      for i = 1, n do
        list[i] = tostring(i)
        members[i] = ('"k%d":%d'):format(i, i)
      end
      local array = decode("[" .. table.concat(list, ",") .. "]")
      local object = decode("{" .. table.concat(members, ",") .. "}")
      assert.equal(n, #array)
      local count = 0
      for key, value in pairs(object) do
        assert.equal("k" .. value, key)
        count = count + 1
      end
      assert.equal(n, count)
      for i = 1, n do
        assert.equal(i, array[i])
      end
    end
  end)

  it("skips a byte order mark", function()
    assert.equal(1, decode("\239\187\1911"))
    assert.equal(3, unreadable("\239\187\191").offset)
  end)

  it("refuses names that come twice, also far apart or escaped", function()
    assert.equal(7, unreadable('{"a":1,"a":2}').offset)
    unreadable('{"a":1,"\\u0061":2}')
    unreadable('{"\\u0061":1,"a":2}')
    local members = {}
    for i = 1, 70 do
      members[i] = ('"k%d":0'):format(i)
    end
    assert.is_table(decode("{" .. table.concat(members, ",") .. "}"))
    for _, i in ipairs({ 1, 32, 33, 64, 70 }) do
      unreadable("{" .. table.concat(members, ",") .. (',"k%d":0}'):format(i))
    end
    assert.is_table(decode('{"a":{"a":1},"b":{"a":1}}'))
  end)

  it("remembers names without mixing them up", function()
    local function object(first, count, more)
      local members = {}
      for i = 1, count do
        members[i] = ('"k%d":%d'):format((first * i) % 211, first * i)
      end
      return "{" .. table.concat(members, ",") .. (more or "") .. "}"
    end
    local text = "[" .. object(1, 200) .. "," .. object(7, 200) .. "," .. object(30, 20)
    local list = decode(text .. "]")
    for place, first in ipairs({ 1, 7, 30 }) do
      for i = 1, place == 3 and 20 or 200 do
        assert.equal(first * i, list[place]["k" .. (first * i) % 211])
      end
    end
    for _, i in ipairs({ 1, 2, 19, 20 }) do
      for _, name in ipairs({ "k%d", "\\u006b%d" }) do
        local again = (',"' .. name .. '":0'):format((30 * i) % 211)
        local before = text .. "," .. object(30, 20):sub(1, -2)
        assert.equal(#before + 1, unreadable(before .. again .. "}]").offset)
      end
    end
  end)

  it("takes 64 levels and no more", function()
    assert.is_table(decode(("["):rep(64) .. ("]"):rep(64)))
    assert.is_table(decode(('{"a":'):rep(64) .. "1" .. ("}"):rep(64)))
    unreadable(("["):rep(65) .. ("]"):rep(65))
    unreadable(("["):rep(100000))
    unreadable(('{"a":'):rep(100000))
  end)

  it("holds full tables on every level", function()
    local row = ("1,"):rep(40)
    assert.is_table(decode(("[" .. row):rep(64) .. "1" .. ("]"):rep(64)))
    local members = {}
    for i = 1, 31 do
      members[i] = ('"k%d":0,'):format(i)
    end
    local wide = table.concat(members)
    assert.is_table(decode(("{" .. wide .. '"next":'):rep(64) .. "1" .. ("}"):rep(64)))
  end)

  it("refuses what is not JSON", function()
    local cases = {
      "", " ", "nul", "nulll", "True", "tru", "falsy", "NaN", "Infinity", "-Infinity", "+1", ".5",
      "1.", "-", "--1", "01", "-01", "00", "1e", "1e+", "1.e1", "0x10", "1_000", "1,5", "1 2",
      "1e999", "-1e999", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1,,2]", "[]]", "{",
      "}", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "{a:1}", "{'a':1}", '{"a" 1}',
      '{"a":1 "b":2}', '{,}', '{1:2}', '{"a":1}}', '"', '"abc', "'a'", '"\\', '"\\x41"', '"\\u"',
      '"\\u12"', '"\\u12g4"', '"\\U0041"', '"a\nb"', '"a\0b"', '"\\ud800"', '"\\ud800x"',
      '"\\ud800\\n"', '"\\udc00"', '"\\ud800\\ud800"', '"\\ud800\\u0041"', '"\255"',
      '"\237\160\128"', '"\192\128"', '"\195"', '{"\255":1}', "/* */1", "// x\n1", "1\0", "\0",
      "[1]x", "\v1", "\194\1601", "\239\187", "undefined", "<html>",
    }
    for _, text in ipairs(cases) do
      assert.is_nil(decode(text), "took " .. text)
      unreadable(text)
    end
  end)

  it("raises when not given a string", function()
    assert.has_error(function() decode(1) end)
    assert.has_error(function() decode() end)
  end)
end)
