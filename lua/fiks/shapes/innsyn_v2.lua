--- The message shape of Innsyn index v2: an envelope, and metadata of seven types. Source: KS's
--- fiks-innsyn-json-schema 1.13.3. Data: fiks.schema reads it.
---
--- Two rules are not in the schemas: a message hangs under a parent or belongs to a correlation,
--- never both (kept from v1), and `versjon` is one of the documented seven.

local T = require "fiks.shapes.types"
local sak = require "fiks.shapes.innsyn_sak"

local EITHER = { { "at_most_one", "korrelasjonId", "forelder" } }
local ISO_DATE = { kind = "date", hint = "dates are text here, such as \"2026-01-15\"" }
local lenke = {
  kind = "object",
  closed = true,
  fields = { { "tittel!", T.said }, { "url!", T.said } },
}
local kontakt = {
  kind = "object",
  closed = true,
  fields = {
    { "navn?", T.said }, { "telefonnummer?", T.said }, { "epost?", T.said },
    { "fritekst?", T.said }, { "adresse?", sak.adresse },
  },
}
local fil = {
  kind = "object",
  closed = true,
  fields = {
    { "nedlastingslenke!", T.said }, { "filnavn!", T.said }, { "mimeType!", T.said },
    { "size!", T.int64 },
  },
}

local faktura = {
  kind = "object",
  closed = true,
  rules = EITHER,
  fields = {
    { "tittel!", T.said }, { "fakturaDato!", ISO_DATE }, { "forfallDato!", ISO_DATE },
    { "fakturaMottaker!", T.said }, { "betalesTil!", T.said }, { "belop!", T.number },
    { "status!", T.enum { "BETALT", "IKKE_BETALT", "INKASSOVARSEL", "SENDT_INKASSO" } },
    { "kanBetales?", T.boolean }, { "korrigert?", T.boolean }, { "sendtTilEkstern?", T.boolean },
    { "eksternLenke?", lenke }, { "beskrivelse?", T.text }, { "innbetaltBelop?", T.number },
    { "gebyr?", T.number }, { "renter?", T.number }, { "andreOmkostninger?", T.number },
    { "totalbelop?", T.number }, { "utestaendeBelop?", T.number },
    { "kreditertBelop?", T.number }, { "kontonummer?", T.siffer }, { "kid?", T.siffer },
    { "fakturanummer?", T.said },
    { "forsendelseskanal?", T.enum {
      "AVTALEGIRO", "EFAKTURA", "POST", "EPOST", "DIGIPOST", "EBOKS",
    } },
    { "faktura?", {
      kind = "object", closed = true, fields = { { "url!", T.said }, { "tittel?", T.said } },
    } },
    { "fakturahistorikk?", T.list({
      kind = "object",
      closed = true,
      nullable = true,
      fields = { { "tittel!", T.said }, { "url!", T.said }, { "fakturaDato?", ISO_DATE } },
    }) },
    { "vedlegg?", T.list(sak.nullable(lenke)) }, { "lenker?", T.list(sak.nullable(lenke)) },
    { "kontaktinformasjon?", kontakt }, { "kontaktinformasjonInkasso?", kontakt },
    { "korrelasjonId?", T.korrelasjon }, { "forelder?", sak.forelder },
  },
}

local innsendt_skjema = {
  kind = "object",
  closed = true,
  rules = EITHER,
  fields = {
    { "tittel!", T.text }, { "mottaker!", T.text }, { "avsender!", T.text },
    { "innsendtdato!", T.ms }, { "skjemafil!", fil }, { "vedlegg?", T.list(fil) },
    { "url?", T.text }, { "korrelasjonId?", T.korrelasjon }, { "forelder?", sak.forelder },
  },
}

local skjemakladd = {
  kind = "object",
  closed = true,
  rules = EITHER,
  fields = {
    { "tittel!", T.text }, { "endretDato!", T.ms }, { "url!", T.said }, { "mottaker?", T.text },
    { "avsender?", T.text }, { "korrelasjonId?", T.korrelasjon }, { "forelder?", sak.forelder },
  },
}

return {
  kind = "object",
  closed = true,
  id = "meldingId",
  fields = {
    { "meldingId!", T.uuid },
    { "sikkerhetsniva!", T.level },
    { "eksponertFor!", {
      kind = "object",
      closed = true,
      rules = T.verdi_by_type,
      fields = { { "identifikatorType!", T.identifikatortype }, { "verdi!", T.verdi } },
    } },
    { "fiksOrganisasjonId!", T.uuid },
    { "eksternRef", T.navn },
    { "tilgjengeligTil", T.datetime },
    { "versjon!", T.enum {
      "FAKTURA_V1", "INNSENDT_SKJEMA_V1", "SKJEMAKLADD_V1", "MAPPE_V1", "JOURNALPOST_V1",
      "BARNEVERN_MAPPE_V1", "BARNEVERN_JOURNALPOST_V1",
    } },
    { "meldingMetadata!", {
      kind = "encoded",
      by = "versjon",
      cases = {
        FAKTURA_V1 = faktura,
        INNSENDT_SKJEMA_V1 = innsendt_skjema,
        SKJEMAKLADD_V1 = skjemakladd,
        MAPPE_V1 = sak.mappe,
        JOURNALPOST_V1 = sak.journalpost,
        BARNEVERN_MAPPE_V1 = sak.barnevern_mappe,
        BARNEVERN_JOURNALPOST_V1 = sak.barnevern_journalpost,
      },
    } },
  },
}
