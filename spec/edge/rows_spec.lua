-- The table of edge cases of authentication has 83 rows: each has a test of its own here, and a
-- line in docs/errors.md that says what a user sees of it.

local proof = require "spec.support.proof"
local rows = require "fiks.config.rows"

local FILES = { "credentials", "configuration", "clock", "network", "answers", "life_cycle",
  "headers", "resources" }
local ROWS = 83

local pipe = assert(io.popen("LD_PRELOAD= cat csrc/*.c $(find lua -name '*.lua')"))
local sources = pipe:read("*a")
pipe:close()

local option = {}
for _, row in ipairs(rows.rows) do
  option[row[1]] = true
end

-- A code is a word of the sources, an option's name, or made of a status.
local function is_code(code)
  return option[code] or code:find("^http_%d%d%d$") ~= nil
    or sources:find(("\"%s\""):format(code), 1, true) ~= nil
end

describe("the edge cases of authentication", function()
  it("have a test each", function()
    local tests = {}
    for _, name in ipairs(FILES) do
      local text = proof.read(("spec/edge/%s_spec.lua"):format(name))
      for row in text:gmatch("\n  it%(\"row (%d+): ") do
        assert.is_nil(tests[tonumber(row)], "two tests of row " .. row)
        tests[tonumber(row)] = name
      end
    end
    for row = 1, ROWS do
      assert.is_string(tests[row], "no test of row " .. row)
    end
    assert.equal(ROWS, #tests)
  end)

  it("have a line in docs/errors.md each, in order", function()
    local text = proof.read("docs/errors.md")
    local section = text:match("\n## Authentication, row by row\n(.*)")
    assert.is_string(section)
    section = section:match("^(.-)\n## ") or section
    local expected = 1
    for row, situation, seen in section:gmatch("\n| (%d+) | ([^|]+) | ([^|]+) |") do
      assert.equal(expected, tonumber(row))
      assert.is_true(#situation > 6 and #seen > 3, "row " .. row)
      expected = expected + 1
    end
    assert.equal(ROWS + 1, expected)
  end)

  it("name only kinds and codes that there are", function()
    local text = proof.read("docs/errors.md")
    local section = text:match("\n## Authentication, row by row\n(.*)")
    local header = proof.read("csrc/error.c")
    local kinds = 0
    for kind in section:gmatch("`(%l[%l_]+)`/") do
      assert.truthy(header:find(("\"%s\""):format(kind), 1, true), kind)
      kinds = kinds + 1
    end
    local codes = 0
    for code in section:gmatch("`%l[%l_]+`/`([^`]+)`") do
      assert.is_true(is_code(code), code)
      codes = codes + 1
    end
    for code in section:gmatch("`%l[%l_]+`/`[^`]+` or `([^`]+)`") do
      assert.is_true(is_code(code), code)
      codes = codes + 1
    end
    assert.is_true(kinds > 40 and codes > 40, kinds .. " " .. codes)
    assert.is_false(is_code("no_such_code"))
  end)
end)

describe("the edge cases of SvarInn", function()
  it("have a test each, of rows 1 to 30 and 76 to 80", function()
    local found, text = {}, proof.read("spec/edge/svarinn_rows_spec.lua")
    for head in text:gmatch("\n  it%(\"rows? ([%d, and]+):") do
      for row in head:gmatch("%d+") do
        assert.is_nil(found[tonumber(row)], "two tests of row " .. row)
        found[tonumber(row)] = true
      end
    end
    for row = 1, 80 do
      assert.equal(row <= 30 or row >= 76, found[row] == true, "row " .. row)
    end
  end)
end)
