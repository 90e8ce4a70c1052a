-- fiks.schema and its formats, and the message shapes as far as the vectors do not reach.
local Report = require("fiks.schema.report")
local core = require("fiks.core")
local formats = require("fiks.schema.formats")
local meldinger = require("spec.support.meldinger")
local schema = require("fiks.schema")
local shapes = require("fiks.shapes.meldingsboks")
local v1 = require("fiks.shapes.innsyn_v1")
local v2 = require("fiks.shapes.innsyn_v2")

-- What is wrong with a value: { "path rule", ... }, the report, and what would be sent.
local function check(shape, value)
  local report = Report.new()
  local sent = schema.check(report, shape, value, 1)
  local found = {}
  for i, problem in ipairs(report.problems) do
    found[i] = problem.path .. " " .. problem.rule
  end
  return found, report, sent
end

local function object(...)
  return { kind = "object", fields = { ... } }
end

local function check_2018(message)
  return check(shapes["2018-v1"], message)
end

local function message_of(shape, value)
  local _, report = check(shape, value)
  return report.problems[1] and report.problems[1].message
end

describe("a shape", function()
  it("takes valid messages of every kind", function()
    for _, kind in ipairs({ "sakmappe", "journalpost", "forsendelse", "faktura" }) do
      assert.same({}, (check_2018(meldinger.m2018(kind))))
    end
    for _, versjon in ipairs({ "FAKTURA_V1", "MAPPE_V1", "JOURNALPOST_V1" }) do
      assert.same({}, (check(v2, meldinger.v2(versjon))))
    end
    assert.same({}, (check(v1, meldinger.v1())))
  end)

  it("reports every problem of a message, not the first", function()
    local message = meldinger.m2018("faktura")
    message.id, message.enhet, message.innloggingsniva = "x", nil, -1
    message.typeMetadata.tittel = 5
    message.typeMetadata.forelder.type = "mappe"
    assert.same({
      "id uuid", "innloggingsniva range", "enhet required", "typeMetadata.tittel type",
      "typeMetadata.forelder.type enum",
    }, (check_2018(message)))
  end)

  it("refuses what is no message", function()
    for _, value in ipairs({ "x", 5, true, core.null, { 1 }, core.array({}) }) do
      assert.same({ "$ type" }, (check_2018(value)))
    end
  end)

  it("counts array elements from 0, as JSON does", function()
    local message = meldinger.m2018("forsendelse")
    message.typeMetadata.dokumenter[2] = { tittel = "x", nedlastingLenke = 5 }
    assert.same({ "typeMetadata.dokumenter[1].nedlastingLenke type" }, (check_2018(message)))
  end)

  it("leaves out null where a value is optional, and keeps it where the schema has it", function()
    local message = meldinger.m2018("faktura")
    message.typeMetadata.belop = core.null
    local found, _, sent = check_2018(message)
    assert.same({}, found)
    assert.is_nil(sent.typeMetadata.belop)
    assert.equal(core.null, message.typeMetadata.belop) -- the caller's table is left alone
    message = meldinger.v2("MAPPE_V1")
    message.meldingMetadata.beskrivelse = core.null
    found, _, sent = check(v2, message)
    assert.same({}, found)
    assert.equal(core.null, sent.meldingMetadata.beskrivelse)
  end)

  it("refuses null where a value is required", function()
    local message = meldinger.m2018("faktura")
    message.typeMetadata.tittel, message.enhet = core.null, core.null
    assert.same({ "enhet required", "typeMetadata.tittel required" }, (check_2018(message)))
  end)

  it("sends an empty table as an array where the schema has one", function()
    local message = meldinger.v2("MAPPE_V1")
    message.meldingMetadata.lenker = {}
    local found, _, sent = check(v2, message)
    assert.same({}, found)
    assert.equal("[]", core.json_encode(sent.meldingMetadata.lenker))
  end)

  it("refuses empty, mixed, sparse and holed arrays", function()
    local document = meldinger.m2018("forsendelse").typeMetadata.dokumenter[1]
    local cases = {
      { {}, "min_items" }, { core.array({}), "min_items" }, { { document, x = 1 }, "array" },
      { { [0] = document }, "array" }, { { [2] = document }, "array" }, { "x", "type" },
      { { document, nil, document }, "array" }, { { [1.5] = document }, "array" },
      { { [true] = document }, "array" },
    }
    for i, case in ipairs(cases) do
      local message = meldinger.m2018("forsendelse")
      message.typeMetadata.dokumenter = case[1]
      assert.same({ "typeMetadata.dokumenter " .. case[2] }, (check_2018(message)), "case " .. i)
    end
  end)

  it("names the hole", function()
    assert.equal("must be an array without holes: element 2 (counted from 1) is nil",
      message_of({ kind = "array", items = { kind = "number" } }, { 1, nil, 3 }))
  end)

  it("names what an empty object lacks", function()
    local message = meldinger.m2018("faktura")
    message.enhet = {}
    assert.same({ "enhet.id required", "enhet.visningsnavn required" }, (check_2018(message)))
  end)

  it("refuses unknown fields where the schema does, and warns elsewhere", function()
    local message = meldinger.v2("FAKTURA_V1")
    message.meldingMetadata.fakturadato = "2026-01-15"
    local found, report = check(v2, message)
    assert.same({ "meldingMetadata.fakturadato unknown" }, found)
    assert.matches("fakturaDato", report.problems[1].message, 1, true)
    message = meldinger.m2018("faktura")
    message.typeMetadata.belp = "1"
    found, report = check_2018(message)
    assert.same({}, found)
    assert.equal("typeMetadata.belp", report.warnings[1].path)
    assert.matches('"belop"', report.warnings[1].message, 1, true)
  end)

  it("checks that unknown fields can be sent at all", function()
    local ring = {}
    ring.ring = ring
    for rule, value in pairs({ type = print, utf8 = "\255", cycle = ring, number = 0 / 0 }) do
      local message = meldinger.m2018("faktura")
      message.ekstra = { value }
      assert.same({ "ekstra " .. rule }, (check_2018(message)))
    end
  end)

  it("refuses keys that are no names", function()
    local message = meldinger.m2018("faktura")
    message[true] = 1
    assert.same({ "$ key" }, (check_2018(message)))
  end)

  it("asks for the type of a message first", function()
    local message = meldinger.m2018("faktura")
    for _, case in ipairs({ { nil, "required" }, { core.null, "required" }, { "vedtak", "enum" },
      { 5, "enum" } }) do
      message.typeMetadata.type = case[1]
      assert.same({ "typeMetadata.type " .. case[2] }, (check_2018(message)))
    end
  end)

  it("does not read through metatables", function()
    local proxy = setmetatable({}, { __index = meldinger.m2018("faktura") })
    assert.equal(6, #check_2018(proxy))
  end)
end)

describe("texts", function()
  local navn = { kind = "string", pattern = "navn" }

  it("are UTF-8", function()
    for _, text in ipairs { "Bl\229b", "A\237\160\128B", "\192\175", "\244\144\128\128", "\195" } do
      assert.same({ "$ utf8" }, (check({ kind = "string" }, text)))
      assert.same({ "$ utf8" }, (check(navn, text)))
    end
    assert.matches("0xE5 at offset 2", message_of({ kind = "string" }, "Bl\229b"), 1, true)
    assert.same({}, (check({ kind = "string" }, "A\0B \240\159\147\172")))
  end)

  it("match whole patterns, by code points", function()
    for _, text in ipairs({ "Ås kommune", "ÆØÅ æøå", "a.b,c/d-e_f 1", "-", " " }) do
      assert.same({}, (check(navn, text)), text)
    end
    for _, text in ipairs({ "", "Barn & unge", "Kárášjohka", "O'Brien", "a\n", "\na", "a\0", "a:b",
      "Malmö", "a\226\128\147b", "\195\128", "\195\191", "\197\184" }) do
      assert.same({ "$ pattern" }, (check(navn, text)), text)
    end
  end)

  it("name the character", function()
    assert.matches("character 6, '&' (U+0026)", message_of(navn, "Barn & unge"), 1, true)
    assert.matches("character 2, 'á' (U+00E1)", message_of(navn, "Kárášjohka"), 1, true)
    assert.matches("character 3, (U+000A)", message_of(navn, "Ås\n"), 1, true)
    assert.matches("character 1, '😀' (U+1F600)", message_of(navn, "😀"), 1, true)
    assert.matches("NFC", message_of(navn, "A\204\138s"), 1, true)
  end)

  it("match the ids of units without spaces", function()
    local enhet = { kind = "string", pattern = "enhet" }
    assert.same({}, (check(enhet, "næring_og-skjenking9")))
    assert.same({ "$ pattern" }, (check(enhet, "BARN OG FAMILIE")))
    assert.same({ "$ pattern" }, (check(enhet, "a.b")))
  end)

  it("match digits and types", function()
    local cases = {
      eksponert = {
        { "01816236955", "330888660" }, { "0181623695", "330 888 660", "33088866\n", "" },
      },
      korrelasjon = { { "KORR-77", "-" }, { "faktura_1", "æ", "" } },
      siffer1til6 = { { "0", "123456" }, { "", "1234567", "12a" } },
      siffer4 = { { "9999" }, { "999", "99999", "9999\n" } },
      mime = {
        { "application/pdf", "image/svg+xml", "application/vnd.ms-excel" },
        { "pdf", "a/", "/a", "text/html; charset=utf-8", "a/b+", "a/b/c" },
      },
      matrikkel = { { "9999-12/345/0/0" }, { "9999-12/345", "9999" } },
    }
    for name, case in pairs(cases) do
      for _, text in ipairs(case[1]) do
        assert.is_true(formats.pattern(name, text), name .. " " .. text)
      end
      for _, text in ipairs(case[2]) do
        assert.is_nil(formats.pattern(name, text), name .. " " .. text)
      end
    end
  end)

  it("are not blank where something must be said", function()
    local said = { kind = "string", not_blank = true }
    assert.same({}, (check(said, " a ")))
    assert.same({}, (check(said, "\t«å»")))
    assert.same({}, (check(said, "å")))
    for _, text in ipairs({ "", " ", " \t\n", "\194\160", "\226\128\137 \227\128\128" }) do
      assert.same({ "$ not_blank" }, (check(said, text)))
    end
  end)

  it("are UUIDs in their canonical form", function()
    local good = meldinger.id(0xabcdef)
    assert.same({}, (check({ kind = "uuid" }, good)))
    for _, text in ipairs({ good:upper(), "{" .. good .. "}", "urn:uuid:" .. good, good .. "\n",
      good:sub(2), (good:gsub("-", "")), "", (good:gsub("a", "g")) }) do
      assert.same({ "$ uuid" }, (check({ kind = "uuid" }, text)), text)
    end
    assert.matches("lower case: " .. good, message_of({ kind = "uuid" }, good:upper()), 1, true)
  end)

  it("are days and times that exist", function()
    local days = { "2024-02-29", "2000-02-29", "2026-12-31", "0001-01-01" }
    local no_days = { "2026-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-01",
      "2026-1-1", "2026-01-15T00:00:00Z", "15.01.2026", "2026-01-00", "2026-01-01\n" }
    local times = { "2026-01-15T12:00:00Z", "2026-01-15T12:00:00.123+01:00",
      "2026-01-15t00:00:00z" }
    local no_times = { "2026-01-15T12:00:00", "2026-01-15", "2026-01-15T24:00:00Z",
      "2026-01-15T12:60:00Z", "2026-01-15T12:00:61Z", "2026-02-30T12:00:00Z",
      "2026-01-15T12:00:00+0100", "2026-01-15T12:00:00+24:00", "2026-01-15T12:00:00.Z",
      "2026-01-15 12:00:00Z", "2026-01-15T12:00:00Z\n" }
    for format, case in pairs({ date = { days, no_days }, datetime = { times, no_times } }) do
      for _, text in ipairs(case[1]) do
        assert.is_true(formats[format](text), text)
      end
      for _, text in ipairs(case[2]) do
        assert.is_nil((formats[format](text)), text)
      end
    end
  end)

  it("are of an enum to the letter, also where one ends in a space", function()
    local enum = { kind = "enum", values = { "AKTIV", "MANUELT_AVSLUTTET " } }
    assert.same({}, (check(enum, "MANUELT_AVSLUTTET ")))
    assert.matches('did you mean "MANUELT_AVSLUTTET "?', message_of(enum, "MANUELT_AVSLUTTET"), 1,
      true)
    for _, value in ipairs({ "aktiv", "AKTIV ", "", 5, {} }) do
      assert.same({ "$ enum" }, (check(enum, value)))
    end
  end)
end)

describe("the list of a call", function()
  it("has a length only without holes", function()
    assert.equal(0, schema.length({}))
    assert.equal(2, schema.length({ 1, 2 }))
    assert.is_nil((schema.length({ 1, nil, 3 })))
    assert.is_nil((schema.length({ n = 1, 1 })))
  end)
end)

describe("rules between fields", function()
  it("say how many of them may be there", function()
    local shape = object({ "a", { kind = "string" } }, { "b?", { kind = "string" } })
    local cases = {
      at_most_one = { { {}, true }, { { a = "x" }, true }, { { a = "x", b = "y" }, false } },
      exactly_one = {
        { {}, false }, { { a = "x", b = core.null }, true }, { { a = "x", b = "y" }, false },
      },
      at_least_one = {
        { {}, false }, { { b = core.null }, false }, { { a = "x", b = "y" }, true },
      },
    }
    for rule, list in pairs(cases) do
      shape.rules = { { rule, "a", "b" } }
      for i, case in ipairs(list) do
        assert.equal(case[2], #check(shape, case[1]) == 0, rule .. i)
      end
    end
  end)

  it("ask for fields by the value of another", function()
    local message = meldinger.v2("BARNEVERN_JOURNALPOST_V1")
    local metadata = message.meldingMetadata
    assert.same({}, (check(v2, message)))
    metadata.innsynsforesporselStatus, metadata.systemId = "IKKE_FORESPURT", " "
    metadata.dokumenttype = "TILTAKSPLAN"
    assert.same({
      "meldingMetadata.mappeId required", "meldingMetadata.systemId required",
      "meldingMetadata.tiltaksplanDetaljer required",
    }, (check(v2, message)))
    metadata.dokumenttype, metadata.tiltaksplanDetaljer = "VEDTAK", core.null
    metadata.mappeId, metadata.systemId = {}, "s"
    assert.same({}, (check(v2, message)))
  end)

  it("refuse null where one of two fields is asked for", function()
    for versjon, name in pairs({ MAPPE_V1 = "lenker", JOURNALPOST_V1 = "edialogSkjemaer",
      BARNEVERN_JOURNALPOST_V1 = "korrespondanseparter" }) do
      local message = meldinger.v2(versjon)
      message.meldingMetadata[name] = { core.null }
      assert.same({ "meldingMetadata." .. name .. "[0] type" }, (check(v2, message)))
      message.meldingMetadata[name] = core.null
      assert.same({}, (check(v2, message)))
    end
    local message = meldinger.v2("JOURNALPOST_V1")
    message.meldingMetadata.dokumenter = { core.null }
    assert.same({}, (check(v2, message)))
  end)

  it("ask for a number of the kind that is announced", function()
    local message = meldinger.v2("MAPPE_V1")
    message.eksponertFor.verdi = "330888660"
    assert.same({ "eksponertFor.verdi pattern" }, (check(v2, message)))
    message.eksponertFor.identifikatorType = "ORGANISASJONSNUMMER"
    assert.same({}, (check(v2, message)))
    message.eksponertFor = { identifikatorType = "OFFENTLIG", verdi = "x" }
    assert.same({}, (check(v2, message)))
  end)
end)

describe("metadata in Base64", function()
  local function with(text)
    local message = meldinger.v2("MAPPE_V1")
    message.meldingMetadata = text
    return check(v2, message)
  end

  it("is read and checked, and sent as it was", function()
    local text = core.base64('{"type":"SAK","tittel":"x"}')
    local found, _, sent = with(text)
    assert.same({}, found)
    assert.equal(text, sent.meldingMetadata)
    text = core.base64('{"type":"SAK","tittel":" "}')
    assert.same({ "meldingMetadata.tittel not_blank" }, (with(text)))
  end)

  it("is made anew when a null has to be left out", function()
    local text = core.base64('{"type":"SAK","tittel":"x","eiendommer":[{"matrikkel":'
      .. '{"matrikkelId":null,"bruksnummer":null}}]}')
    local found, _, sent = with(text)
    assert.same({}, found)
    local matrikkel = sent.meldingMetadata.eiendommer[1].matrikkel
    assert.equal('{"bruksnummer":null}', core.json_encode(matrikkel))
  end)

  it("is refused when it is none", function()
    assert.same({ "meldingMetadata base64" }, (with('{"type":"SAK"}')))
    assert.same({ "meldingMetadata base64" }, (with("eyJ_-w==")))
    assert.same({ "meldingMetadata json" }, (with(core.base64("{"))))
    assert.same({ "meldingMetadata type" }, (with(core.base64("[]"))))
    assert.same({ "meldingMetadata type" }, (with(core.base64("5"))))
    assert.same({ "meldingMetadata type" }, (with(5)))
  end)
end)
