-- client:with { fiks_organisasjon = }: the municipality that calls are about when they name none.

local fake_core = require "spec.support.fake_core"
local meldinger = require "spec.support.meldinger"

local ID = "5b2b3a3e-6b53-4a3a-9a77-0e5c0a9d7f11"
local OWN, OTHER = "9b5cd314-df97-4f56-ae6d-ce8ac843db2a", "493602ec-6453-4eab-9d01-847d8418b873"
local MELDING = "76834c48-bd41-41da-acd9-2ee6f4383073"

describe("a client of a fiks-organisasjon", function()
  local fake, fiks, core, client

  before_each(function()
    fake = fake_core.install()
    fiks = require "fiks"
    core = require "fiks.core"
    fake.answer = function()
      return { status = 200, body = '{"antallSlettet":1,"opprettet":1,"oppdatert":0}' }
    end
    local plain = assert(fiks.new { environment = "test",
      integrasjon = { id = ID, password = "p" } })
    assert.is_nil(plain.fiks_organisasjon)
    client = assert(plain:with { fiks_organisasjon = OWN:upper() })
    assert.is_nil(plain.fiks_organisasjon)
  end)
  after_each(fake_core.restore)

  local function last()
    return fake.calls[#fake.calls]
  end

  it("keeps it through with, until another is given", function()
    assert.equal(OWN, client.fiks_organisasjon) -- in lower case
    local next_one = assert(client:with { integrasjon = { id = ID, password = "q" } })
    assert.equal(OWN, next_one.fiks_organisasjon)
    assert.equal(OTHER, assert(next_one:with { fiks_organisasjon = OTHER }).fiks_organisasjon)
    assert.equal(OWN, client:as_person("t").fiks_organisasjon)
  end)

  it("may have it from fiks.new, and keeps it when it is reloaded", function()
    local own = assert(fiks.new { environment = "test", fiks_organisasjon = OTHER })
    assert.equal(OTHER, own.fiks_organisasjon)
    local derived = assert(own:with { fiks_organisasjon = OWN })
    assert(own:reload())
    assert.equal(OTHER, own.fiks_organisasjon)
    assert.equal(OWN, derived.fiks_organisasjon)
  end)

  it("refuses what is no UUID", function()
    for _, wrong in ipairs { "310000019", "", 7, "{" .. OWN .. "}" } do
      local made, err = client:with { fiks_organisasjon = wrong }
      assert.is_nil(made)
      assert.equal("config", err.kind)
      assert.equal("fiks_organisasjon", err.code)
    end
  end)

  it("deletes in it", function()
    assert(client:innsyn():slett { melding_id = MELDING })
    assert.equal(OWN, last().params.fiksOrganisasjonId)
    assert(client:meldingsboks():slett { melding_id = MELDING })
    assert.equal(OWN, last().params.fiksOrganisasjonId)
    local item = { meldingId = MELDING, meldingType = "mappe" }
    assert(client:innsyn():slett_by_melding_id { item })
    assert.equal(OWN, core.json_decode(last().body).meldinger[1].fiksOrgId)
    assert.is_nil(item.fiksOrgId) -- the caller's table stays
  end)

  it("indexes for it", function()
    for versjon, message in pairs { [1] = meldinger.v1(1), [2] = meldinger.v2("MAPPE_V1") } do
      message.fiksOrganisasjonId = nil
      fiks.check(client:innsyn({ versjon = versjon }):index { message })
      assert.truthy(last().body:find('"fiksOrganisasjonId":"' .. OWN, 1, true))
      assert.is_nil(message.fiksOrganisasjonId) -- the caller's table stays
      message.fiksOrganisasjonId = OTHER
      fiks.check(client:innsyn({ versjon = versjon }):index { message })
      assert.truthy(last().body:find('"fiksOrganisasjonId":"' .. OTHER, 1, true))
    end
  end)

  it("does as it is told when another is named", function()
    assert(client:innsyn():slett { fiks_organisasjon_id = OTHER, melding_id = MELDING })
    assert.equal(OTHER, last().params.fiksOrganisasjonId)
    assert(client:meldingsboks():slett { fiks_organisasjon_id = OTHER, melding_id = MELDING })
    assert.equal(OTHER, last().params.fiksOrganisasjonId)
    assert(client:innsyn():slett_by_melding_id { { fiksOrgId = OTHER, meldingId = MELDING,
      meldingType = "mappe" } })
    assert.equal(OTHER, core.json_decode(last().body).meldinger[1].fiksOrgId)
  end)
end)
