-- Archives of every kind that are made by spec/support/zips.py, received.

local content = require "spec.support.content"
local zip_kinds = require "spec.support.zip_kinds"

describe("the archive of a forsendelse", function()
  local here, zips

  setup(function()
    here = content.new()
    zips = here:zips()
  end)
  teardown(function()
    here:remove()
  end)

  for kind, expected in pairs(zip_kinds.kinds) do
    it(kind .. (expected.refused and " is refused" or " is received"), function()
      zip_kinds.check(here, assert(zips[kind], "zips.py does not make it"), expected)
    end)
  end

  it("of every kind that is made has a row", function()
    local count = 0
    for kind in pairs(zips) do
      assert.is_table(zip_kinds.kinds[kind], kind)
      count = count + 1
    end
    assert.is_true(count > 30)
  end)
end)
