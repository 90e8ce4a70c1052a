--- Innsyn index v2: the metadata of the child welfare types.
local schema = require("sandbox.schema")
local v2 = require("sandbox.innsyn_v2_schema")

local M = {}

local text, filled = schema.text(), schema.filled()
local maybe, optional = schema.maybe, schema.optional
local parts, is_set, at = v2.parts, v2.is_set, v2.at

local fodselsnummer = maybe(schema.pattern("^%d%d%d%d%d%d%d%d%d%d%d$"))
local organisasjonsnummer = schema.pattern("^%d%d%d%d%d%d%d%d%d$")
-- Here, unlike in the ordinary file, POST is a kind and edialogId may be null.
local edialoger =
  maybe(schema.array(v2.edialog(schema.enum("SVAR", "KLAGE", "POST"), maybe(filled))))

local part = schema.object({
  rolle = schema.enum("HOVEDPERSON", "MOR", "FAR", "MEDMOR", "MEDFAR", "VERGE", "FOSTERFORELDER"),
  fornavn = filled, etternavn = filled, fodselsnummer = fodselsnummer,
})

local mappe = schema.object({
  organisasjonsnummer = organisasjonsnummer, tittel = filled, mappeId = maybe(text),
  systemId = maybe(text), beskrivelse = maybe(text), saksansvarlig = maybe(text),
  saksaar = maybe(schema.int32(0, 9999)), sakssekvensnummer = maybe(schema.int32(0)),
  andreParter = maybe(schema.array(part)), minPart = maybe(part),
  sistOppdatert = maybe(schema.date_time()), avsluttet = maybe(schema.date_time()),
  saksdato = maybe(schema.date_time()), milepeler = maybe(schema.array(parts.milepel)),
  navaerendeMilepel = maybe(parts.milepel), lenker = parts.lenker, edialogSkjemaer = edialoger,
})

local korrespondansepart = schema.object({
  korrespondanseparttype = parts.korrespondanseparttype,
  person = maybe(schema.object({
    fornavn = filled, etternavn = filled, fodselsnummer = fodselsnummer,
  })),
  organisasjon = maybe(schema.object({
    navn = filled, organisasjonsnummer = maybe(organisasjonsnummer), kontaktperson = maybe(filled),
  })),
}, false, function(value, path, report)
  v2.one_of(value, path, report, "person", "organisasjon")
end)

local tiltaksplan = schema.object({
  -- The space at the end is in the published schema.
  tiltaksstatus = schema.enum("AKTIV", "AVSLUTTET", "MANUELT_AVSLUTTET "),
  startdato = schema.date_time(),
  sluttdato = schema.date_time(),
  delmal = schema.array(schema.object({ id = filled, beskrivelse = filled }, true)),
}, true)

local function conditions(value, path, report)
  if value.innsynsforesporselStatus == "IKKE_FORESPURT" then
    if not is_set(value.mappeId) then
      report(at(path, "mappeId"), "må være satt når status er IKKE_FORESPURT")
    end
    if type(value.systemId) ~= "string" or not value.systemId:find("%S") then
      report(at(path, "systemId"), "må være satt når status er IKKE_FORESPURT")
    end
  end
  if (value.dokumenttype == "TILTAKSPLAN") ~= is_set(value.tiltaksplanDetaljer) then
    report(at(path, "tiltaksplanDetaljer"), "hører til dokumenttype TILTAKSPLAN, og bare den")
  end
end

local journalpost = schema.object({
  forelderMeldingId = schema.uuid(), tittel = filled, journalposttype = parts.journalposttype,
  mappeId = maybe(parts.mappe_id), journalpostnummer = maybe(schema.int32(0)),
  systemId = maybe(text), registreringsId = maybe(text), svarUtForsendelseId = maybe(text),
  beskrivelse = maybe(text), journaldato = maybe(schema.date_time()),
  dokumentetsDato = maybe(schema.date_time()), klagefrist = maybe(schema.date_time()),
  eksponertFor = maybe(schema.array(part)), lenker = parts.lenker,
  korrespondanseparter = maybe(schema.array(korrespondansepart)), dokumenter = parts.dokumenter,
  edialogSkjemaer = edialoger, samtykkeId = maybe(text),
  dokumenttype = optional(schema.enum("VEDTAK", "MOTEREFERAT", "TILTAKSPLAN")),
  innsynsforesporselStatus =
    maybe(schema.enum("IKKE_FORESPURT", "FORESPURT", "GODKJENT", "AVVIST")),
  relaterteJournalposter = maybe(schema.array(schema.uuid(), 0, 10)),
  tidslinje = maybe(schema.boolean()), tiltaksplanDetaljer = maybe(tiltaksplan),
}, false, conditions)

M.versions = { BARNEVERN_MAPPE_V1 = mappe, BARNEVERN_JOURNALPOST_V1 = journalpost }

return M
