--- Parts of the Innsyn v2 shapes that cases share: mappe, journalpost and their child welfare
--- forms. Source: KS's fiks-innsyn-json-schema 1.13.3. Data: fiks.schema reads it.

local T = require "fiks.shapes.types"

local M = {}

--- The same shape where an array's element may also be null.
function M.nullable(node)
  local copy = { nullable = true }
  for name, value in pairs(node) do
    copy[name] = value
  end
  return copy
end

local function closed(fields, rules)
  return { kind = "object", closed = true, fields = fields, rules = rules }
end

-- An array whose elements may be null. Not so where a rule asks for one of two fields: their
-- schemas name null as a type, but the rule refuses it.
local function list(items)
  return T.list(M.nullable(items))
end

local function joined(...)
  local all = {}
  for _, fields in ipairs { ... } do
    for _, field in ipairs(fields) do
      all[#all + 1] = field
    end
  end
  return all
end

local STED = {
  { "adresselinje1?", T.said }, { "adresselinje2?", T.said }, { "adresselinje3?", T.said },
  { "poststed?", T.said }, { "postnummer?", T.said }, { "land?", T.said },
}
local KONTAKT = {
  { "id?", { kind = "string", not_blank = true, personal = true } }, { "epost?", T.said },
  { "telefonnummer?", T.said }, { "kontaktperson?", T.said },
}
local SPRAK = {
  { "bokmal?", T.said }, { "nynorsk?", T.said }, { "engelsk?", T.said },
  { "nordsamisk?", T.said },
}
local ONE_LANGUAGE = { { "at_least_one", "bokmal", "nynorsk", "engelsk", "nordsamisk" } }
local ONE_LABEL = { { "exactly_one", "predefinert", "egendefinert" } }
local PART_TYPE = T.enum { "ORGANISASJON", "PERSON" }

M.adresse = closed(joined({ { "navn?", T.said } }, STED))
M.forelder = closed {
  { "meldingId!", T.uuid },
  { "type!", T.enum { "faktura", "mappe", "journalpost", "innsendtskjema", "skjemakladd" } },
}

local sted = closed(STED)
local milepel = closed {
  { "navn!", T.said }, { "startdato!", T.datetime }, { "sluttdato?", T.datetime },
  { "beskrivelse?", T.text },
}
local part = closed(joined({
  { "type!", PART_TYPE }, { "rolle!", T.said }, { "navn!", T.said }, { "adresse?", sted },
}, KONTAKT))
local lenke = closed({
  { "url!", T.said },
  { "predefinert?", closed { { "type!", T.enum { "SVAR", "KLAGE" } } } },
  { "egendefinert?", closed(joined({ { "utseende?", T.enum { "KNAPP", "LENKE" } } }, SPRAK),
    ONE_LANGUAGE) },
}, ONE_LABEL)

-- `edialogId` is nullable in child welfare cases only, where it may be blank too.
local function edialog(predefined, id)
  return closed({
    { "predefinert?", closed { { "type!", T.enum(predefined) } } },
    { "egendefinert?", closed(SPRAK, ONE_LANGUAGE) },
    id,
  }, ONE_LABEL)
end

local edialog_sak = edialog({ "SVAR", "KLAGE" }, { "edialogId", T.said })
local edialog_barnevern = edialog({ "SVAR", "KLAGE", "POST" }, { "edialogId?", T.text })
local SAKSAAR = { kind = "integer", min = 0, max = 9999 }
local MAPPE_ID = {
  { "mappeId?", T.text }, { "systemId?", T.text }, { "saksaar?", SAKSAAR },
  { "sakssekvensnummer?", T.count },
}
local mappe_id = closed(MAPPE_ID)
local grunnboknummer = { kind = "string", pattern = "siffer1til6" }
local eiendom = closed {
  { "matrikkel?", closed {
    { "kommunenummer?", { kind = "string", pattern = "siffer4" } },
    { "gardsnummer?", grunnboknummer }, { "bruksnummer?", grunnboknummer },
    { "festenummer?", grunnboknummer }, { "seksjonsnummer?", grunnboknummer },
    { "matrikkelId", T.int64 },
  } },
  { "adresse?", sted },
}
local dokument = closed {
  { "filnavn!", T.said }, { "mimeType!", T.said }, { "tittel!", T.said },
  { "storrelse?", T.int64 }, { "lenke?", T.text },
  { "svarUtFilnummer?", { kind = "integer", min = 1, max = 2147483647 } },
}
local KORRESPONDANSE = T.enum { "EA", "EM", "EK", "IA", "IM", "IK" }
local korrespondansepart = closed(joined({
  { "navn!", T.said }, { "korrespondanseparttype!", KORRESPONDANSE }, { "type?", PART_TYPE },
  { "adresse?", M.adresse },
}, KONTAKT))

-- ---- child welfare -----------------------------------------------------------------------------

local barnevern_part = closed {
  { "rolle!", T.enum {
    "HOVEDPERSON", "MOR", "FAR", "MEDMOR", "MEDFAR", "VERGE", "FOSTERFORELDER",
  } },
  { "fornavn!", T.said }, { "etternavn!", T.said }, { "fodselsnummer?", T.fodselsnummer },
}
local barnevern_korrespondansepart = closed({
  { "korrespondanseparttype!", KORRESPONDANSE },
  { "person?", closed {
    { "fornavn!", T.said }, { "etternavn!", T.said }, { "fodselsnummer?", T.fodselsnummer },
  } },
  { "organisasjon?", closed {
    { "navn!", T.said }, { "organisasjonsnummer?", T.organisasjonsnummer },
    { "kontaktperson?", T.said },
  } },
}, { { "exactly_one", "person", "organisasjon" } })
local tiltaksplan = {
  kind = "object",
  fields = {
    -- the last value ends in a space in the published schema, and so on the wire
    { "tiltaksstatus!", T.enum { "AKTIV", "AVSLUTTET", "MANUELT_AVSLUTTET " } },
    { "startdato!", T.datetime }, { "sluttdato!", T.datetime },
    { "delmal!", T.list {
      kind = "object", fields = { { "id!", T.said }, { "beskrivelse!", T.said } },
    } },
  },
}

-- ---- mappe and journalpost ---------------------------------------------------------------------

local function mappe_fields(a_part, an_edialog)
  return joined({ { "tittel!", T.said } }, MAPPE_ID, {
    { "beskrivelse?", T.text }, { "andreParter?", list(a_part) }, { "minPart?", a_part },
    { "sistOppdatert?", T.datetime }, { "avsluttet?", T.datetime },
    { "milepeler?", list(milepel) }, { "navaerendeMilepel?", milepel },
    { "saksdato?", T.datetime }, { "saksansvarlig?", T.text }, { "lenker?", T.list(lenke) },
    { "edialogSkjemaer?", T.list(an_edialog) },
  })
end

local function journalpost_fields(a_part, correspondents, an_edialog)
  return {
    { "tittel!", T.said }, { "journalposttype?", T.enum { "I", "U", "N", "X", "S" } },
    { "mappeId?", mappe_id }, { "journalpostnummer?", T.count }, { "systemId?", T.text },
    { "registreringsId?", T.text }, { "journaldato?", T.datetime },
    { "dokumentetsDato?", T.datetime }, { "svarUtForsendelseId?", T.text },
    { "eksponertFor?", list(a_part) }, { "beskrivelse?", T.text }, { "lenker?", T.list(lenke) },
    { "klagefrist?", T.datetime }, { "korrespondanseparter?", correspondents },
    { "dokumenter?", list(dokument) }, { "edialogSkjemaer?", T.list(an_edialog) },
  }
end

M.mappe = closed(joined({ { "type!", T.enum { "BYGGESAK", "SAK" } } },
  mappe_fields(part, edialog_sak),
  { { "erAvsluttet?", T.boolean }, { "eiendommer?", list(eiendom) } }))

M.journalpost = closed(joined(journalpost_fields(part, list(korrespondansepart), edialog_sak), {
  { "korrelasjonId?", T.korrelasjon }, { "forelder?", M.forelder },
}), { { "at_most_one", "korrelasjonId", "forelder" } })

M.barnevern_mappe = closed(joined(
  { { "organisasjonsnummer!", T.organisasjonsnummer } },
  mappe_fields(barnevern_part, edialog_barnevern)))

M.barnevern_journalpost = closed(joined(
  { { "forelderMeldingId!", T.uuid } },
  journalpost_fields(barnevern_part, T.list(barnevern_korrespondansepart),
    edialog_barnevern),
  {
    { "samtykkeId?", T.text },
    { "dokumenttype", T.enum { "VEDTAK", "MOTEREFERAT", "TILTAKSPLAN" } },
    { "innsynsforesporselStatus?", T.enum {
      "IKKE_FORESPURT", "FORESPURT", "GODKJENT", "AVVIST",
    } },
    { "relaterteJournalposter?", T.list(T.uuid, { max = 10 }) }, { "tidslinje?", T.boolean },
    { "tiltaksplanDetaljer?", tiltaksplan },
  }), {
    { "requires", when = { "innsynsforesporselStatus", "IKKE_FORESPURT" }, "mappeId", "systemId" },
    { "requires", when = { "dokumenttype", "TILTAKSPLAN" }, "tiltaksplanDetaljer", only = true },
  })

return M
