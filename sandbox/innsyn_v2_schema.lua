--- Innsyn index v2: the message, and the metadata of faktura, skjema, mappe and journalpost.
--- Written from the published JSON schemas; unknown fields are refused, as those say.
local core = require("fiks.core")
local schema = require("sandbox.schema")
local v1 = require("sandbox.innsyn_v1_schema")

local M = {}

local text, filled = schema.text(), schema.filled()
local maybe, optional = schema.maybe, schema.optional
local ms = schema.int64()

local function is_set(value)
  return value ~= nil and value ~= core.null
end

local function at(path, name)
  return path == "" and name or path .. "." .. name
end

local forelder = schema.object({
  meldingId = schema.uuid(),
  type = schema.enum("faktura", "mappe", "journalpost", "innsendtskjema", "skjemakladd"),
})

-- Adds the optional relation to the fields of a type.
local function related(fields)
  fields.korrelasjonId = maybe(schema.pattern("^[A-Za-z0-9%-]+$"))
  fields.forelder = maybe(forelder)
  return schema.object(fields, false, v1.one_relation)
end

local adresse_fields = {
  adresselinje1 = maybe(filled), adresselinje2 = maybe(filled), adresselinje3 = maybe(filled),
  poststed = maybe(filled), postnummer = maybe(filled), land = maybe(filled),
}

local function adresse(with_name)
  local fields = {}
  for name, field in pairs(adresse_fields) do
    fields[name] = field
  end
  fields.navn = with_name and maybe(filled) or nil
  return schema.object(fields)
end

local egendefinert = schema.object({
  utseende = maybe(schema.enum("KNAPP", "LENKE")),
  bokmal = maybe(filled), nynorsk = maybe(filled), engelsk = maybe(filled),
  nordsamisk = maybe(filled),
}, false, function(value, path, report)
  if not (is_set(value.bokmal) or is_set(value.nynorsk) or is_set(value.engelsk)
    or is_set(value.nordsamisk)) then
    report(path, "må ha tekst på minst ett språk")
  end
end)

local function one_of(value, path, report, first, second)
  if is_set(value[first]) == is_set(value[second]) then
    report(path, "må ha nøyaktig én av " .. first .. " og " .. second)
  end
end

local function choice(value, path, report)
  one_of(value, path, report, "predefinert", "egendefinert")
end

--- A link or, without url, an eDialog form.
function M.lenke(fields, kinds)
  fields.predefinert = maybe(schema.object({ type = kinds }))
  fields.egendefinert = maybe(egendefinert)
  return schema.object(fields, false, choice)
end

local svar_klage = schema.enum("SVAR", "KLAGE")

local egendefinert_skjema = schema.object({
  bokmal = maybe(filled), nynorsk = maybe(filled), engelsk = maybe(filled),
  nordsamisk = maybe(filled),
}, false, function(value, path, report)
  if not (is_set(value.bokmal) or is_set(value.nynorsk) or is_set(value.engelsk)
    or is_set(value.nordsamisk)) then
    report(path, "må ha tekst på minst ett språk")
  end
end)

--- An eDialog form; `edialog_id` is its node, which differs between the two published files.
function M.edialog(kinds, edialog_id)
  return schema.object({
    predefinert = maybe(schema.object({ type = kinds })),
    egendefinert = maybe(egendefinert_skjema),
    edialogId = edialog_id,
  }, false, choice)
end

--- Nodes that the child welfare types share.
M.parts = {
  adresse = adresse(true),
  lenker = maybe(schema.array(M.lenke({ url = filled }, svar_klage))),
  mappe_id = schema.object({
    mappeId = maybe(text), systemId = maybe(text), saksaar = maybe(schema.int32(0, 9999)),
    sakssekvensnummer = maybe(schema.int32(0)),
  }),
  milepel = schema.object({
    navn = filled, startdato = schema.date_time(), sluttdato = maybe(schema.date_time()),
    beskrivelse = maybe(text),
  }),
  dokumenter = maybe(schema.array(schema.object({
    filnavn = filled, mimeType = filled, tittel = filled, storrelse = maybe(ms),
    lenke = maybe(text), svarUtFilnummer = maybe(schema.int32(1)),
  }))),
  journalposttype = maybe(schema.enum("I", "U", "N", "X", "S")),
  korrespondanseparttype = schema.enum("EA", "EM", "EK", "IA", "IM", "IK"),
}

local parts = M.parts

local part = schema.object({
  type = schema.enum("ORGANISASJON", "PERSON"), rolle = filled, navn = filled,
  id = maybe(filled), epost = maybe(filled), telefonnummer = maybe(filled),
  kontaktperson = maybe(filled), adresse = maybe(parts.adresse),
})

local korrespondansepart = schema.object({
  navn = filled, korrespondanseparttype = parts.korrespondanseparttype,
  type = maybe(schema.enum("ORGANISASJON", "PERSON")),
  id = maybe(filled), epost = maybe(filled), telefonnummer = maybe(filled),
  kontaktperson = maybe(filled), adresse = maybe(parts.adresse),
})

local number = maybe(schema.pattern("^%d%d?%d?%d?%d?%d?$"))

local eiendom = schema.object({
  matrikkel = maybe(schema.object({
    kommunenummer = maybe(schema.pattern("^%d%d%d%d$")), gardsnummer = number, bruksnummer = number,
    festenummer = number, seksjonsnummer = number, matrikkelId = maybe(ms),
  })),
  adresse = maybe(adresse(false)),
})

local edialoger = maybe(schema.array(M.edialog(svar_klage, optional(filled))))

local lenke_med_tittel = schema.object({ tittel = filled, url = filled })

local kontaktinformasjon = maybe(schema.object({
  telefonnummer = maybe(filled), epost = maybe(filled), fritekst = maybe(filled),
  navn = maybe(filled), adresse = maybe(parts.adresse),
}))

local digits = maybe(schema.pattern("^[0-9]+$"))
local amount, flag = maybe(schema.number()), maybe(schema.boolean())

local faktura = related({
  tittel = filled, fakturaDato = schema.date(), forfallDato = schema.date(),
  fakturaMottaker = filled, betalesTil = filled, belop = schema.number(),
  status = schema.enum("BETALT", "IKKE_BETALT", "INKASSOVARSEL", "SENDT_INKASSO"),
  kanBetales = flag, korrigert = flag, sendtTilEkstern = flag,
  eksternLenke = maybe(lenke_med_tittel), beskrivelse = maybe(text),
  innbetaltBelop = amount, gebyr = amount, renter = amount,
  andreOmkostninger = amount, totalbelop = amount, utestaendeBelop = amount,
  kreditertBelop = amount, kontonummer = digits, kid = digits, fakturanummer = maybe(filled),
  forsendelseskanal = maybe(schema.enum("AVTALEGIRO", "EFAKTURA", "POST", "EPOST", "DIGIPOST",
    "EBOKS")),
  faktura = maybe(schema.object({ url = filled, tittel = maybe(filled) })),
  fakturahistorikk = maybe(schema.array(schema.object({
    tittel = filled, url = filled, fakturaDato = maybe(schema.date()),
  }))),
  vedlegg = maybe(schema.array(lenke_med_tittel)), lenker = maybe(schema.array(lenke_med_tittel)),
  kontaktinformasjon = kontaktinformasjon, kontaktinformasjonInkasso = kontaktinformasjon,
})

local skjemafil = schema.object({
  nedlastingslenke = filled, filnavn = filled, mimeType = filled, size = ms,
})

local innsendt_skjema = related({
  tittel = text, mottaker = text, avsender = text, innsendtdato = ms, skjemafil = skjemafil,
  vedlegg = maybe(schema.array(skjemafil)), url = maybe(text),
})

local skjemakladd = related({
  tittel = text, endretDato = ms, url = filled, mottaker = maybe(text), avsender = maybe(text),
})

local mappe = schema.object({
  type = schema.enum("BYGGESAK", "SAK"), tittel = filled, mappeId = maybe(text),
  systemId = maybe(text), beskrivelse = maybe(text), saksansvarlig = maybe(text),
  saksaar = maybe(schema.int32(0, 9999)), sakssekvensnummer = maybe(schema.int32(0)),
  andreParter = maybe(schema.array(part)), minPart = maybe(part),
  sistOppdatert = maybe(schema.date_time()), avsluttet = maybe(schema.date_time()),
  saksdato = maybe(schema.date_time()), erAvsluttet = flag,
  milepeler = maybe(schema.array(parts.milepel)), navaerendeMilepel = maybe(parts.milepel),
  lenker = parts.lenker, eiendommer = maybe(schema.array(eiendom)), edialogSkjemaer = edialoger,
})

local journalpost = related({
  tittel = filled, journalposttype = parts.journalposttype, mappeId = maybe(parts.mappe_id),
  journalpostnummer = maybe(schema.int32(0)), systemId = maybe(text),
  registreringsId = maybe(text), svarUtForsendelseId = maybe(text), beskrivelse = maybe(text),
  journaldato = maybe(schema.date_time()), dokumentetsDato = maybe(schema.date_time()),
  klagefrist = maybe(schema.date_time()), eksponertFor = maybe(schema.array(part)),
  lenker = parts.lenker, korrespondanseparter = maybe(schema.array(korrespondansepart)),
  dokumenter = parts.dokumenter, edialogSkjemaer = edialoger,
})

M.is_set, M.at, M.one_of = is_set, at, one_of

--- Metadata node by versjon; the child welfare types add theirs.
M.versions = {
  FAKTURA_V1 = faktura,
  INNSENDT_SKJEMA_V1 = innsendt_skjema,
  SKJEMAKLADD_V1 = skjemakladd,
  MAPPE_V1 = mappe,
  JOURNALPOST_V1 = journalpost,
}

M.message = schema.object({
  meldingId = schema.uuid(),
  sikkerhetsniva = schema.int32(0),
  eksponertFor = schema.object({
    identifikatorType = v1.identifier_type(),
    verdi = text,
  }, false, v1.check_verdi),
  fiksOrganisasjonId = schema.uuid(),
  eksternRef = optional(schema.display_name()),
  versjon = text,
  tilgjengeligTil = optional(schema.date_time()),
  meldingMetadata = text,
})

return M
