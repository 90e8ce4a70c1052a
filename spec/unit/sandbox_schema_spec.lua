-- sandbox.schema: the sandbox's own, strict reading of message bodies.
local core = require("fiks.core")
local schema = require("sandbox.schema")

-- What is wrong with a JSON text: { "path message", ... } in order of the path.
local function faults(node, json)
  local found = {}
  schema.walk(node, assert(core.json_decode(json)), "", function(path, message)
    found[#found + 1] = path .. " " .. message
  end)
  table.sort(found)
  return found
end

local function accepts(node, json)
  assert.same({}, faults(node, '{"a":' .. json .. "}"))
end

local function refuses(node, json)
  assert.equal(1, #faults(node, '{"a":' .. json .. "}"), json)
end

local function one(node)
  return schema.object({ a = node })
end

describe("sandbox.schema", function()
  it("names the path of every fault", function()
    local node = schema.object({
      navn = schema.text(),
      liste = schema.array(schema.object({ id = schema.uuid() }), 1),
    })
    assert.same({ "ekstra ukjent felt", "liste[1].id mangler", "navn må være en tekst" },
      faults(node, '{"navn":1,"ekstra":0,'
        .. '"liste":[{"id":"5a000000-0000-4000-8000-000000000001"},{}]}'))
  end)

  it("tells an empty list from an empty object", function()
    assert.same({ "a må være et objekt" }, faults(one(schema.object({})), '{"a":[]}'))
    assert.same({ "a må være en liste" }, faults(one(schema.array(schema.text())), '{"a":{}}'))
  end)

  it("takes null only where it is said", function()
    refuses(one(schema.text()), "null")
    refuses(one(schema.optional(schema.text())), "null")
    accepts(one(schema.maybe(schema.text())), "null")
    assert.same({}, faults(one(schema.maybe(schema.text())), "{}"))
    assert.same({ "a mangler" }, faults(one(schema.text()), "{}"))
  end)

  it("limits integers", function()
    local node = one(schema.int32(0, 9999))
    accepts(node, "0")
    accepts(node, "9999")
    for _, bad in ipairs({ "-1", "10000", "1.5", '"7"', "true" }) do
      refuses(node, bad)
    end
    refuses(one(schema.int32()), "2147483648")
    accepts(one(schema.int64()), "9223372036854775807")
    refuses(one(schema.int64()), '"2018-01-02"')
  end)

  it("knows dates that exist", function()
    for _, good in ipairs({ "2018-01-02", "2020-02-29", "2000-02-29" }) do
      accepts(one(schema.date()), '"' .. good .. '"')
    end
    for _, bad in ipairs({ "2018-02-29", "1900-02-29", "2018-13-01", "2018-00-01", "2018-1-2",
      "2018-01-02T00:00:00Z" }) do
      refuses(one(schema.date()), '"' .. bad .. '"')
    end
  end)

  it("demands a zone of a time", function()
    for _, good in ipairs({ "2018-01-02T12:00:00Z", "2018-01-02t12:00:00.123z",
      "2018-01-02T12:00:00+02:00" }) do
      accepts(one(schema.date_time()), '"' .. good .. '"')
    end
    for _, bad in ipairs({ "2018-01-02T12:00:00", "2018-01-02", "2018-01-02T24:00:00Z",
      "2018-01-02T12:00:00+0200", "2018-01-02T12:00:00.Z" }) do
      refuses(one(schema.date_time()), '"' .. bad .. '"')
    end
  end)

  it("judges names by code point", function()
    accepts(one(schema.display_name()), '"Ås kommune - kultur, næring/øko_1."')
    for _, bad in ipairs({ "A & B", "Kárášjohka", "As\204\138", "x\\n", "", "åé" }) do
      refuses(one(schema.display_name()), '"' .. bad .. '"')
    end
    accepts(one(schema.unit_id()), '"BARN_OG-FAMILIE_Å"')
    refuses(one(schema.unit_id()), '"med mellomrom"')
  end)

  it("takes a UUID in lower case only", function()
    accepts(one(schema.uuid()), '"5a000000-0000-4000-8000-00000000000a"')
    refuses(one(schema.uuid()), '"5A000000-0000-4000-8000-00000000000A"')
    refuses(one(schema.uuid()), '"{5a000000-0000-4000-8000-00000000000a}"')
  end)

  it("chooses a variant by its field", function()
    local x = schema.object({ type = schema.text() })
    local node = schema.variants("type", { x = x }, "er ukjent")
    assert.same({}, faults(node, '{"type":"x"}'))
    assert.same({ "type er ukjent" }, faults(node, '{"type":"y"}'))
    assert.same({ "type er ukjent" }, faults(node, '{"type":[]}'))
    assert.same({ "type mangler" }, faults(node, '{"type":null}'))
  end)
end)
