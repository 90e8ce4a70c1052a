-- client:meldingsboks():slett: never more than was asked for.
local fake_client = require("spec.support.fake_client")
local meldinger = require("spec.support.meldinger")
local meldingsboks = require("fiks.meldingsboks")

local ORG, ID = meldinger.FIKS_ORG, meldinger.id(7)

local function slett(given, step, dialect)
  local client = fake_client.new({ step })
  local service = meldingsboks.new(client, { dialect = dialect })
  local result, err, partial = service:slett(given)
  return result, err, client, partial
end

local GOOD = { status = 200, json = { antallSlettet = 3, feilet = false, slettingFeilet = false } }

describe("slett", function()
  it("sends the filters by the contract's names", function()
    local result, _, client = slett({
      fiks_organisasjon_id = ORG, enhet_id = "BARN", melding_id = ID,
    }, GOOD)
    assert.equal("meldingsboks.2018-v1.slett", client.calls[1].operation)
    assert.same({ fiksOrganisasjonId = ORG, enhetId = "BARN", meldingId = ID },
      client.calls[1].params)
    assert.equal(3, result.antall_slettet)
    assert.is_true(result.complete)
  end)

  it("deletes everything only when told so", function()
    local result, err, client = slett({ fiks_organisasjon_id = ORG })
    assert.is_nil(result)
    assert.equal("invalid", err.kind)
    assert.matches("all = true", err.message, 1, true)
    assert.equal(0, #client.calls)
    result, err, client = slett({ fiks_organisasjon_id = ORG, all = true }, GOOD)
    assert.is_nil(err)
    assert.same({ fiksOrganisasjonId = ORG }, client.calls[1].params)
    assert.is_true(result.complete)
  end)

  it("refuses filters that are empty, wrong or contradictory", function()
    for _, given in ipairs({
      { fiks_organisasjon_id = ORG, melding_id = "" },
      { fiks_organisasjon_id = ORG, enhet_id = "" },
      { fiks_organisasjon_id = ORG, enhet_id = false, melding_id = 5 },
      { fiks_organisasjon_id = ORG, melding_id = "x" },
      { fiks_organisasjon_id = ORG, melding_id = "", all = true },
      { fiks_organisasjon_id = ORG, melding_id = ID, all = true },
      { fiks_organisasjon_id = "x", melding_id = ID },
      { melding_id = ID }, { all = true }, {},
      { fiks_organisasjon_id = ORG, all = "false" },
      { fiks_organisasjon_id = ORG, all = 1 },
    }) do
      local result, err, client = slett(given)
      assert.is_nil(result)
      assert.equal("invalid", err.kind)
      assert.equal(0, #client.calls)
    end
  end)

  it("raises on unknown options: a misspelt filter must not widen it", function()
    assert.has_error(function()
      slett({ fiks_organisasjon_id = ORG, meldingid = ID, all = true }, GOOD)
    end)
  end)

  it("reports a partial deletion", function()
    local result = slett({ fiks_organisasjon_id = ORG, enhet_id = "BARN" }, { status = 200, json = {
      deletedMessages = 2, operationFailed = false, deletionsFailed = true,
      failedDeletionMessageId = { ID },
    } }, "2018-a")
    assert.equal(2, result.antall_slettet)
    assert.same({ ID }, result.ikke_slettet)
    assert.is_false(result.complete)
    result = slett({ fiks_organisasjon_id = ORG, enhet_id = "BARN" }, { status = 200, json = {
      antallSlettet = 2, feilet = false, slettingFeilet = true,
    } })
    assert.is_false(result.complete)
  end)

  it("gives an error when the operation failed, with the id for support", function()
    local result, err, _, partial = slett({ fiks_organisasjon_id = ORG, all = true }, {
      status = 200, json = { antallSlettet = 0, feilet = true, feilId = "7b1d" },
    })
    assert.is_nil(result)
    assert.equal("server", err.kind)
    assert.equal("7b1d", err.error_id)
    assert.equal(0, partial.antall_slettet)
  end)

  it("does not take something else for success", function()
    for _, body in ipairs({ "", "{", "5" }) do
      local result, err = slett({ fiks_organisasjon_id = ORG, all = true }, {
        status = 200, body = body,
      })
      assert.is_nil(result)
      assert.equal("protocol", err.kind)
    end
    local everything = { fiks_organisasjon_id = ORG, all = true }
    local result, err = slett(everything, { status = 200, json = {} })
    assert.is_nil(err)
    assert.is_false(result.complete)
    result, err = slett(everything, { status = 403 })
    assert.is_nil(result)
    assert.equal("denied", err.kind)
  end)
end)
