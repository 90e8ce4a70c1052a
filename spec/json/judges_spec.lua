-- luacheck: std max+busted
-- What others say: Python's json about every document of cases.lua, lua-cjson and jansson about
-- those that we take, Python about what we write and about the digits of doubles.
local cases = require "spec.json.cases"
local cjson = require "cjson"
local core = require "fiks.core"
local material = require "spec.support.material"
local values = require "spec.json.values"

local made

-- The lines that a program prints, given lines. LD_PRELOAD: the judges are not under a sanitizer.
local function judged(command, lines)
  local input = made:write("lines", table.concat(lines, "\n") .. "\n")
  local pipe = assert(io.popen(("LD_PRELOAD= %s <'%s'"):format(command, input)))
  local output = {}
  for line in pipe:lines() do output[#output + 1] = line end
  pipe:close()
  assert.equal(#lines, #output, command)
  return output
end

local function by_python(texts)
  for i, text in ipairs(texts) do texts[i] = cases.hex(text) end
  return judged("/usr/bin/python3 spec/json/judge.py documents " .. cases.runtime, texts)
end

local function texts_of(list)
  local texts = {}
  for i, case in ipairs(list) do texts[i] = case.text end
  return texts
end

local function taken()
  local list = {}
  for _, case in ipairs(cases.all()) do
    if case.takes then list[#list + 1] = case end
  end
  return list
end

describe("our JSON and", function()
  setup(function() made = material.new() end)
  teardown(function() made:remove() end)

  it("Python's agree on every document", function()
    local list = cases.all()
    assert.is_true(#list > 500)
    for i, verdict in ipairs(by_python(texts_of(list))) do
      local value = core.json_decode(list[i].text)
      local ours = value == nil and "refused" or cases.canonical(core, value)
      assert.equal(verdict, ours, list[i].name)
    end
  end)

  it("Python's agree on what the encoder writes", function()
    local list, texts = {}, {}
    for _, case in ipairs(values()) do
      if case.text then
        list[#list + 1] = case
        texts[#texts + 1] = assert(core.json_encode(case.value))
      end
    end
    for i, verdict in ipairs(by_python(texts)) do
      local value = core.json_decode(list[i].text)
      assert.equal(cases.canonical(core, value), verdict, list[i].name)
    end
  end)

  -- lua-cjson has floats only, an empty table for both {} and [], and knows no byte order mark.
  it("lua-cjson's agree on every document that we take", function()
    local reader = cjson.new()
    reader.decode_invalid_numbers(false)
    local function alike(canonical)
      return (canonical:gsub("%[%]", "{}"):gsub("n%-0%f[^%w.]", "n0"))
    end
    local function with_floats(value)
      if type(value) == "number" then return value + 0.0 end
      if type(value) ~= "table" then return value end
      local copy = setmetatable({}, getmetatable(value))
      for key, item in pairs(value) do copy[key] = with_floats(item) end
      return copy
    end
    local function as_arrays(theirs, ours)
      if type(ours) == "table" and type(theirs) == "table" then
        if getmetatable(ours) == core.array_mt then core.array(theirs) end
        for key, item in pairs(ours) do as_arrays(theirs[key], item) end
      end
    end
    for _, case in ipairs(taken()) do
      local ours = core.json_decode(case.text)
      local ok, theirs = pcall(reader.decode, (case.text:gsub("^\239\187\191", "")))
      assert.is_true(ok, case.name .. ": " .. tostring(theirs))
      if case.name:find("numbers: integer ", 1, true) then
        assert.equal(tonumber(ours) + 0.0, theirs, case.name)
      else
        as_arrays(theirs, ours)
        assert.equal(alike(cases.canonical(core, with_floats(ours))),
          alike(cases.canonical(core, theirs)), case.name)
      end
    end
  end)

  -- What jansson refuses of that is named here, and still refused.
  it("jansson's agree on every document that we take", function()
    local function beyond_jansson(case)
      return case.text:find("^\239\187\191") or case.name:find("integer beyond 64 bits", 1, true)
        or case.name == "structure: object, name with NUL"
        or case.name == "structure: a name that begins as another"
    end
    local list, lines = taken(), {}
    for i, case in ipairs(list) do lines[i] = cases.hex(case.text) end
    local program = os.getenv("FIKS_BUILD") .. "/spec/json/jansson"
    local answers = judged(program, lines)
    local agreed, texts = {}, {}
    for i, answer in ipairs(answers) do
      assert.equal(beyond_jansson(list[i]) ~= nil and beyond_jansson(list[i]) ~= false,
        answer == "refused", list[i].name)
      if answer ~= "refused" then
        agreed[#agreed + 1] = list[i]
        texts[#texts + 1] = (answer:gsub("..", function(pair)
          return string.char(tonumber(pair, 16))
        end))
      end
    end
    for i, theirs in ipairs(by_python(texts)) do
      local ours = cases.canonical(core, (core.json_decode(agreed[i].text)))
      assert.equal(ours, theirs, agreed[i].name)
    end
  end)

  it("Python's take the same digits for a double", function()
    local function digits(text)
      return #text:gsub("e.*", ""):gsub("[-.]", ""):gsub("^0+", ""):gsub("0+$", "")
    end
    -- 45 powers of two have a shorter neighbour that printf does not round to.
    local function is_power_of_two(number)
      while number >= 2 do number = number / 2 end
      while number < 1 do number = number * 2 end
      return number == 1
    end
    local pipe = io.popen("LD_PRELOAD= /usr/bin/python3 spec/json/judge.py doubles 20000")
    local lines = 0
    for line in pipe:lines() do
      local exact, shortest = line:match("^(%S+) (%S+)$")
      local number = tonumber(exact) + 0.0
      local text = core.json_encode(number)
      local longer = digits(text) - digits(shortest)
      if tonumber(text) ~= number or core.json_decode(exact) + 0.0 ~= number
        or longer > 1 or longer == 1 and not is_power_of_two(math.abs(number)) then
        error(("%s was written as %s"):format(line, text))
      end
      lines = lines + 1
    end
    pipe:close()
    assert.is_true(lines > 18000)
  end)
end)
