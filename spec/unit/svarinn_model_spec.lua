-- fiks.svarinn.model: v1 and v2 become one form.

local core = require "fiks.core"
local model = require "fiks.svarinn.model"

local function decoded(json)
  return assert(core.json_decode(json))
end

local V1 = [[{
  "id": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "tittel": "Søknad", "date": 1527140551605,
  "status": "Klar for mottak", "niva": "4", "forsendelseType": "type-a",
  "downloadUrl": "https://svarut.ks.no/tjenester/svarinn/forsendelse/3fa8",
  "avsender": {"navn": "Ola", "adresselinje1": "Gata 1", "postnr": "0150", "poststed": "Oslo"},
  "mottaker": {"navn": "Kommune", "orgnr": "958935420", "adresse1": "Rådhuset", "postnr": "0037"},
  "svarSendesTil": {"navn": "Ola", "fnr": "01010101010", "adresse2": "B"},
  "svarPaForsendelse": "b", "eksternRef": "r", "avgivendeSystem": "EDIALOG",
  "taushetsbelagtPost": true,
  "filmetadata": [{"filnavn": "æ.pdf", "mimetype": "application/pdf", "sha256hash": " AB12 ",
    "size": 12, "dokumentType": "brev", "ekstraMetadata": [{"key": "k", "value": null}]}],
  "lenker": [{"urlLenke": "https://x", "urlTekst": "t", "ledetekst": "l"}],
  "metadataFraAvleverendeSystem": {"saksaar": 2018, "sakssekvensnummer": 0, "journalaar": 2018,
    "journalpostnummer": 3, "journaldato": 1527140551605, "saksBehandler": "Kari",
    "ekstraMetadata": [{"key": "a", "value": "b"}]},
  "metadataForImport": {"mappeId": "m", "systemId": "s", "registreringsId": "g",
    "dokumentetsDato": "2014-10-21T09:30:13.310+02:00"}
}]]

local V2 = [[{
  "id": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "tittel": "Søknad",
  "dato": "2018-05-24T05:42:31.605Z", "sikkerhetsniva": "HOYESTE", "type": "type-a",
  "nedlastingslenke": "https://svarut.ks.no/tjenester/svarinn/forsendelse/3fa8",
  "avsender": {"postadresse": {"navn": "Ola", "adresselinje1": "Gata 1", "postnummer": "0150",
    "poststed": "Oslo"}},
  "mottaker": {"organisasjonsnummer": "958935420", "postadresse": {"navn": "Kommune",
    "adresselinje1": "Rådhuset", "postnummer": "0037"}},
  "svarSendesTil": {"fodselsnummer": "01010101010", "postadresse": {"navn": "Ola",
    "adresselinje2": "B"}},
  "svarPaForsendelse": "b", "eksternRef": "r", "avgivendeSystem": "EDIALOG",
  "taushetsbelagtPost": true,
  "filer": [{"filnavn": "æ.pdf", "mimeType": "application/pdf", "hash": "ab12", "storrelse": 12,
    "type": "brev", "ekstraMetadata": [{"key": "k", "value": null}]}],
  "lenker": [{"lenke": "https://x", "tekst": "t", "ledetekst": "l"}],
  "metadataFraAvleverendeSystem": {"mappeId": {"saksaar": 2018, "sakssekvensnummer": 0},
    "journalpostId": {"journalaar": 2018, "journalpostnummer": 3},
    "journaldato": "2018-05-24T05:42:31.605Z", "saksbehandler": "Kari",
    "virksomhetsspesifikkeMetadata": [{"key": "a", "value": "b"}]},
  "metadataForImport": {"mappeId": {"mappeId": "m"},
    "journalpostId": {"systemId": "s", "registreringsId": "g"},
    "dokumentetsDato": "2014-10-21T09:30:13.310+02:00"}
}]]

describe("a forsendelse", function()
  it("is the same from v1 and v2, but for the status that v2 has not", function()
    local one, bad1 = model.forsendelse(decoded(V1))
    local two, bad2 = model.forsendelse(decoded(V2))
    assert.is_nil(bad1)
    assert.is_nil(bad2)
    assert.equal("Klar for mottak", one.status)
    one.status, one.raw, two.raw = nil, nil, nil
    assert.same(one, two)
  end)

  it("has what its documentation says", function()
    local f = model.forsendelse(decoded(V1))
    assert.equal("Søknad", f.tittel)
    assert.equal(4, f.niva)
    assert.equal(1527140551605, f.dato_ms)
    assert.equal("2018-05-24T05:42:31.605Z", f.dato)
    assert.same({ navn = "æ.pdf", mime = "application/pdf", sha256 = "ab12", size = 12,
      type = "brev", extra = { { key = "k" } } }, f.filer[1])
    assert.equal("0150", f.avsender.postnummer)
    assert.equal("01010101010", f.svarSendesTil.fnr)
    assert.equal("B", f.svarSendesTil.adresselinje2)
    assert.equal(2018, f.metadataFraAvleverendeSystem.saksaar)
    assert.is_nil(f.metadataFraAvleverendeSystem.sakssekvensnummer) -- 0 is "not set"
    assert.equal("Kari", f.metadataFraAvleverendeSystem.saksbehandler)
    assert.equal("m", f.metadataForImport.mappeId)
    assert.equal(1413876613310, f.metadataForImport.dokumentetsDato_ms)
  end)

  it("copes with null and absence everywhere", function()
    local raw = { id = "a" }
    for name in pairs(decoded(V1)) do
      raw[name] = name == "id" and "a" or core.null
    end
    for name in pairs(decoded(V2)) do
      raw[name] = name == "id" and "a" or core.null
    end
    local f, bad = model.forsendelse(raw)
    assert.is_nil(bad)
    f.raw = nil
    assert.same({ id = "a", filer = {}, lenker = {} }, f)
    f = model.forsendelse { id = "a" }
    f.raw = nil
    assert.same({ id = "a", filer = {}, lenker = {} }, f)
  end)

  it("takes numbers as text and text as numbers", function()
    local f = model.forsendelse { id = "a", niva = 3, tittel = 7, date = "1527140551605",
      filmetadata = { { filnavn = "x", size = "12" } } }
    assert.equal(3, f.niva)
    assert.equal("7", f.tittel)
    assert.equal(1527140551605, f.dato_ms)
    assert.equal(1, #f.filer)
    assert.equal(12, f.filer[1].size)
  end)

  it("passes unknown levels on as text", function()
    assert.equal("EKSTREM", model.forsendelse({ id = "a", sikkerhetsniva = "EKSTREM" }).niva)
  end)

  it("knows no size from 0, nor from nonsense", function()
    for _, size in ipairs { 0, -1, 1.5, 1e300, "mange", "99999999999999999999" } do
      local f = model.forsendelse { id = "a", filer = { { filnavn = "x", storrelse = size } } }
      assert.is_nil(f.filer[1].size, tostring(size))
    end
  end)

  it("has no hash when it is blank", function()
    local f = model.forsendelse { id = "a", filer = { { filnavn = "x", hash = "  " } } }
    assert.is_nil(f.filer[1].sha256)
  end)

  it("with an id that is not safe in a path is a problem", function()
    for _, id in ipairs { "", "../x", "a/b", "a.b", "%2e", "a\r\nb", "a b", ("a"):rep(65), {} } do
      local f, bad = model.forsendelse { id = id }
      assert.equal("protocol", bad.kind)
      assert.equal("forsendelse_id", bad.code)
      assert.is_nil(bad.message:find("[\r\n]"))
      assert.same({}, f.filer)
    end
    assert.is_nil(select(2, model.forsendelse { id = ("a"):rep(64) }))
    assert.is_nil(select(2, model.forsendelse { id = 17 })) -- a number is taken as text
  end)

  it("with files or an address that cannot be used is a problem", function()
    local _, bad = model.forsendelse { id = "a", filer = { {} } }
    assert.equal("filnavn", bad.code)
    _, bad = model.forsendelse { id = "a", filer = { { filnavn = "a\0b" } } }
    assert.equal("filnavn", bad.code)
    _, bad = model.forsendelse { id = "a", downloadUrl = "https://x/\r\ny" }
    assert.equal("url", bad.code)
  end)

  it("with an entry of the file list that is no object is a problem, wherever it stands", function()
    for _, name in ipairs { "filmetadata", "filer" } do
      for _, entry in ipairs { 5, "x", true, core.null } do
        for place = 1, 3 do
          local list = { { filnavn = "a" }, { filnavn = "b" } }
          table.insert(list, place, entry)
          local f, bad = model.forsendelse { id = "a", [name] = list }
          assert.equal("protocol", bad.kind)
          assert.equal("fil", bad.code)
          assert.truthy(bad.message:find("entry " .. place, 1, true))
          assert.equal(2, #f.filer)
        end
      end
    end
    local _, bad = model.forsendelse(decoded '{"id": "a", "filer": [null, {"filnavn": "b"}]}')
    assert.equal("fil", bad.code)
  end)

  it("with a file list that is no array is a problem, absent and null are no list", function()
    for _, name in ipairs { "filmetadata", "filer" } do
      for _, list in ipairs { '{"filnavn": "a"}', "{}", '"a"', "5", "true", "false" } do
        local f, bad = model.forsendelse(decoded(('{"id": "a", "%s": %s}'):format(name, list)))
        assert.equal("protocol", bad.kind)
        assert.equal("fil", bad.code)
        assert.matches("not an array", bad.message)
        assert.same({}, f.filer)
      end
      for _, list in ipairs { "[]", "null" } do
        assert.is_nil(select(2, model.forsendelse(decoded(('{"id": "a", "%s": %s}'):format(name,
          list)))))
      end
    end
    local f = model.forsendelse(decoded('{"id": "a", "filmetadata": null, "filer": '
      .. '[{"filnavn": "b"}]}'))
    assert.equal(1, #f.filer)
  end)

  it("that is no object is a problem", function()
    for _, raw in ipairs { "x", 5, true, core.null } do
      local f, bad = model.forsendelse(raw)
      assert.equal("protocol", bad.kind)
      assert.same({}, f.filer)
    end
  end)
end)

describe("a time", function()
  it("is read from ISO 8601 in its usual forms", function()
    for text, ms in pairs {
      ["1970-01-01T00:00:00Z"] = 0,
      ["1970-01-01"] = 0,
      ["1969-12-31T23:59:59Z"] = -1000,
      ["2000-02-29T12:00:00.5Z"] = 951825600500,
      ["2018-05-24T07:42:31.605+02:00"] = 1527140551605,
      ["2018-05-24T07:42:31.605+0200"] = 1527140551605,
      ["2018-05-24T00:12:31-05:30"] = 1527140551000,
      ["2018-05-24T05:42Z"] = 1527140520000,
      ["2018-05-24T05:42:31"] = 1527140551000,
    } do
      local got, iso = model.time(text)
      assert.equal(ms, got, text)
      assert.equal(text, iso)
    end
  end)

  it("that cannot be read stays text, or nothing", function()
    assert.same({ n = 2, nil, "i går" }, { n = 2, model.time("i går") })
    assert.is_nil((model.time(core.null)))
    assert.is_nil((model.time(1e300)))
    assert.is_nil((model.time {}))
  end)

  it("before 1970 and with fractions is written right", function()
    assert.equal("1969-12-31T23:59:59.999Z", select(2, model.time(-1)))
    assert.equal("1970-01-01T00:00:00.001Z", select(2, model.time(1.7)))
  end)
end)
