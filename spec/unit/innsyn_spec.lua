-- client:innsyn: index v2 and v1, and deleting.
local core = require("fiks.core")
local fake_client = require("spec.support.fake_client")
local innsyn = require("fiks.innsyn")
local meldinger = require("spec.support.meldinger")

local id, ORG = meldinger.id, meldinger.FIKS_ORG

local function service_of(script, options)
  local client = fake_client.new(script)
  return innsyn.new(client, options), client
end

local function counts(created, updated, blocked, ids)
  return { status = 200, json = {
    opprettet = created, oppdatert = updated, manglerSamtykke = blocked,
    meldingerUtenSamtykke = ids and core.array(ids) or nil,
  } }
end

local function mapper(n)
  local list = {}
  for i = 1, n do
    list[i] = meldinger.v2("MAPPE_V1", i)
  end
  return list
end

describe("index v2", function()
  it("sends { meldinger = [...] } with metadata as Base64 of JSON", function()
    local service, client = service_of({ counts(1, 0, 0) })
    local message = meldinger.v2("FAKTURA_V1")
    local result, err = service:index({ message })
    assert.is_nil(err)
    assert.is_true(result.complete)
    assert.equal("innsyn.v2.index", client.calls[1].operation)
    local sent = fake_client.sent(client.calls[1]).meldinger[1]
    local metadata = assert(core.unbase64(sent.meldingMetadata))
    assert.same(message.meldingMetadata, core.json_decode(metadata))
    sent.meldingMetadata = message.meldingMetadata
    assert.same(message, sent)
    assert.is_table(message.meldingMetadata) -- the caller's table is left alone
  end)

  it("sends Base64 that was made elsewhere unchanged", function()
    local service, client = service_of({ counts(1, 0, 0) })
    local message = meldinger.v2("MAPPE_V1")
    message.meldingMetadata = core.base64('{ "tittel":"x", "type":"SAK" }')
    assert.is_true(service:index({ message }).complete)
    assert.same({ message }, fake_client.sent(client.calls[1]).meldinger)
  end)

  it("is ok where the counts add up", function()
    local service = service_of({ counts(2, 1, 0) })
    local result = service:index(mapper(3))
    assert.same({ id(1), id(2), id(3) }, result.ok)
    assert.same({}, result.warnings)
    assert.same({ 2, 1, 0 }, { result.batches[1].opprettet, result.batches[1].oppdatert,
      result.batches[1].mangler_samtykke })
  end)

  it("lists messages without consent, which is final", function()
    local service = service_of({ counts(1, 0, 1, { id(2) }) })
    local result = service:index(mapper(2))
    assert.same({ id(1) }, result.ok)
    assert.equal(id(2), result.reserved[1].id)
    assert.is_true(result.complete)
    assert.same({}, result.warnings)
  end)

  it("does not guess who lacks consent", function()
    local service = service_of({ counts(1, 0, 2, { id(2) }) })
    local result = service:index(mapper(3))
    assert.equal(id(2), result.reserved[1].id)
    assert.equal(2, #result.unknown)
    assert.is_false(result.complete)
    service = service_of({ counts(2, 0, 1) })
    assert.equal(3, #service:index(mapper(3)).unknown)
  end)

  it("warns of counts that do not add up, and of ids that were not sent", function()
    local service = service_of({ counts(1, 0, 0) })
    local result = service:index(mapper(2))
    assert.equal(2, #result.ok)
    assert.equal("answer", result.warnings[1].rule)
    service = service_of({ counts(1, 0, 0, { id(9) }) })
    assert.equal(1, #service:index(mapper(1)).warnings)
  end)

  it("takes an answer without counts for no answer", function()
    for _, body in ipairs({ "{}", "[]", '{"opprettet":"1","oppdatert":0}', "", "{" }) do
      local service = service_of({ { status = 200, body = body } })
      local result = service:index(mapper(2))
      assert.equal(2, #result.unknown)
      assert.equal("protocol", result.err.kind)
    end
  end)

  local ERROR_JSON = {
    object = { meldinger = { { meldingId = id(2), feilmelding = "tittel mangler" } } },
    array = { { meldingId = id(2), felt = "tittel", feilmelding = "mangler" } },
    by_id = { [id(2)] = "tittel mangler" },
    ids = { id(2) },
    text = '{"meldingId":"' .. id(2) .. '"}',
    plain = id(2),
  }
  for name, error_json in pairs(ERROR_JSON) do
    it("names the messages a 400 is about: errorJson as " .. name, function()
      local service = service_of({ { status = 400, json = {
        status = 400, message = "ugyldig", errorId = id(900), errorJson = error_json,
      } } })
      local result, err, refused = service:index(mapper(3))
      assert.is_nil(result)
      assert.same({ id(2) }, err.ids)
      assert.matches(id(2), err.message, 1, true)
      assert.same({ "refused", "invalid", "refused" },
        { refused.failed[1].code, refused.failed[2].code, refused.failed[3].code })
      assert.equal(0, refused.counts.ok)
    end)
  end

  it("refuses, before sending, what the service does not index", function()
    local service, client = service_of({})
    local message = meldinger.v2("FAKTURA_V1")
    message.versjon = "FORSENDELSE_V1"
    local result, err = service:index({ message })
    assert.is_nil(result)
    assert.equal("versjon", err.problems[1].path)
    assert.equal(0, #client.calls)
  end)

  it("sends parents in an earlier batch, by forelder and by forelderMeldingId", function()
    local child = meldinger.v2("JOURNALPOST_V1", 2)
    local plan = meldinger.v2("BARNEVERN_JOURNALPOST_V1", 3)
    local encoded = meldinger.v2("JOURNALPOST_V1", 4)
    encoded.meldingMetadata = core.base64(core.json_encode(encoded.meldingMetadata))
    local service, client = service_of({ counts(1, 0, 0), counts(3, 0, 0) })
    local result = service:index({ child, plan, encoded, meldinger.v2("MAPPE_V1", 1) })
    assert.is_true(result.complete)
    assert.equal(id(1), fake_client.sent(client.calls[1]).meldinger[1].meldingId)
    assert.equal(3, #fake_client.sent(client.calls[2]).meldinger)
  end)

  it("prints amounts without noise", function()
    local service, client = service_of({ counts(1, 0, 0) })
    local message = meldinger.v2("FAKTURA_V1")
    message.meldingMetadata.belop, message.meldingMetadata.gebyr = 12.34, 35
    service:index({ message })
    local json = core.unbase64(fake_client.sent(client.calls[1]).meldinger[1].meldingMetadata)
    assert.is_not_nil(json:find('"belop":12.34[,}]'))
    assert.is_not_nil(json:find('"gebyr":35[,}]'))
  end)
end)

describe("index v1", function()
  it("sends a bare array with the metadata as it is", function()
    local service, client = service_of({ counts(1, 0, 0, {}) }, { versjon = 1 })
    assert.is_true(service:index({ meldinger.v1() }).complete)
    assert.equal("innsyn.v1.index", client.calls[1].operation)
    assert.same({ meldinger.v1() }, fake_client.sent(client.calls[1]))
  end)

  it("reads the older 400, an array", function()
    local service = service_of({ { status = 400, json = {
      { meldingId = id(1), felt = "meldingMetadata.tittel", feilmelding = "mangler" },
    } } }, { versjon = 1 })
    local _, err = service:index({ meldinger.v1() })
    assert.same({ id(1) }, err.ids)
    assert.equal("meldingMetadata.tittel", err.problems[1].path)
  end)

  it("knows a parent or a correlation, not both", function()
    local service = service_of({}, { versjon = 1 })
    local message = meldinger.v1()
    message.meldingMetadata.korrelasjonId = "K-1"
    message.meldingMetadata.forelder = { meldingId = id(2), type = "mappe" }
    local _, err = service:index({ message })
    assert.equal("meldingMetadata.korrelasjonId", err.problems[1].path)
  end)

  it("is version 1 or 2", function()
    assert.has_error(function() service_of({}, { versjon = 3 }) end)
    assert.has_error(function() service_of({}, { version = 2 }) end)
  end)
end)

describe("slett", function()
  it("is accepted, not done", function()
    local service, client = service_of({ { status = 202, json = { antallSlettet = 0 } } })
    local result = service:slett({ fiks_organisasjon_id = ORG, ekstern_ref = "sak 5" })
    assert.equal("innsyn.slett", client.calls[1].operation)
    assert.same({ fiksOrganisasjonId = ORG, eksternRef = "sak 5" }, client.calls[1].params)
    assert.same({ antall_slettet = 0, complete = false }, result)
  end)

  it("refuses filters that are missing, empty, wrong or contradictory", function()
    local service, client = service_of({})
    for _, given in ipairs({
      { fiks_organisasjon_id = ORG }, { fiks_organisasjon_id = ORG, melding_id = "" },
      { fiks_organisasjon_id = ORG, ekstern_ref = "" }, { ekstern_ref = "x" }, {},
      { fiks_organisasjon_id = ORG, ekstern_ref = "a&b" },
      { fiks_organisasjon_id = "x", all = true },
      { fiks_organisasjon_id = ORG, ekstern_ref = "x", all = true },
      { fiks_organisasjon_id = ORG, melding_id = 5 }, { fiks_organisasjon_id = ORG, all = "true" },
      { fiks_organisasjon_id = ORG, ekstern_ref = "\255" },
    }) do
      local result, err = service:slett(given)
      assert.is_nil(result)
      assert.equal("invalid", err.kind)
    end
    assert.equal(0, #client.calls)
    assert.has_error(function() service:slett({ fiks_organisasjon_id = ORG, eksternRef = "x" }) end)
  end)

  it("deletes everything when told so", function()
    local service, client = service_of({ { status = 202, body = "" } })
    local result = service:slett({ fiks_organisasjon_id = ORG, all = true })
    assert.same({ fiksOrganisasjonId = ORG }, client.calls[1].params)
    assert.is_nil(result.antall_slettet)
  end)
end)

describe("slett_by_melding_id", function()
  local function list_of(n)
    local list = {}
    for i = 1, n do
      list[i] = { fiksOrgId = ORG, meldingId = id(i), meldingType = "mappe" }
    end
    return list
  end

  local function deleted(call)
    return { status = 200, json = { antallSlettet = #fake_client.sent(call).meldinger } }
  end

  it("goes in pages of 1000", function()
    local service, client = service_of({ always = deleted })
    local result = service:slett_by_melding_id(list_of(1001))
    assert.same({ antall_slettet = 1001, pages = 2, complete = true }, result)
    assert.equal("innsyn.slett_by_melding_id", client.calls[1].operation)
    assert.equal(1000, #fake_client.sent(client.calls[1]).meldinger)
    assert.same({ { fiksOrgId = ORG, meldingId = id(1001), meldingType = "mappe" } },
      fake_client.sent(client.calls[2]).meldinger)
  end)

  it("sends nothing for an empty list", function()
    local service, client = service_of({})
    assert.is_true(service:slett_by_melding_id({}).complete)
    assert.equal(0, #client.calls)
  end)

  it("checks everything first", function()
    local service, client = service_of({})
    local list = list_of(1001)
    list[1001].meldingType = nil
    list[3].fiksOrgId = "x"
    local result, err = service:slett_by_melding_id(list)
    assert.is_nil(result)
    assert.same({ "fiksOrgId", "meldingType" }, { err.problems[1].path, err.problems[2].path })
    assert.equal(1001, err.problems[2].index)
    assert.equal(0, #client.calls)
    result, err = service:slett_by_melding_id({ list[1], nil, list[2] })
    assert.is_nil(result)
    assert.equal("invalid", err.kind)
    assert.has_error(function() service:slett_by_melding_id("x") end)
  end)

  it("says how far it came", function()
    local service = service_of({ deleted, { status = 500 } })
    local result, err, done = service:slett_by_melding_id(list_of(1500))
    assert.is_nil(result)
    assert.equal("server", err.kind)
    assert.same({ antall_slettet = 1000, pages = 1, complete = false }, done)
    service = service_of({ { status = 200, json = {} } })
    result, err = service:slett_by_melding_id(list_of(1))
    assert.is_nil(result)
    assert.equal("protocol", err.kind)
  end)
end)
