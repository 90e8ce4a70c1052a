-- sandbox.multipart: strict reading of multipart/form-data.
local multipart = require("sandbox.multipart")

local TYPE = "multipart/form-data; boundary=x"

local function part(headers, data)
  return "--x\r\n" .. headers .. "\r\n\r\n" .. data .. "\r\n"
end

describe("sandbox.multipart", function()
  it("gives the parts in their order", function()
    local body = part('Content-Disposition: form-data; name="metadata"\r\n'
        .. "Content-Type: application/json", "{}")
      .. part('Content-Disposition: form-data; filename="a.cms"; name="data"', "\0\r\n--\255")
      .. "--x--"
    assert.same({
      { name = "metadata", content_type = "application/json", data = "{}" },
      { name = "data", filename = "a.cms", data = "\0\r\n--\255" },
    }, multipart.parse(TYPE, body))
  end)

  it("takes a quoted boundary, and no parts", function()
    assert.same({}, multipart.parse('multipart/form-data; boundary="x"', "--x--\r\n"))
  end)

  it("keeps an empty part", function()
    local empty = part('Content-Disposition: form-data; name="a"', "")
    local parts = multipart.parse(TYPE, empty .. "--x--")
    assert.equal("", parts[1].data)
  end)

  it("refuses what is not one", function()
    local good = part('Content-Disposition: form-data; name="a"', "b")
    for _, case in ipairs({
      { "application/json", good .. "--x--" },
      { "multipart/form-data", good .. "--x--" },
      { TYPE, "" },
      { TYPE, "junk" .. good .. "--x--" },
      { TYPE, good },
      { TYPE, good .. "--x" },
      { TYPE, "--x\r\nno end of headers\r\n--x--" },
      { TYPE, part("Content-Disposition: attachment; name=a", "b") .. "--x--" },
      { TYPE, part('Content-Disposition: form-data; filename="name=a"', "b") .. "--x--" },
      { TYPE, part("", "b") .. "--x--" },
    }) do
      local parts, reason = multipart.parse(case[1], case[2])
      assert.is_nil(parts, case[2])
      assert.is_string(reason)
    end
  end)
end)
