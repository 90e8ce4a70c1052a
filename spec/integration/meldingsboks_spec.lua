-- Meldingsboks (2018, every dialect) and Innsyn (v2), against the sandbox's own index.

local convert = require "fiks.convert"
local fiks = require "fiks"
local meldinger = require "examples.meldinger"
local sandbox = require "spec.support.sandbox"

local PERSON, RESERVED = "14021950123", "05038812345"

local function stored(id)
  return sandbox.konfigurasjon("GET", "/meldinger?meldingId=" .. id)
end

local function ids(messages, name)
  local list = {}
  for i, message in ipairs(messages) do
    list[i] = message[name]
  end
  table.sort(list)
  return list
end

local function sorted(list)
  table.sort(list)
  return list
end

describe("indexing", function()
  local kommune, integrasjon

  setup(function()
    kommune = sandbox.description().organisations.kommune
    integrasjon = sandbox.integrasjon()
    sandbox.konfigurasjon("POST", "/reservasjoner", { eksponertFor = RESERVED })
  end)
  teardown(function()
    sandbox.konfigurasjon("DELETE", "/reservasjoner?eksponertFor=" .. RESERVED)
  end)
  after_each(sandbox.no_faults)

  describe("in Meldingsboks", function()
    local client, boks

    setup(function()
      client = sandbox.client("2018", integrasjon)
      boks = client:meldingsboks()
    end)

    it("stores every message, letter for letter", function()
      local batch = meldinger.for_person(kommune, PERSON)
      local result = assert(boks:index(batch))
      assert.is_true(result.complete)
      assert.same(ids(batch, "id"), sorted(result.ok))
      for _, melding in ipairs(batch) do
        local there = stored(melding.id)
        assert.equal(1, #there)
        assert.same(melding, there[1].melding)
      end
    end)

    for _, dialect in ipairs { "2018-a", "2018-b" } do
      it("speaks dialect " .. dialect, function()
        local own = sandbox.konfigurasjon("POST", "/integrasjoner", {
          autorisertOrganisasjon = kommune.organisasjonsnummer, navn = dialect,
          beskrivelse = "spec", tjenester = fiks.array { "meldingsboks" },
          meldingsboksDialekt = dialect,
        })
        sandbox.konfigurasjon("POST", "/integrasjoner/" .. own.integrasjonId .. "/privilegier",
          { tjeneste = "meldingsboks", fiksOrganisasjonId = kommune.fiks_organisasjon_id })
        local batch = meldinger.for_person(kommune, PERSON)
        if dialect == "2018-a" then
          for _, melding in ipairs(batch) do
            local metadata = melding.typeMetadata
            metadata.parent, metadata.forelder = metadata.forelder, nil
          end
        end
        local other = client:with {
          integrasjon = { id = own.integrasjonId, password = own.passord },
        }
        local result = assert(other:meldingsboks({ dialect = dialect }):index(batch))
        assert.is_true(result.complete)
        assert.equal(4, result.counts.ok)
      end)
    end

    it("tells each message's fate when a batch fails in part", function()
      local batch = meldinger.for_person(kommune, PERSON)
      local reserved = meldinger.for_person(kommune, RESERVED)[1]
      sandbox.konfigurasjon("POST", "/meldingsfeil", {
        meldingId = batch[4].id, feilmelding = "F\195\184lt",
      })
      local result = assert(boks:index { batch[1], batch[2], batch[4], reserved })
      assert.is_false(result.complete)
      assert.same(sorted { batch[1].id, batch[2].id }, sorted(result.ok))
      assert.same({ { id = batch[4].id, code = "FAILED", reason = "F\195\184lt" } }, result.failed)
      assert.equal(reserved.id, result.reserved[1].id)
      assert.equal(0, #stored(batch[4].id))
      sandbox.konfigurasjon("DELETE", "/meldingsfeil?meldingId=" .. batch[4].id)
    end)

    it("sends nothing when a message breaks the contract, and names it", function()
      local batch = meldinger.for_person(kommune, PERSON)
      batch[2].typeMetadata.tittel = nil
      batch[3].fiksOrganisasjon.visningsnavn = "Øya & co"
      local mark = sandbox.mark()
      local result, err = boks:index(batch)
      assert.is_nil(result)
      assert.equal("invalid", err.kind)
      assert.equal(2, #err.problems)
      assert.equal(batch[2].id, err.problems[1].id)
      assert.equal(0, #sandbox.calls(mark, "/meldingindexer"))
    end)

    it("deletes one message", function()
      local batch = meldinger.for_person(kommune, PERSON)
      assert(boks:index(batch))
      local result = assert(boks:slett {
        fiks_organisasjon_id = kommune.fiks_organisasjon_id, melding_id = batch[1].id,
      })
      assert.is_true(result.complete)
      assert.equal(0, #stored(batch[1].id))
      assert.equal(1, #stored(batch[2].id))
    end)
  end)

  describe("in Innsyn v2", function()
    local client, innsyn

    setup(function()
      client = sandbox.client("current", integrasjon)
      innsyn = client:innsyn()
    end)

    local function converted(person)
      return convert.all(meldinger.for_person(kommune, person), function(melding)
        if melding.typeMetadata.type == "faktura" then
          return { status = "IKKE_BETALT" }
        elseif melding.typeMetadata.type == "journalpost" then
          return { dokumenter = { { filnavn = "a.pdf", mimeType = "application/pdf" } } }
        end
      end)
    end

    it("takes what was converted; a forsendelse is not", function()
      local made = converted(PERSON)
      assert.equal(3, #made.meldinger)
      assert.equal(1, #made.failed)
      assert.equal("not_convertible", made.failed[1].err.code)
      local result = assert(innsyn:index(made.meldinger))
      assert.is_true(result.complete)
      assert.same(ids(made.meldinger, "meldingId"), sorted(result.ok))
      local there = stored(made.meldinger[3].meldingId)
      assert.equal(12450.5, there[1].metadata.belop)
      assert.equal("2018-05-24", there[1].metadata.fakturaDato)
      local again = assert(innsyn:index(made.meldinger))
      assert.equal(2, again.batches[2].oppdatert)
    end)

    it("names those without consent", function()
      local mine, reserved = converted(PERSON).meldinger, converted(RESERVED).meldinger
      local result = assert(innsyn:index { mine[1], reserved[1] })
      assert.same({ mine[1].meldingId }, result.ok)
      assert.equal(reserved[1].meldingId, result.reserved[1].id)
      assert.is_true(result.complete)
    end)

    it("is refused as a whole, with the offending ids", function()
      local made = converted(PERSON).meldinger
      assert(innsyn:index { made[1] })
      local good, bad = made[2], made[3]
      sandbox.konfigurasjon("POST", "/meldingsfeil",
        { meldingId = bad.meldingId, feilmelding = "kid har feil kontrollsiffer" })
      local result, err, refused = innsyn:index { good, bad }
      sandbox.konfigurasjon("DELETE", "/meldingsfeil?meldingId=" .. bad.meldingId)
      assert.is_nil(result)
      assert.equal("rejected", err.kind)
      assert.same({ bad.meldingId }, err.ids)
      assert.same({}, refused.ok)
      local fate = {}
      for _, entry in ipairs(refused.failed) do
        fate[entry.id] = entry.code .. ": " .. entry.reason
      end
      assert.equal("invalid: meldingMetadata: kid har feil kontrollsiffer", fate[bad.meldingId])
      assert.matches("^refused: nothing of the batch was stored", fate[good.meldingId])
      assert.same({}, stored(good.meldingId))
      assert.same({}, stored(bad.meldingId))
      assert(innsyn:index { good, bad })
      assert.equal(1, #stored(good.meldingId))
      assert.equal(1, #stored(bad.meldingId))
    end)

    it("is refused for an organisation without privilege", function()
      local batch = { converted(PERSON).meldinger[1] }
      batch[1].fiksOrganisasjonId = sandbox.description().organisations.nabo.fiks_organisasjon_id
      local result, err = innsyn:index(batch)
      assert.is_nil(result)
      assert.equal("denied", err.kind)
      assert.equal("INNSYN.INTEGRASJON_IKKE_AUTORISERT_FOR_INDEX", err.code)
      assert.is_string(err.error_id)
    end)

    it("does not call refused what an earlier try may have stored", function()
      local batch = { converted(PERSON).meldinger[1] }
      local sti = "/innsyn-index/api/v2/indexRequest"
      sandbox.fault { sti = sti, status = 503, etterUtforelse = true }
      sandbox.fault { sti = sti, status = 400 }
      local result = assert(innsyn:index(batch))
      assert.equal(1, result.counts.unknown)
      assert.equal(0, result.counts.failed)
      assert.equal("rejected", result.err.kind)
      assert.is_true(result.err.uncertain)
    end)

    it("is uncertain, never lost, when the platform fails", function()
      local batch = { converted(PERSON).meldinger[1] }
      sandbox.fault { sti = "/innsyn-index/api/v2/indexRequest", status = 500, antall = 9 }
      local result = assert(innsyn:index(batch))
      assert.is_false(result.complete)
      assert.equal(1, result.counts.unknown)
      assert.equal("server", result.err.kind)
    end)
  end)
end)
