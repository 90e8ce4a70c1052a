-- fiks.convert: from 2018 messages to Innsyn v2, and what gets lost.
local Report = require("fiks.schema.report")
local convert = require("fiks.convert")
local core = require("fiks.core")
local meldinger = require("spec.support.meldinger")
local schema = require("fiks.schema")
local shape = require("fiks.shapes.innsyn_v2")
local time = require("fiks.convert.time")

local id = meldinger.id

local function paths(entries)
  local found = {}
  for i, entry in ipairs(entries) do
    found[i] = entry.path
  end
  table.sort(found)
  return found
end

local function assert_valid(message)
  local report = Report.new()
  schema.check(report, shape, message, 1)
  assert.equal(0, report.count)
end

local FAKTURA = { fakturaMottaker = "Kåre Syntetisk", betalesTil = "Storevik kommune", belop = 10,
  status = "BETALT" }

describe("to_innsyn", function()
  it("converts a sakmappe", function()
    local message, err, report = convert.to_innsyn(meldinger.m2018("sakmappe"))
    assert.is_nil(err)
    assert.same({
      meldingId = id(1), sikkerhetsniva = 4, fiksOrganisasjonId = meldinger.FIKS_ORG,
      eksponertFor = { identifikatorType = "FODSELSNUMMER", verdi = meldinger.PERSON },
      eksternRef = "BARN_OG_FAMILIE", versjon = "MAPPE_V1",
      meldingMetadata = {
        type = "SAK", tittel = "Søknad om barnehageplass", mappeId = "2018/1042",
        saksansvarlig = "Åse Ødegård", saksdato = "2018-01-01T00:00:00Z", erAvsluttet = false,
      },
    }, message)
    assert_valid(message)
    assert.same({ "enhet.visningsnavn", "fiksOrganisasjon.visningsnavn",
      "typeMetadata.administrativEnhet" }, paths(report.lost))
    assert.same({}, report.missing)
  end)

  it("closes what is closed, and says that UTGAR has no counterpart", function()
    local old = meldinger.m2018("sakmappe")
    old.typeMetadata.saksstatus = "AVSLUTTET"
    assert.is_true(convert.to_innsyn(old).meldingMetadata.erAvsluttet)
    old.typeMetadata.saksstatus = "UTGAR"
    local message, _, report = convert.to_innsyn(old)
    assert.is_nil(message.meldingMetadata.erAvsluttet)
    assert.equal("typeMetadata.saksstatus", paths(report.lost)[4])
  end)

  it("converts a journalpost when file names and types are supplied", function()
    local old = meldinger.m2018("journalpost", 2)
    local message, err, report = convert.to_innsyn(old)
    assert.is_nil(message)
    assert.equal("missing", err.code)
    assert.same({
      "meldingMetadata.dokumenter[0].filnavn", "meldingMetadata.dokumenter[0].mimeType",
    }, paths(report.missing))
    message, err, report = convert.to_innsyn(old, {
      dokumenter = { { filnavn = "vedtak.pdf", mimeType = "application/pdf" } },
    })
    assert.is_nil(err)
    assert_valid(message)
    assert.same({
      tittel = "Vedtak", registreringsId = "2018/1042-3", beskrivelse = "Utgående brev",
      journaldato = "2018-05-24T05:42:31.605Z", forelder = { meldingId = id(1), type = "mappe" },
      dokumenter = { {
        tittel = "Vedtak", storrelse = 29765, lenke = "https://dokumenter.eksempel.no/a1",
        filnavn = "vedtak.pdf", mimeType = "application/pdf",
      } },
    }, message.meldingMetadata)
    assert.equal("typeMetadata.dokumentbeskrivelser[0].variantformat", paths(report.lost)[3])
  end)

  it("converts a faktura when what v2 requires is there", function()
    local old = meldinger.m2018("faktura", 3)
    local message, err, report = convert.to_innsyn(old)
    assert.is_nil(message)
    assert.same({ "meldingMetadata.belop", "meldingMetadata.betalesTil",
      "meldingMetadata.fakturaMottaker", "meldingMetadata.status" }, paths(report.missing))
    assert.matches("meldingMetadata.status", err.message, 1, true)
    old.typeMetadata.belop, old.typeMetadata.betalesTil = "1 032,50", "Storevik kommune"
    old.typeMetadata.fakturaMottaker = "Kåre Syntetisk"
    message, err = convert.to_innsyn(old, { status = "BETALT" })
    assert.is_nil(err)
    assert_valid(message)
    assert.same({
      tittel = "Parkeringsgebyr", fakturaDato = "2018-05-24", forfallDato = "2018-06-23",
      belop = 1032.5, betalesTil = "Storevik kommune", fakturaMottaker = "Kåre Syntetisk",
      status = "BETALT", forelder = { meldingId = id(1), type = "mappe" },
    }, message.meldingMetadata)
  end)

  it("reads amounts that have one reading, and leaves the others to the caller", function()
    local cases = {
      ["1032,50"] = 1032.5, ["1 032,50"] = 1032.5, ["1032.5"] = 1032.5, ["12"] = 12, ["-5,0"] = -5,
      ["1 000 000"] = 1000000, ["1\194\160032"] = 1032, ["0,05"] = 0.05, ["0"] = 0,
      ["1.032"] = false, ["1,032"] = false, ["1.032,50"] = false, ["12 34"] = false,
      ["1234 567"] = false, ["kr 5"] = false, ["5 kr"] = false, [""] = false, [","] = false,
      ["5,"] = false, ["1 032 ,5"] = false, [" 5"] = false, ["--5"] = false, ["1e3"] = false,
    }
    for text, number in pairs(cases) do
      local old = meldinger.m2018("faktura")
      old.typeMetadata.belop = text
      local message, err, report = convert.to_innsyn(old, {
        fakturaMottaker = "K", betalesTil = "S", status = "BETALT",
      })
      if number then
        assert.is_nil(err, text)
        assert.equal(number, message.meldingMetadata.belop, text)
      else
        assert.is_nil(message, text)
        assert.same({ "meldingMetadata.belop" }, paths(report.missing), text)
      end
    end
  end)

  it("does not convert a forsendelse, nor what it does not know", function()
    local message, err, report = convert.to_innsyn(meldinger.m2018("forsendelse"))
    assert.is_nil(message)
    assert.equal("not_convertible", err.code)
    assert.matches("forsendelse", err.message, 1, true)
    assert.is_table(report)
    for _, old in ipairs({ {}, { typeMetadata = 5 }, { typeMetadata = {} },
      { typeMetadata = { type = "vedtak" } }, { typeMetadata = core.null } }) do
      message, err = convert.to_innsyn(old)
      assert.is_nil(message)
      assert.equal("not_convertible", err.code)
    end
  end)

  it("takes a parent or a correlation, in every dialect", function()
    local old = meldinger.m2018("faktura")
    local parent = old.typeMetadata.forelder
    old.typeMetadata.forelder, old.typeMetadata.parent = nil, parent
    old.typeMetadata.korrelasjonId = "K-1"
    local message, _, report = convert.to_innsyn(old, FAKTURA)
    assert.same({ meldingId = id(1), type = "mappe" }, message.meldingMetadata.forelder)
    assert.is_nil(message.meldingMetadata.korrelasjonId)
    assert.equal("typeMetadata.korrelasjonId", paths(report.lost)[3])

    parent.type = "forsendelse"
    message, _, report = convert.to_innsyn(old, FAKTURA)
    assert.is_nil(message.meldingMetadata.forelder)
    assert.equal("K-1", message.meldingMetadata.korrelasjonId)
    assert.equal("typeMetadata.parent", paths(report.lost)[3])

    old.typeMetadata.korrelasjonId = "faktura_1"
    message, _, report = convert.to_innsyn(old, FAKTURA)
    assert.is_nil(message.meldingMetadata.korrelasjonId)
    assert.equal("typeMetadata.korrelasjonId", paths(report.lost)[3])
  end)

  it("asks for what is blank, and refuses what is wrong", function()
    local old = meldinger.m2018("sakmappe")
    old.typeMetadata.tittel = " "
    local message, err, report = convert.to_innsyn(old)
    assert.is_nil(message)
    assert.equal("missing", err.code)
    assert.same({ "meldingMetadata.tittel" }, paths(report.missing))
    old = meldinger.m2018("sakmappe")
    old.id = "x"
    message, err = convert.to_innsyn(old)
    assert.is_nil(message)
    assert.equal("validation", err.code)
    old = meldinger.m2018("sakmappe")
    old.typeMetadata.tittel = "Bl\229b"
    message, err = convert.to_innsyn(old)
    assert.is_nil(message)
    assert.equal("validation", err.code)
  end)

  it("knows organisations, and shows no personal number", function()
    local old = meldinger.m2018("sakmappe")
    old.eksponertFor = "330888660"
    assert.equal("ORGANISASJONSNUMMER", convert.to_innsyn(old).eksponertFor.identifikatorType)
    old.eksponertFor = "0181623695"
    local message, err = convert.to_innsyn(old)
    assert.is_nil(message)
    assert.is_nil(tostring(err):find("18162", 1, true))
  end)

  it("does not change what it converts", function()
    local old = meldinger.m2018("journalpost")
    convert.to_innsyn(old, { dokumenter = { { filnavn = "a", mimeType = "a/b" } } })
    assert.same(meldinger.m2018("journalpost"), old)
  end)

  it("raises on misuse", function()
    assert.has_error(function() convert.to_innsyn("x") end)
    assert.has_error(function() convert.to_innsyn({}, "x") end)
  end)
end)

describe("all", function()
  it("converts what it can, in order, and lists the rest", function()
    local list = { meldinger.m2018("sakmappe", 1), meldinger.m2018("forsendelse", 2),
      meldinger.m2018("faktura", 3), meldinger.m2018("faktura", 4) }
    local result = convert.all(list, function(_, index)
      return index == 3 and FAKTURA or nil
    end)
    assert.equal(2, #result.meldinger)
    assert.equal(id(3), result.meldinger[2].meldingId)
    assert.same({ 2, 4 }, { result.failed[1].index, result.failed[2].index })
    assert.equal(id(2), result.failed[1].id)
    assert.equal("missing", result.failed[2].err.code)
    assert.equal(4, #result.reports)
  end)
end)

describe("times", function()
  it("are days in Norway, with its summer time", function()
    local cases = {
      { 1527112800000, "2018-05-24" }, { 1527112799999, "2018-05-23" }, -- midnight is 22:00 UTC
      { 1515970800000, "2018-01-15" }, { 1515970799999, "2018-01-14" }, -- 23:00 UTC in winter
      { 0, "1970-01-01" }, { -3600001, "1969-12-31" }, { -1, "1970-01-01" },
      { 1521939600000, "2018-03-25" }, { 1540684800000, "2018-10-28" },
      { 809906400000, "1995-09-01" }, { 812325600000, "1995-09-28" }, -- summer time until September
      { 815094000000, "1995-10-31" }, { 815093999999, "1995-10-30" },
      { 324945953048, "1980-04-19" }, { 951865200000, "2000-03-01" },
    }
    for _, case in ipairs(cases) do
      assert.equal(case[2], time.norwegian_day(case[1]))
    end
  end)

  it("are points in UTC", function()
    local cases = {
      { 0, "1970-01-01T00:00:00Z" }, { 1527140551605, "2018-05-24T05:42:31.605Z" },
      { -1, "1969-12-31T23:59:59.999Z" }, { 951782400000, "2000-02-29T00:00:00Z" },
      { 4107542399000, "2100-02-28T23:59:59Z" }, { 253402300799999, "9999-12-31T23:59:59.999Z" },
      { -62167219200000, "0000-01-01T00:00:00Z" },
    }
    for _, case in ipairs(cases) do
      assert.equal(case[2], time.utc(case[1]))
    end
  end)

  it("are nothing when they are no milliseconds", function()
    for _, value in ipairs({ "x", 1.5, 0 / 0, 1 / 0, 1e18, true, {} }) do
      assert.is_nil(time.utc(value))
      assert.is_nil(time.norwegian_day(value))
    end
    assert.is_nil(time.norwegian_day(253402300799999)) -- the year 10000, in Norway
  end)
end)
