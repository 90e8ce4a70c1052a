-- fiks.error: the one error class.

local Error = require "fiks.error"

local function an_error()
  return Error.new {
    kind = "denied", status = 403, code = "INNSYN.IKKE", error_id = "0f1e", trace_id = "t-1",
    mp_code = "MP-121", message = "ikke tilgang til \195\165 indeksere",
  }
end

local TEXT = "denied 403 (INNSYN.IKKE, errorId 0f1e, MP-121, trace t-1): "
  .. "ikke tilgang til \195\165 indeksere"

describe("an error", function()
  it("puts kind, status and ids before the message", function()
    assert.equal(TEXT, tostring(an_error()))
    assert.equal("timeout: late", tostring(Error.new { kind = "timeout", message = "late" }))
  end)

  it("works in concatenation, format and print", function()
    local err = an_error()
    assert.equal("feil: " .. TEXT, "feil: " .. err)
    assert.equal(TEXT .. "!", err .. "!")
    assert.equal(TEXT .. TEXT, err .. an_error())
    assert.equal(TEXT, ("%s"):format(err))
    local lines = {}
    local env = setmetatable({ print = function(v) lines[1] = tostring(v) end }, { __index = _G })
    env.print(err)
    assert.equal(TEXT, lines[1])
  end)

  it("keeps its fields, and retryable is always a boolean", function()
    local err = Error.new { kind = "io", message = "full", id = "x", retryable = true }
    assert.equal("x", err.id)
    assert.is_true(err.retryable)
    assert.is_false(an_error().retryable)
  end)

  it("copies: the table it was made of stays as it was", function()
    local fields = { kind = "io", message = "m" }
    local err = Error.new(fields)
    err.id = 1
    assert.is_nil(fields.id)
    assert.is_nil(getmetatable(fields))
  end)

  it("is told from other tables", function()
    assert.is_true(Error.is(an_error()))
    assert.is_false(Error.is { kind = "io", message = "m" })
    assert.is_false(Error.is("io"))
    assert.is_false(Error.is(nil))
  end)

  it("raises for a kind outside the closed list, at the caller's line", function()
    local ok, why = pcall(function()
      Error.new { kind = "oops", message = "m" }
    end)
    assert.is_false(ok)
    assert.matches("error_spec.lua:%d+: .*'oops'", why)
    assert.has_error(function() Error.new("text") end)
  end)

  it("has a printable form even when it is broken", function()
    local err = an_error()
    err.kind, err.message, err.status, err.code = nil, nil, nil, nil
    assert.matches("^internal .*: no message$", tostring(err))
  end)
end)

describe("Error.wrap", function()
  it("leaves errors of the class alone", function()
    local err = an_error()
    assert.equal(err, Error.wrap(err))
  end)

  it("makes errors of plain tables and of text", function()
    local err = Error.wrap { kind = "timeout", message = "sent" }
    assert.is_true(Error.is(err))
    assert.equal("timeout", err.kind)
    assert.equal("internal: boom", tostring(Error.wrap("boom")))
    assert.equal("internal", Error.wrap({}).kind)
  end)
end)

describe("errors of the C core", function()
  it("are of the same class", function()
    local core = require "fiks.core"
    local value, err = core.json_decode("{")
    assert.is_nil(value)
    assert.is_true(Error.is(err))
    assert.equal("protocol", err.kind)
    assert.matches("^protocol", "" .. err)
  end)
end)
