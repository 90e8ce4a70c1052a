-- The shared test vectors of answers and of the 2018 dialects, when they are there.
local core = require("fiks.core")
local fake_client = require("spec.support.fake_client")
local innsyn = require("fiks.innsyn")
local meldinger = require("spec.support.meldinger")
local meldingsboks = require("fiks.meldingsboks")
local vectors = require("spec.support.vectors")

local function load(name)
  local text = vectors.read("meldingsboks/" .. name)
  return text and assert(core.json_decode(text))
end

local responses, dialects = load("sample-responses.json"), load("meldingsboks-dialects.json")
local id, ORG = meldinger.id, meldinger.FIKS_ORG

local function answer(name)
  for _, response in ipairs(responses.responses) do
    if response.id == name then
      return { status = response.status, body = response.raw or response.body ~= core.null
        and core.json_encode(response.body) or "" }, response.contract
    end
  end
end

-- Indexes messages with these ids, answered by a vector.
local function index(name, ids)
  local step, contract = answer(name)
  local client = fake_client.new({ step })
  local list = {}
  local dialect = contract:match("^2018.*$")
  for i, an_id in ipairs(ids) do
    local message = dialect and meldinger.m2018("sakmappe") or contract == "innsyn-v1"
      and meldinger.v1() or meldinger.v2("MAPPE_V1")
    message[dialect and "id" or "meldingId"] = an_id
    list[i] = message
  end
  local service = dialect and meldingsboks.new(client, { dialect = dialect })
    or innsyn.new(client, { versjon = contract == "innsyn-v1" and 1 or 2 })
  local result, err, refused = service:index(list)
  assert.equal(1, #client.calls)
  return result, err, refused
end

local function counts(result)
  local c = result.counts
  return { c.ok, c.failed, c.reserved, c.unknown }
end

if responses then
  describe("answer", function()
    it("S01: all are indexed", function()
      local result = index("S01", { id(1), id(3) })
      assert.same({ 2, 0, 0, 0 }, counts(result))
      assert.is_true(result.complete)
    end)

    it("S02: one ok, one to repeat, one final: no success", function()
      local result = index("S02", { id(1), id(3), id(4) })
      assert.same({ 1, 1, 1, 0 }, counts(result))
      assert.equal("feil ved indeksering", result.failed[1].reason)
      assert.is_false(result.complete)
    end)

    it("S03: the whole operation failed", function()
      assert.same({ 0, 0, 0, 2 }, counts(index("S03", { id(1), id(3) })))
    end)

    it("S04: two validation errors, one without id", function()
      local result, err, refused = index("S04", { id(3), id(4) })
      assert.is_nil(result)
      assert.equal(2, #err.problems)
      assert.is_nil(err.problems[2].id)
      assert.same({ id(3) }, err.ids)
      assert.same({ "invalid", "refused" }, { refused.failed[1].code, refused.failed[2].code })
    end)

    it("S05: 422 is not repeated", function()
      local result, err = index("S05", { id(1) })
      assert.is_nil(result)
      assert.equal(422, err.status)
    end)

    for _, name in ipairs({ "S06", "S07", "S08" }) do
      it(name .. ": the outcome is unknown", function()
        local result = index(name, { id(1), id(3) })
        assert.same({ 0, 0, 0, 2 }, counts(result))
        assert.is_true(result.err.retryable)
      end)
    end

    it("S09: a message without an answer is unknown", function()
      local result = index("S09", { id(1), id(3) })
      assert.same({ 1, 0, 0, 1 }, counts(result))
      assert.equal(id(3), result.unknown[1].id)
    end)

    it("S10: an unknown code is passed on, and is not ok", function()
      local result = index("S10", { id(1) })
      assert.same({ 0, 0, 0, 1 }, counts(result))
      assert.equal("THROTTLED", result.unknown[1].code)
    end)

    it("S11, S13: deletion, in part and failed", function()
      local step, contract = answer("S11")
      local service = meldingsboks.new(fake_client.new({ step }), { dialect = contract })
      local result = service:slett({ fiks_organisasjon_id = ORG, all = true })
      assert.same({ id(4) }, result.ikke_slettet)
      assert.is_false(result.complete)
      step, contract = answer("S13")
      service = meldingsboks.new(fake_client.new({ step }), { dialect = contract })
      local none, err = service:slett({ fiks_organisasjon_id = ORG, all = true })
      assert.is_nil(none)
      assert.equal("7b1d", err.error_id)
    end)

    it("S12: the Norwegian names", function()
      assert.same({ 1, 1, 0, 0 }, counts(index("S12", { id(0xb), id(0xd) })))
    end)

    it("S14, S15: counts, without and with consent missing", function()
      assert.same({ 3, 0, 0, 0 }, counts(index("S14", { id(1), id(2), id(3) })))
      local result = index("S15", { id(0x17), id(0x18) })
      assert.same({ 1, 0, 1, 0 }, counts(result))
      assert.equal(id(0x18), result.reserved[1].id)
    end)

    it("S16 to S18, S20, S21: refusals of the whole batch", function()
      for name, kind in pairs({ S16 = "denied", S17 = "denied", S18 = "rejected", S20 = "auth",
        S21 = "auth" }) do
        local result, err, refused = index(name, { id(1), id(2) })
        assert.is_nil(result)
        assert.equal(kind, err.kind)
        assert.same({ 0, 2, 0, 0 }, counts(refused))
      end
    end)

    it("S19: the older array of v1", function()
      local _, err = index("S19", { id(0x10), id(0x11) })
      assert.same({ id(0x10) }, err.ids)
    end)

    it("S22: a deletion that is accepted is not done", function()
      local service = innsyn.new(fake_client.new({ (answer("S22")) }))
      assert.is_false(service:slett({ fiks_organisasjon_id = ORG, all = true }).complete)
    end)

    it("has a test for each that is described", function()
      assert.equal(22, #responses.responses)
    end)
  end)
else
  pending("vectors: meldingsboks/sample-responses.json")
end

if dialects then
  describe("dialect", function()
    for _, dialect in ipairs(dialects.index) do
      if dialect.support == "yes" then
        local names = dialect.names
        for _, other in ipairs(dialects.index) do
          names = names or other.id == dialect.same_as and other.names
        end

        it(dialect.id .. " has the published names", function()
          local client = fake_client.new({ { status = 200, json = {
            [names["bulk.failed"]] = false,
            [names["bulk.items"]] = {
              { [names["item.id"]] = id(1), [names["item.indexed"]] = true,
                [names["item.code"]] = "OK" },
              { [names["item.id"]] = id(2), [names["item.indexed"]] = false,
                [names["item.code"]] = "FAILED", [names["item.message"]] = "why" },
            },
          } }, { status = 200, json = {
            [names["delete.count"]] = 4, [names["delete.failed"]] = false,
            [names["delete.partial"]] = true, [names["delete.failed_ids"]] = { id(9) },
          } } })
          local service = meldingsboks.new(client, { dialect = dialect.id })
          local child = meldinger.m2018("faktura", 2)
          child.typeMetadata.forelder.id = id(77)
          child.typeMetadata[names.parent], child.typeMetadata.forelder =
            child.typeMetadata.forelder, names.parent == "forelder" and child.typeMetadata.forelder
              or nil
          local result, err = service:index({ meldinger.m2018("sakmappe", 1), child })
          assert.is_nil(err)
          assert.same({ 1, 1, 0, 0 }, counts(result))
          assert.equal("why", result.failed[1].reason)
          local deleted = service:slett({ fiks_organisasjon_id = ORG, all = true })
          assert.equal(4, deleted.antall_slettet)
          assert.same({ id(9) }, deleted.ikke_slettet)
        end)
      end
    end
  end)
else
  pending("vectors: meldingsboks/meldingsboks-dialects.json")
end
