-- The sandbox judges the shared sample messages as their authors say a server should. The folder is
-- beside the project on some machines only.
local core = require("fiks.core")
local barnevern = require("sandbox.innsyn_v2_barnevern")
local meldingsboks = require("sandbox.meldingsboks_schema")
local schema = require("sandbox.schema")
local v1 = require("sandbox.innsyn_v1_schema")
local v2 = require("sandbox.innsyn_v2_schema")
local vectors = require("spec.support.vectors")

-- As the sandbox does: the outside first, then the metadata in it.
local function check_v2(message, report)
  schema.walk(v2.message, message, "", report)
  local versjon, text = message.versjon, message.meldingMetadata
  local node = v2.versions[versjon] or barnevern.versions[versjon]
  if not node or type(text) ~= "string" then
    return report("versjon", "ukjent")
  end
  local json = not text:find("[^%w+/=]") and core.unbase64(text)
  local metadata = json and core.json_decode(json)
  if not schema.is_object(metadata) then
    return report("meldingMetadata", "ikke Base64 av JSON")
  end
  schema.walk(node, metadata, "meldingMetadata", report)
end

local function of_2018(dialect)
  return function(message, report)
    schema.walk(meldingsboks.dialects[dialect].message, message, "", report)
  end
end

local contracts = {
  ["meldingsboks-2018-a"] = of_2018("2018-a"),
  ["meldingsboks-2018-v1"] = of_2018("2018-v1"),
  ["innsyn-index-v1"] = function(message, report)
    schema.walk(v1.message, message, "", report)
  end,
  ["innsyn-index-v2"] = check_v2,
}

describe("the sandbox and the shared sample messages", function()
  local text = vectors.read("meldingsboks/sample-messages.json")
  if not text then
    pending("vectors: meldingsboks/sample-messages.json, judged by the sandbox")
    return
  end
  local samples = assert(core.json_decode(text)).samples

  for _, sample in ipairs(samples) do
    local check = contracts[sample.contract]
    if check then
      it(sample.id .. " " .. sample.note, function()
        local found = {}
        check(sample.message, function(path, why)
          found[#found + 1] = path .. " " .. why
        end)
        assert.equal(sample.valid, #found == 0, table.concat(found, "; "))
      end)
    end
  end
end)
