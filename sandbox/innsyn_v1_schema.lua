--- Innsyn index v1: the message, and the metadata of every version that has a published schema.
local core = require("fiks.core")
local schema = require("sandbox.schema")

local M = {}

local OPEN = true
local text, filled = schema.text(), schema.nonempty()
local optional = schema.optional
local ms = schema.int64()

local forelder = schema.object({
  meldingId = schema.uuid(),
  type = schema.enum("faktura", "mappe", "journalpost", "barnevernmappe", "barnevernjournalpost",
    "byggesak", "innsendtskjema", "skjemakladd", "oppgave"),
}, OPEN)

local function is_set(value)
  return value ~= nil and value ~= core.null
end

--- Only one of korrelasjonId and forelder may be set.
function M.one_relation(value, path, report)
  if is_set(value.korrelasjonId) and is_set(value.forelder) then
    report(path == "" and "korrelasjonId" or path .. ".korrelasjonId",
      "kan ikke settes sammen med forelder")
  end
end

-- An object that may have a korrelasjonId or a forelder.
local function related(fields)
  fields.versjon = text
  fields.korrelasjonId = optional(schema.pattern("^[A-Za-z0-9%-]+$"))
  fields.forelder = optional(forelder)
  return schema.object(fields, OPEN, M.one_relation)
end

local mime = schema.pattern("^[%w_]+/[%w_.%-]+%+?[%w_.%-]*$", "er ikke en gyldig mimetype")

local fil = schema.object({
  nedlastingslenke = text, filnavn = text, mimeType = mime, size = ms,
}, OPEN)

local adresse = schema.object({
  navn = text, addresselinje1 = optional(text), addresselinje2 = optional(text),
  addresselinje3 = optional(text), postnummer = optional(text), poststed = optional(text),
  land = optional(text),
}, OPEN)

local function dokument(with_mime)
  return schema.object({
    tittel = text, nedlastingLenke = text, size = optional(schema.int32()),
    mimeType = with_mime and text or nil,
  }, OPEN)
end

local lenke = schema.object({ url = text, urlTekst = text, ledetekst = optional(text) }, OPEN)
local number = schema.pattern("^%d%d?%d?%d?%d?%d?$")

local matrikkelnummer = schema.object({
  kommunenummer = schema.pattern("^%d%d%d%d$"),
  gardsnummer = number, bruksnummer = number, festenummer = number, seksjonsnummer = number,
}, OPEN)

local dokumentbeskrivelse = schema.object({
  tittel = text, filstorrelse = schema.int32(), variantformat = text, nedlastingLenke = text,
}, OPEN)

-- The last three are of the older edition of v1: as in 2018, with the parent optional.
local versions = {
  forsendelseV1 = related({
    tittel = filled, avsender = filled, mottaker = filled, sendtDato = ms, lest = schema.boolean(),
    dokumenter = schema.array(dokument(false), 1), svarLenke = optional(text),
  }),
  forsendelseV2 = related({
    tittel = filled, avsender = filled, sendtDato = ms, lest = schema.boolean(),
    dokumenter = schema.array(dokument(true), 1), returAdresse = optional(adresse),
    mottakerAdresse = optional(adresse), lenker = optional(schema.array(lenke)),
    svarLenke = optional(text),
  }),
  innsendtskjemaV1 = related({
    tittel = text, mottaker = text, avsender = text, innsendtdato = ms, skjemafil = fil,
    vedlegg = optional(schema.array(fil)), url = optional(text),
  }),
  skjemakladdV1 = related({
    tittel = text, endretDato = ms, url = filled, mottaker = optional(text),
    avsender = optional(text),
  }),
  kommunaltjenesteV1 = schema.object({
    versjon = text, tjenesteId = schema.uuid(), tittel = filled, lenke = filled,
    kommuneVisningsnavn = filled, kommuneFiksOrganisasjonId = schema.uuid(),
    rettetMot = schema.enum("PERSON", "ORGANISASJON", "PERSON_OG_ORGANISASJON"),
  }, OPEN),
  matrikkelenhetV1 = related({
    matrikkelnummer = matrikkelnummer, matrikkelenhetId = ms, kommuneNavn = text,
    kommunenummer = text, adresser = optional(schema.array(text)),
  }),
  oppgaveV1 = schema.object({
    versjon = text, oppgaveId = schema.uuid(), tittel = filled, beskrivelse = filled,
    handling = filled, url = filled, utfortKriterie = schema.enum("ANY", "ALL"),
    frist = optional(ms),
  }, OPEN),
  saksmappeV1 = schema.object({
    versjon = text, mappeId = text, tittel = text,
    saksstatus = schema.enum("UNDER_BEHANDLING", "AVSLUTTET", "UTGAR"), saksdato = ms,
    saksansvarlig = text, administrativEnhet = text, beskrivelse = optional(text),
  }, OPEN),
  journalpostV1 = related({
    registreringsId = text, tittel = text, beskrivelse = text, journaldato = ms,
    dokumentbeskrivelser = schema.array(dokumentbeskrivelse, 1),
  }),
  fakturaV1 = related({
    tittel = text, fakturaDato = ms, forfallDato = ms, fakturaMottaker = optional(text),
    betalesTil = optional(text), belop = optional(text),
  }),
}

local verdi_patterns = {
  FODSELSNUMMER = "^%d%d%d%d%d%d%d%d%d%d%d$",
  ORGANISASJONSNUMMER = "^%d%d%d%d%d%d%d%d%d$",
  MATRIKKELNUMMER = "^%d%d%d%d%-%d+/%d+/%d+/%d+$",
}

--- verdi must look like what identifikatorType says it is.
function M.check_verdi(value, path, report)
  local pattern = verdi_patterns[value.identifikatorType]
  if pattern and type(value.verdi) == "string" and not value.verdi:find(pattern) then
    report(path .. ".verdi", "passer ikke med identifikatorType " .. value.identifikatorType)
  end
end

--- The values of identifikatorType.
function M.identifier_type()
  return schema.enum("ORGANISASJONSNUMMER", "FODSELSNUMMER", "MATRIKKELNUMMER", "OFFENTLIG")
end

M.message = schema.object({
  meldingId = schema.uuid(),
  sikkerhetsniva = schema.int32(0),
  eksponertFor = schema.object({
    identifikatorType = optional(M.identifier_type()),
    verdi = optional(text),
  }, OPEN, M.check_verdi),
  fiksOrganisasjonId = schema.uuid(),
  eksternRef = optional(schema.display_name()),
  meldingMetadata = schema.variants("versjon", versions, "er ikke en versjon som kan indekseres"),
}, OPEN)

return M
