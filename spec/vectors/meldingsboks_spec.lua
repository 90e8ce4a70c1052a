-- The shared test vectors of Meldingsboks and Innsyn, when they are there: valid messages are sent,
-- invalid ones refused at the expected field before sending, requests and answers as described.
local core = require("fiks.core")
local fake_client = require("spec.support.fake_client")
local innsyn = require("fiks.innsyn")
local meldingsboks = require("fiks.meldingsboks")
local vectors = require("spec.support.vectors")

local function load(name)
  local text = vectors.read("meldingsboks/" .. name)
  return text and assert(core.json_decode(text))
end

local messages = load("sample-messages.json")

local function copy(value)
  return core.json_decode(core.json_encode(value))
end

-- A service for the contract of a vector, and its client. Answers settle every message.
local function service_of(contract, script)
  local client = fake_client.new(script or { always = { status = 200, json = {
    opprettet = 1, oppdatert = 0, manglerSamtykke = 0, antallSlettet = 1,
  } } })
  local dialect = contract:match("^meldingsboks%-(.*)$")
  if dialect then
    return meldingsboks.new(client, { dialect = dialect }), client
  end
  return innsyn.new(client, { versjon = contract:find("v1") and 1 or 2 }), client
end

-- Gives a sample's message to its service.
local function send(contract, message)
  local service, client = service_of(contract)
  if contract == "innsyn-delete-v1" then
    local result, err = service:slett_by_melding_id(message.meldinger)
    return result, err, client
  end
  local result, err = service:index({ message })
  return result, err, client
end

-- The list of messages in a request.
local function sent(client, call)
  local body = fake_client.sent(client.calls[call or 1])
  return body.meldinger or body
end

-- A sample in the forms that may be given: as it goes over the wire, and with metadata as a table.
local function forms_of(sample)
  local forms = { sample.message }
  if sample.metadata and sample.metadata ~= core.null then
    forms[2] = copy(sample.message)
    forms[2].meldingMetadata = sample.metadata
  end
  return forms
end

local function expected_path(sample, path)
  if sample.contract == "innsyn-delete-v1" then
    return sample.field == "meldinger[0]." .. path
  end
  return path == sample.field or path == "meldingMetadata." .. sample.field
end

if messages then
  describe("valid message", function()
    for _, sample in ipairs(messages.samples) do
      if sample.valid then
        it(("%s, %s %s, is sent"):format(sample.id, sample.contract, sample.type), function()
          for _, form in ipairs(forms_of(sample)) do
            local result, err, client = send(sample.contract, form)
            assert.is_nil(err)
            assert.is_table(result)
            assert.equal(1, #client.calls)
            local message = sent(client)
            if sample.contract == "innsyn-delete-v1" then
              assert.same(sample.message.meldinger, message)
            else
              local metadata = message[1].meldingMetadata
              if type(metadata) == "string" then
                assert.same(sample.metadata, core.json_decode(core.unbase64(metadata)))
                message[1].meldingMetadata = sample.message.meldingMetadata
              end
              assert.same(sample.message, message[1])
            end
          end
        end)
      end
    end

    it("V21 keeps an integer that no double holds", function()
      for _, sample in ipairs(messages.samples) do
        if sample.id == "V21" then
          local _, _, client = send(sample.contract, sample.message)
          assert.matches('"matrikkelenhetId":9007199254740993[,}]', client.calls[1].body)
        end
      end
    end)
  end)

  describe("invalid message", function()
    for _, sample in ipairs(messages.samples) do
      if not sample.valid then
        it(("%s, %s: %s, is refused at %s"):format(sample.id, sample.contract, sample.note,
          sample.field), function()
          for _, form in ipairs(forms_of(sample)) do
            local result, err, client = send(sample.contract, form)
            assert.is_nil(result)
            assert.equal("invalid", err.kind)
            assert.equal(0, #client.calls)
            local found = false
            for _, problem in ipairs(err.problems) do
              found = found or expected_path(sample, problem.path)
            end
            assert.is_true(found, tostring(err))
          end
        end)
      end
    end
  end)

  -- ---- requests ---------------------------------------------------------------------------------

  local function sample_by_id(id)
    for _, sample in ipairs(messages.samples) do
      if sample.id == id then
        return copy(sample.message)
      end
    end
  end

  local function set(message, pointer, value)
    local parent, name = message, nil
    for step in pointer:gmatch("[^/]+") do
      parent, name = name and parent[name] or parent, step
    end
    parent[name] = value
  end

  local function from_hex(hex)
    return (hex:gsub("..", function(pair)
      return string.char(tonumber(pair, 16))
    end))
  end

  local function fresh_id(n)
    return ("5b000000-0000-4000-8000-%012x"):format(n)
  end

  local function repeated(build)
    local list = {}
    local name, index = build["repeat"]:match("^(%w+)%.meldinger%[(%d)%]$")
    for i = 1, build.count do
      local message = sample_by_id(name or build["repeat"])
      message = index and message.meldinger[tonumber(index) + 1] or message
      message[index and "meldingId" or "id"] = fresh_id(i)
      list[i] = message
    end
    return list
  end

  -- A message of a request: a sample's id, or a copy with changes.
  local function built(item)
    if type(item) == "string" then
      return sample_by_id(item)
    end
    local message = sample_by_id(item.copy)
    for pointer, value in pairs(item.set or {}) do
      local id = value:match("^<id of (%w+)>$")
      set(message, pointer, id and sample_by_id(id).id or value)
    end
    for pointer, hex in pairs(item.set_bytes_hex or {}) do
      set(message, pointer, from_hex(hex))
    end
    for pointer, times in pairs(item.repeat_string or {}) do
      set(message, pointer, times[1]:rep(times[2]))
    end
    return message
  end

  local function request_of(id)
    for _, request in ipairs(messages.requests) do
      if request.id == id then
        local build = request.build
        if build["repeat"] then
          return repeated(build), request.contract
        elseif build.list then
          local list = {}
          for i, item in ipairs(build.list) do
            list[i] = built(item)
          end
          return list, request.contract
        end
        return { built(build) }, request.contract
      end
    end
  end

  local function index(id, options)
    local list, contract = request_of(id)
    local service, client = service_of(contract)
    local result, err = service:index(list, options)
    return result, err, client
  end

  local function sizes(client)
    local found = {}
    for i in ipairs(client.calls) do
      found[i] = #sent(client, i)
    end
    return found
  end

  describe("request", function()
    it("R01: 5001 messages are split into 5000 + 1", function()
      local _, err, client = index("R01")
      assert.is_nil(err)
      assert.same({ 5000, 1 }, sizes(client))
    end)

    it("R02: 5000 messages are one request", function()
      assert.same({ 5000 }, sizes((select(3, index("R02")))))
    end)

    it("R03: an empty list is no request", function()
      local result, _, client = index("R03")
      assert.is_true(result.complete)
      assert.equal(0, #client.calls)
    end)

    local function refused(id, path, rule, text)
      local result, err, client = index(id)
      assert.is_nil(result)
      assert.equal(0, #client.calls)
      assert.equal(path, err.problems[1].path)
      assert.equal(rule, err.problems[1].rule)
      assert.matches(text or "", err.problems[1].message, 1, true)
    end

    it("R04: an id that comes twice is refused", function()
      refused("R04", "id", "duplicate")
    end)

    it("R05: a parent goes before its child", function()
      local _, _, client = index("R05")
      assert.same({ 1, 1 }, sizes(client))
      assert.equal(sample_by_id("V01").id, sent(client, 1)[1].id)
    end)

    it("R06: latin-1 bytes are refused", function()
      refused("R06", "typeMetadata.tittel", "utf8", "offset 2")
    end)

    it("R07: an encoded surrogate is refused", function()
      refused("R07", "typeMetadata.tittel", "utf8", "offset 1")
    end)

    it("R08: a NUL byte is sent in full length", function()
      local _, _, client = index("R08")
      assert.equal("A\0B", sent(client)[1].typeMetadata.tittel)
      assert.matches('"A\\u0000B"', client.calls[1].body, 1, true)
    end)

    it("R09: decomposed letters are refused, and NFC suggested", function()
      refused("R09", "fiksOrganisasjon.visningsnavn", "pattern", "NFC")
    end)

    it("R10: a title of 3 MiB honours the caller's limit", function()
      local result, err = index("R10", { max_message_bytes = 1024 * 1024 })
      assert.is_nil(result)
      assert.equal("size", err.problems[1].rule)
      assert.matches("3146", err.problems[1].message, 1, true)
      assert.equal(1, #select(3, index("R10")).calls)
    end)

    it("R11: 1001 deletions are split into 1000 + 1", function()
      local list, contract = request_of("R11")
      local service, client = service_of(contract)
      assert.is_true(service:slett_by_melding_id(list).complete)
      assert.same({ 1000, 1 }, sizes(client))
    end)

    it("has a test for each that is described", function()
      assert.equal(11, #messages.requests)
    end)
  end)
else
  pending("vectors: meldingsboks/sample-messages.json")
end
