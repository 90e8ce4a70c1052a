-- The published specification of the 2018 index (dialect 2018-a), when it is there: our shapes have
-- its fields, its required ones and its enums, no more and no less.

local core = require "fiks.core"
local fake_client = require "spec.support.fake_client"
local meldinger = require "spec.support.meldinger"
local meldingsboks = require "fiks.meldingsboks"
local shapes = require "fiks.shapes.meldingsboks"
local vectors = require "spec.support.vectors"

local NAME = "meldingsboks/meldingindexer-2018.json"

local text = vectors.read(NAME)
if not text then
  pending("vectors: " .. NAME)
  return
end
local definitions = assert(core.json_decode(text)).definitions

-- A definition with its reference followed and its parts put together.
local function resolved(schema)
  if schema["$ref"] then
    return resolved(definitions[schema["$ref"]:match("^#/definitions/(.+)$")])
  elseif not schema.allOf then
    return schema
  end
  local whole = { type = "object", properties = {}, required = {} }
  for _, part in ipairs(schema.allOf) do
    part = resolved(part)
    for name, property in pairs(part.properties) do
      whole.properties[name] = property
    end
    for _, name in ipairs(part.required or {}) do
      table.insert(whole.required, name)
    end
  end
  return whole
end

local function sorted(list)
  local copy = {}
  for i, value in ipairs(list or {}) do
    copy[i] = value
  end
  table.sort(copy)
  return copy
end

local KINDS = { string = { string = true, uuid = true, enum = true },
  integer = { integer = true, ms = true }, boolean = { boolean = true }, array = { array = true },
  object = { object = true, variant = true } }

local compare

local function compare_object(schema, shape, path)
  local names, required, fields = {}, {}, {}
  for _, field in ipairs(shape.fields) do
    local name, mark = field[1]:match("^(.-)(!?)$")
    names[#names + 1], fields[name] = name, field[2]
    if mark == "!" then
      required[#required + 1] = name
    end
  end
  local published = {}
  for name in pairs(schema.properties) do
    published[#published + 1] = name
  end
  assert.same(sorted(published), sorted(names), path)
  assert.same(sorted(schema.required), sorted(required), path .. ", required")
  for name, property in pairs(schema.properties) do
    if not (name == "type" and fields.type.kind == "string") then -- the variant has looked at it
      compare(property, fields[name], path .. "." .. name)
    end
  end
end

function compare(schema, shape, path)
  schema = resolved(schema)
  assert.is_true(KINDS[schema.type][shape.kind] or false, path .. " is a " .. schema.type)
  if shape.kind == "variant" then
    assert.same(sorted(schema.properties[shape.by].enum), sorted(shape.names), path)
    for _, name in ipairs(shape.names) do
      compare_object(resolved(definitions[name]), shape.cases[name], name)
    end
  elseif shape.kind == "object" then
    compare_object(schema, shape, path)
  elseif shape.kind == "array" then
    assert.equal(schema.minItems, shape.min, path)
    compare(schema.items, shape.items, path .. "[]")
  else
    assert.same(schema.enum and sorted(schema.enum), shape.values and sorted(shape.values), path)
    assert.equal(schema.format == "uuid", shape.kind == "uuid", path)
  end
end

describe("the published specification of 2018", function()
  it("and our shape of a message agree", function()
    compare(definitions.IndexRequest, shapes["2018-a"], "message")
  end)

  it("has no code for a message that we do not know", function()
    local message = meldinger.m2018("sakmappe")
    for _, code in ipairs(definitions.IndexResponse.properties.responseCode.enum) do
      local client = fake_client.new { { status = 200, json = { failed = false,
        results = { { id = message.id, indexed = code == "OK", responseCode = code } } } } }
      local result = assert(meldingsboks.new(client, { dialect = "2018-a" }):index { message })
      local counts = result.counts
      assert.equal(1, counts.ok + counts.failed + counts.reserved, code)
    end
  end)
end)
