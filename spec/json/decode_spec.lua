-- luacheck: std max+busted
-- Every document of cases.lua through the decoder, and what it took through the encoder; with space
-- behind it, too, as the decoder remembers names in documents from 512 bytes.
local cases = require "spec.json.cases"
local core = require "fiks.core"

local SPACE = (" "):rep(512)

describe("a JSON document,", function()
  for _, case in ipairs(cases.all()) do
    it(("%s, is %s"):format(case.name, case.verdict:gsub("ours_", "")), function()
      local value, err = core.json_decode(case.text)
      if case.takes then
        assert.is_nil(err)
        assert.equal(case.again, core.json_encode(value))
        assert.equal(case.again, core.json_encode((core.json_decode(case.text .. SPACE))))
      else
        assert.is_nil(value)
        assert.equal("protocol", err.kind)
        assert.equal("json", err.code)
        assert.is_true(err.offset >= 0 and err.offset <= #case.text)
        assert.equal(case.offset or err.offset, err.offset)
        assert.is_nil((core.json_decode(case.text .. SPACE)))
      end
    end)
  end
end)
