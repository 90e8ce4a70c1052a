-- luacheck: std max+busted
-- core.json_encode, and round trips: Lua values to JSON text and back (csrc/luajson).
local core = require("fiks.core")

local encode, decode, null = core.json_encode, core.json_decode, core.null
local exact_integers = math.type ~= nil -- Lua 5.4: 64 bits; LuaJIT: doubles
local A_RING = "\195\165"

local function refused(value)
  local text, err = encode(value)
  assert.is_nil(text)
  assert.equal("invalid", err.kind)
  return err
end

describe("json_encode", function()
  it("writes scalars", function()
    assert.equal("true", encode(true))
    assert.equal("false", encode(false))
    assert.equal("null", encode(null))
    assert.equal("null", encode(nil))
    assert.equal('"a/b"', encode("a/b"))
    assert.equal('""', encode(""))
    assert.equal("0", encode(0))
    assert.equal("-1", encode(-1))
  end)

  it("writes whole numbers without point or exponent", function()
    assert.equal("1527140551605", encode(1527140551605))
    assert.equal("9007199254740992", encode(2 ^ 53))
    assert.equal("-9007199254740992", encode(-2 ^ 53))
    assert.equal("100000000000000", encode(1e14))
    assert.equal("0", encode(-0.0))
  end)

  if exact_integers then
    it("writes 64-bit integers exactly", function()
      assert.equal("9223372036854775807", encode(math.maxinteger))
      assert.equal("-9223372036854775808", encode(math.mininteger))
      assert.equal("9007199254740993", encode(math.tointeger("9007199254740993")))
    end)
  end

  it("writes floats in the fewest digits that read back", function()
    assert.equal("0.1", encode(0.1))
    assert.equal("1032.5", encode(1032.5))
    assert.equal("12.34", encode(12.34))
    assert.equal("0.30000000000000004", encode(0.1 + 0.2))
    assert.equal("1e+300", encode(1e300))
    assert.equal(5e-324, tonumber(encode(5e-324)))
  end)

  it("refuses NaN and infinity, naming the path", function()
    for _, number in ipairs({ 0 / 0, 1 / 0, -1 / 0 }) do
      local err = refused({ a = { 1, number } })
      assert.equal("number", err.code)
      assert.equal("$.a[1]", err.path)
    end
  end)

  it("escapes what must be escaped and nothing else", function()
    assert.equal([["\u0000\u0001\b\t\n\u000b\f\r\u001f"]], encode("\0\1\b\t\n\11\f\r\31"))
    assert.equal([["\"\\/]] .. "\127" .. A_RING .. '"', encode('"\\/\127' .. A_RING))
    assert.equal('"A\\u0000B"', encode("A\0B"))
  end)

  it("finds a character that needs care at every position", function()
    for length = 1, 40 do
      for at = 1, length do
        local text = ("x"):rep(at - 1) .. "\n" .. ("x"):rep(length - at)
        assert.equal('"' .. text:gsub("\n", "\\n") .. '"', encode(text))
        local bad = ("x"):rep(at - 1) .. "\255" .. ("x"):rep(length - at)
        assert.equal(at - 1, refused(bad).offset)
      end
    end
  end)

  it("tells arrays from objects", function()
    assert.equal("{}", encode({}))
    assert.equal("[]", encode(core.array({})))
    assert.equal("[1,2,3]", encode({ 1, 2, 3 }))
    assert.equal("[[],{}]", encode({ core.array({}), {} }))
    assert.equal('{"1":2}', encode({ ["1"] = 2 }))
    assert.equal("[null,false]", encode({ null, false }))
  end)

  it("does not ask metamethods", function()
    local called = false
    local function call()
      called = true
      return "x"
    end
    local mt = { __index = call, __pairs = call, __len = call, __tostring = call }
    local t = setmetatable({ a = 1 }, mt)
    assert.equal('{"a":1}', encode(t))
    assert.is_false(called)
  end)

  it("refuses tables that are neither array nor object", function()
    local cases = {
      { { 1, 2, x = 3 }, "mixed" },
      { { x = 3, [1] = 1 }, "mixed" },
      { { [0] = 1 }, "sparse" },
      { { [-1] = 1 }, "sparse" },
      { { [1.5] = 1 }, "sparse" },
      { { [2] = 1 }, "sparse" },
      { { 1, nil, 3 }, "sparse" },
      { { [true] = 1 }, "key" },
      { { [{}] = 1 }, "key" },
      { { 1, [print] = 2 }, "key" },
      { core.array({ x = 1 }), "mixed" },
      { core.array({ [2] = 1 }), "sparse" },
    }
    for i, case in ipairs(cases) do
      local err = refused({ list = { "first", case[1] } })
      assert.equal(case[2], err.code, "case " .. i)
      assert.equal("$.list[1]", err.path)
    end
  end)

  it("names the missing element", function()
    assert.matches("element 2 (counted from 1)", refused({ 1, nil, 3 }).message, 1, true)
    assert.matches("element 1 (counted from 1)", refused({ [3] = 1 }).message, 1, true)
  end)

  it("refuses what is no JSON value, naming the path", function()
    local values = { print, coroutine.create(print), io.stdout }
    for _, value in ipairs(values) do
      local err = refused({ a = { b = value } })
      assert.equal("type", err.code)
      assert.equal("$.a.b", err.path)
      assert.matches(type(value), err.message, 1, true)
    end
  end)

  it("refuses bytes that are not UTF-8, naming path and byte", function()
    local cases = {
      { "Bl\229b", 2 }, -- latin-1
      { "A\237\160\128B", 1 }, -- an encoded surrogate
      { "\192\175", 0 }, -- overlong
      { "\224\128\175", 0 },
      { "\240\128\128\128", 0 },
      { "\244\144\128\128", 0 }, -- beyond U+10FFFF
      { "ab\195", 2 }, -- cut
      { "ab\226\130", 2 },
      { "\128", 0 },
      { "\254", 0 },
    }
    for _, case in ipairs(cases) do
      local err = refused({ meldinger = { { tittel = case[1] } } })
      assert.equal("utf8", err.code)
      assert.equal("$.meldinger[0].tittel", err.path)
      assert.equal(case[2], err.offset)
    end
    assert.equal("$.a", refused({ a = { ["\255"] = 1 } }).path)
  end)

  it("shows no digits of keys that are no names", function()
    local message = refused({ ["01816236955"] = print }).message
    assert.is_nil(message:find("%d%d%d"))
  end)

  it("refuses cycles and deep nesting, and takes 64 levels", function()
    local t = { x = {} }
    t.x.y = { 1, t }
    local err = refused(t)
    assert.equal("cycle", err.code)
    assert.equal("$.x.y[1]", err.path)

    local function nested(depth)
      local value = 1
      for _ = 1, depth do
        value = { value }
      end
      return value
    end
    assert.equal(("["):rep(64) .. "1" .. ("]"):rep(64), encode(nested(64)))
    assert.equal("depth", refused(nested(65)).code)
    assert.equal("depth", refused(nested(100000)).code)
  end)

  it("takes the same table twice when it is no cycle", function()
    local shared = { 1 }
    assert.equal("[[1],[1]]", encode({ shared, shared }))
  end)

  it("works after a failure, and from a coroutine", function()
    refused({ ("x"):rep(100000), print })
    assert.equal("[1]", coroutine.wrap(encode)({ 1 }))
  end)

  it("raises without an argument", function()
    assert.has_error(function() encode() end)
  end)
end)

describe("json_integer", function()
  it("is encoded as the integer", function()
    assert.equal("9007199254740993", encode(core.json_integer("9007199254740993")))
    assert.equal("[-9223372036854775808]", encode({ core.json_integer("-9223372036854775808") }))
    assert.equal("9007199254740993", tostring(core.json_integer("9007199254740993")))
    assert.equal(5, core.json_integer("5"))
    assert.equal(0, core.json_integer("0LL"))
  end)

  it("refuses what is no 64-bit integer", function()
    local cases = { "", "-", "1.0", "1e3", "0x10", " 1", "1 ", "01", "9223372036854775808", "1\0" }
    for _, text in ipairs(cases) do
      local value, err = core.json_integer(text)
      assert.is_nil(value)
      assert.equal("invalid", err.kind)
    end
  end)

  local has_ffi, ffi = pcall(require, "ffi")
  if has_ffi then
    it("is what a 64-bit cdata is sent as", function()
      local wide = ffi.new("int64_t", -5)
      assert.matches("json_integer", refused({ wide }).message, 1, true)
      assert.equal("-5", encode(core.json_integer(tostring(wide))))
      assert.is_nil(core.json_integer(tostring(ffi.new("uint64_t", -1))))
    end)
  end
end)

describe("array", function()
  it("marks and returns the table", function()
    local t = { 1 }
    assert.equal(t, core.array(t))
    assert.equal(core.array_mt, getmetatable(t))
    assert.equal(t, core.array(t))
  end)

  it("raises on other values and foreign metatables", function()
    assert.has_error(function() core.array("x") end)
    assert.has_error(function() core.array(setmetatable({}, {})) end)
  end)
end)

describe("round trips", function()
  local state = 20180102

  local pieces = { "a", "7", " ", "\0", '"', "\\", "\n", "\195\166", "\226\130\172",
    "\240\159\147\172" }

  local function random(n) -- the same on every runtime
    state = (state * 16807) % 2147483647
    return state % n
  end

  local function random_string()
    local parts = {}
    for i = 1, random(12) do
      parts[i] = pieces[random(#pieces) + 1]
    end
    return table.concat(parts)
  end

  local function random_value(depth)
    local kind = random(depth > 5 and 5 or 7)
    if kind == 0 then return null end
    if kind == 1 then return random(2) == 1 end
    if kind == 2 then return random(2000000000) - 1000000000 end
    if kind == 3 then return (random(2000000000) - 1000000000) / 1024 end
    if kind == 4 then return random_string() end
    local t = kind == 5 and core.array({}) or {}
    for i = 1, random(9) do
      t[kind == 5 and i or random_string() .. i] = random_value(depth + 1)
    end
    return t
  end

  it("gives the same value back", function()
    for _ = 1, 400 do
      local value = random_value(0)
      assert.same({ value }, { decode(assert(encode(value))) })
    end
  end)

  it("fails, and never worse, on cut and changed text", function()
    for _ = 1, 40 do
      local text = assert(encode(random_value(0)))
      for _ = 1, 60 do
        local at = random(#text) + 1
        local changed = text:sub(1, at - 1) .. string.char(random(256)) .. text:sub(at + 1)
        local value, err = decode(random(2) == 0 and changed or text:sub(1, at - 1))
        assert.is_true(value ~= nil or err.kind == "protocol")
        if value ~= nil then
          assert.is_string(encode(value))
        end
      end
    end
  end)

  local has_cjson, cjson = pcall(require, "cjson")
  if has_cjson then
    it("agrees with lua-cjson", function()
      for _ = 1, 200 do
        local text = assert(encode({ value = random_value(2) }))
        assert.same(cjson.decode(text), decode(text))
      end
    end)
  end

  local before = os.setlocale(nil, "numeric")
  local comma = os.setlocale("nb_NO.UTF-8", "numeric") or os.setlocale("de_DE.UTF-8", "numeric")
  os.setlocale(before, "numeric")
  if comma then
    it("writes and reads a point where the locale has a comma", function()
      os.setlocale(comma, "numeric")
      local text, value = encode(1032.5), decode("12.5e-1")
      os.setlocale(before, "numeric")
      assert.equal("1032.5", text)
      assert.equal(1.25, value)
    end)
  end
end)

describe("json_encode and the collector", function()
  -- LuaJIT collects before it copies a string, so a finalizer may run inside json_encode.
  it("is not disturbed by a finalizer that encodes as well", function()
    local newproxy = rawget(_G, "newproxy")
    local function garbage()
      if newproxy then
        local proxy = newproxy(true)
        getmetatable(proxy).__gc = function() encode({ "somebody else's message" }) end
      else
        setmetatable({}, { __gc = function() encode({ "somebody else's message" }) end })
      end
    end
    local pause = collectgarbage("setpause", 0)
    for i = 1, 5000 do
      garbage()
      assert.equal(("[%d]"):format(i), encode({ i }))
    end
    collectgarbage("setpause", pause)
  end)
end)

describe("options of the core", function()
  it("are read raw: no Lua runs inside C", function()
    local called = false
    local options = setmetatable({ api_url = "https://api.example" }, {
      __index = function()
        called = true
        return ("x"):rep(100)
      end,
    })
    local client = core.client(options)
    assert.is_false(called)
    client:close()
  end)
end)
