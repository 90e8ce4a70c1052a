-- luacheck: std max+busted
-- Every value of values.lua through the encoder, and what it wrote through the decoder.
local core = require "fiks.core"
local values = require "spec.json.values"

describe("JSON of", function()
  for _, case in ipairs(values()) do
    it(case.name .. (case.text and "" or " is refused"), function()
      local text, err = core.json_encode(case.value)
      assert.equal(case.text, text)
      local wide = getmetatable(case.value) == core.integer_mt -- on LuaJIT a string when read
      if case.text and not wide then
        assert.equal(text, core.json_encode((core.json_decode(text))))
      elseif not case.text then
        assert.equal("invalid", err.kind)
        assert.equal(case.code, err.code)
        assert.equal(case.path or err.path, err.path)
        assert.equal(case.offset, err.offset)
      end
    end)
  end
end)
