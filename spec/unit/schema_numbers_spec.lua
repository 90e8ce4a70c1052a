-- luacheck: std max+busted
-- fiks.schema: numbers, and what a report shows of values.
local Report = require("fiks.schema.report")
local core = require("fiks.core")
local meldinger = require("spec.support.meldinger")
local schema = require("fiks.schema")
local shapes = require("fiks.shapes.meldingsboks")

local INT32 = { kind = "integer", min = -2147483648, max = 2147483647 }
local INT64 = { kind = "integer" }
local MS = { kind = "ms" }

local function check(shape, value)
  local report = Report.new()
  local sent = schema.check(report, shape, value, 1)
  return report.problems[1] and report.problems[1].rule, report, sent
end

describe("integers", function()
  it("are taken when they are whole", function()
    for _, value in ipairs({ 0, -1, 2147483647, -2147483648, 5.0 }) do
      assert.is_nil((check(INT32, value)))
    end
    for _, value in ipairs({ 1527140551605, 1527140551605.0, 253402300799999, -1, 2 ^ 53 }) do
      assert.is_nil((check(INT64, value)))
      assert.is_nil((check(MS, value)))
    end
  end)

  it("are refused when they are not, or out of range", function()
    for _, value in ipairs({ 2147483648, -2147483649 }) do
      assert.equal("range", (check(INT32, value)))
    end
    for _, value in ipairs({ 1.5, 0 / 0, 1 / 0, "5", "x", "", {}, true, print }) do
      assert.equal("type", (check(INT32, value)))
      assert.equal("type", (check(MS, value)))
    end
    assert.equal("type", (check(INT64, 2 ^ 54))) -- a float that stands for several integers
  end)

  it("beyond 2^53 may be given as digits, and are sent as integers", function()
    local problem, _, sent = check(INT64, "9007199254740993")
    assert.is_nil(problem)
    assert.equal("9007199254740993", core.json_encode(sent))
    sent = select(3, check(INT64, "-9007199254740993"))
    assert.equal("-9007199254740993", core.json_encode(sent))
    assert.equal("range", (check(INT32, "9007199254740993")))
    for _, text in ipairs({ "5", "1527140551605", "9223372036854775808", "09007199254740993",
      "9007199254740993.0" }) do
      assert.equal("type", (check(INT64, text)))
    end
    assert.is_nil((check(INT64, core.json_integer("9007199254740993"))))
  end)

  local has_ffi, ffi = pcall(require, "ffi")
  if has_ffi then
    it("are taken from 64-bit cdata", function()
      local _, _, sent = check(INT64, ffi.new("int64_t", 5))
      assert.equal("5", core.json_encode(sent))
      assert.is_nil((check(MS, ffi.new("uint64_t", 1527140551605))))
      assert.equal("type", (check(INT64, ffi.new("uint64_t", -1))))
      assert.equal("type", (check(INT64, ffi.new("int[1]"))))
    end)
  end

  it("that look like seconds give a warning", function()
    local function warned(value)
      local _, report = check(MS, value)
      return #report.warnings == 1
    end
    assert.is_true(warned(1527140551))
    assert.is_true(warned(100000001))
    assert.is_false(warned(1527140551605))
    assert.is_false(warned(0))
    assert.is_false(warned(100000000))
    assert.is_false(warned(100000000000))
    assert.is_false(warned(-86400000))
  end)

  it("say what the unit is", function()
    local _, report = check(MS, "2018-05-24T05:42:31Z")
    assert.matches("milliseconds since 1970", report.problems[1].message, 1, true)
    _, report = check(MS, os.date("*t"))
    assert.matches("milliseconds since 1970", report.problems[1].message, 1, true)
  end)
end)

describe("amounts", function()
  it("are numbers in v2", function()
    for _, value in ipairs({ 0, -5, 1032.5, 0.1 + 0.2 }) do
      assert.is_nil((check({ kind = "number" }, value)))
    end
    for _, value in ipairs({ "1 032,50", "5", true, {} }) do
      assert.equal("type", (check({ kind = "number" }, value)))
    end
    for _, value in ipairs({ 0 / 0, 1 / 0, -1 / 0 }) do
      assert.equal("number", (check({ kind = "number" }, value)))
    end
  end)

  it("are text in 2018", function()
    local message = meldinger.m2018("faktura")
    message.typeMetadata.belop = 1032.5
    local rule, report = check(shapes["2018-v1"], message)
    assert.equal("type", rule)
    assert.matches("1 032,50", report.problems[1].message, 1, true)
  end)
end)

describe("a report", function()
  it("shows nothing of personal numbers", function()
    local message = meldinger.m2018("sakmappe")
    local numbers = { 1816236955, 18162369550, "018162369", "018162 36955", "0181623695", {} }
    for _, number in ipairs(numbers) do
      message.eksponertFor = number
      local rule, report = check(shapes["2018-v1"], message)
      if rule then
        local text = tostring(report:error(1)) .. (report.problems[1].value or "")
        assert.is_nil(text:find("18162", 1, true))
      end
    end
    message.eksponertFor = meldinger.PERSON
    message.enhet.visningsnavn = "Sak: 01816236955 & 018162 36955"
    message.typeMetadata.saksstatus = "01816236955"
    message.typeMetadata.tittel = 1816236955
    local _, report = check(shapes["2018-v1"], message)
    assert.equal(3, report.count)
    for _, problem in ipairs(report.problems) do
      assert.is_nil((problem.value .. problem.message):find("18162", 1, true))
    end
  end)

  it("shows no personal number as a field's name", function()
    local message = meldinger.m2018("sakmappe")
    message["01816236955"] = print
    local _, report = check(shapes["2018-v1"], message)
    assert.is_nil(tostring(report:error(1)):find("18162", 1, true))
    assert.is_nil(report.warnings[1].path:find("18162", 1, true))
  end)

  it("shows values short and on one line", function()
    local shown = Report.show(("å"):rep(100) .. "\n")
    assert.is_true(#shown < 70)
    assert.is_true(core.utf8_check(shown))
    assert.equal('"a?b"', Report.show("a\nb"))
    assert.equal("null", Report.show(core.null))
    assert.equal("table", Report.show({}))
    assert.equal("(3 bytes)", Report.show("a\255b"))
    assert.equal('"' .. meldinger.id(1) .. '"', Report.show(meldinger.id(1)))
  end)

  it("counts beyond what it keeps", function()
    local report = Report.new()
    for i = 1, 3000 do
      report:begin(i)
      report:problem("x", "is wrong")
      report:warning("y", "is odd")
    end
    assert.equal(3000, report.count)
    assert.equal(1000, #report.problems)
    assert.equal(1000, #report.warnings)
    local err = report:error(5000)
    assert.equal(3000, err.problem_count)
    assert.matches("3000 problems in 3000 of 5000 messages, nothing was sent", err.message, 1, true)
    assert.matches("and 2997 more", err.message, 1, true)
  end)
end)
