--- The message shape of Innsyn index v1: the seven types that have a published schema. Source:
--- innsyn-index-api-v1. Data: fiks.schema reads it.

local T = require "fiks.shapes.types"

-- A message hangs under a parent or belongs to a correlation, never both (said in prose only).
local EITHER = { { "at_most_one", "korrelasjonId", "forelder" } }
local forelder = {
  kind = "object",
  fields = {
    { "meldingId!", T.uuid },
    { "type!", T.enum {
      "faktura", "mappe", "journalpost", "barnevernmappe", "barnevernjournalpost", "byggesak",
      "innsendtskjema", "skjemakladd", "oppgave",
    } },
  },
}
local fil = {
  kind = "object",
  fields = {
    { "nedlastingslenke!", T.text }, { "filnavn!", T.text },
    { "mimeType!", { kind = "string", pattern = "mime" } }, { "size!", T.int64 },
  },
}
-- with two d, as the contract spells it
local adresse = {
  kind = "object",
  fields = {
    { "navn!", T.text }, { "addresselinje1", T.text }, { "addresselinje2", T.text },
    { "addresselinje3", T.text }, { "postnummer", T.text }, { "poststed", T.text },
    { "land", T.text },
  },
}
local grunnboknummer = { kind = "string", pattern = "siffer1til6" }

local function dokument(with_mime_type)
  local fields = { { "tittel!", T.text }, { "nedlastingLenke!", T.text }, { "size", T.int32 } }
  if with_mime_type then
    fields[4] = { "mimeType!", T.text }
  end
  return T.list({ kind = "object", fields = fields }, { min = 1 })
end

local cases = {
  forsendelseV1 = {
    kind = "object",
    rules = EITHER,
    fields = {
      { "versjon!", T.text }, { "tittel!", T.filled }, { "avsender!", T.filled },
      { "mottaker!", T.filled }, { "sendtDato!", T.ms }, { "lest!", T.boolean },
      { "dokumenter!", dokument(false) }, { "svarLenke", T.text },
      { "korrelasjonId", T.korrelasjon }, { "forelder", forelder },
    },
  },
  forsendelseV2 = {
    kind = "object",
    rules = EITHER,
    fields = {
      { "versjon!", T.text }, { "tittel!", T.filled }, { "avsender!", T.filled },
      { "sendtDato!", T.ms }, { "lest!", T.boolean }, { "dokumenter!", dokument(true) },
      { "returAdresse", adresse }, { "mottakerAdresse", adresse },
      { "lenker", T.list {
        kind = "object",
        fields = { { "url!", T.text }, { "urlTekst!", T.text }, { "ledetekst", T.text } },
      } },
      { "svarLenke", T.text }, { "korrelasjonId", T.korrelasjon }, { "forelder", forelder },
    },
  },
  innsendtskjemaV1 = {
    kind = "object",
    rules = EITHER,
    fields = {
      { "versjon!", T.text }, { "tittel!", T.text }, { "mottaker!", T.text },
      { "avsender!", T.text }, { "innsendtdato!", T.ms }, { "skjemafil!", fil },
      { "vedlegg", T.list(fil) }, { "url", T.text }, { "korrelasjonId", T.korrelasjon },
      { "forelder", forelder },
    },
  },
  skjemakladdV1 = {
    kind = "object",
    rules = EITHER,
    fields = {
      { "versjon!", T.text }, { "tittel!", T.text }, { "endretDato!", T.ms }, { "url!", T.filled },
      { "mottaker", T.text }, { "avsender", T.text }, { "korrelasjonId", T.korrelasjon },
      { "forelder", forelder },
    },
  },
  kommunaltjenesteV1 = {
    kind = "object",
    fields = {
      { "versjon!", T.text }, { "tjenesteId!", T.uuid }, { "tittel!", T.filled },
      { "lenke!", T.filled }, { "kommuneVisningsnavn!", T.filled },
      { "rettetMot!", T.enum { "PERSON", "ORGANISASJON", "PERSON_OG_ORGANISASJON" } },
      { "kommuneFiksOrganisasjonId!", T.uuid },
    },
  },
  matrikkelenhetV1 = {
    kind = "object",
    rules = EITHER,
    fields = {
      { "versjon!", T.text },
      { "matrikkelnummer!", {
        kind = "object",
        fields = {
          { "kommunenummer!", { kind = "string", pattern = "siffer4" } },
          { "gardsnummer!", grunnboknummer }, { "bruksnummer!", grunnboknummer },
          { "festenummer!", grunnboknummer }, { "seksjonsnummer!", grunnboknummer },
        },
      } },
      { "matrikkelenhetId!", T.int64 }, { "kommuneNavn!", T.text }, { "kommunenummer!", T.text },
      { "adresser", T.list(T.text) }, { "korrelasjonId", T.korrelasjon }, { "forelder", forelder },
    },
  },
  oppgaveV1 = {
    kind = "object",
    rules = EITHER,
    fields = {
      { "versjon!", T.text }, { "oppgaveId!", T.uuid }, { "tittel!", T.filled },
      { "beskrivelse!", T.filled }, { "handling!", T.filled }, { "url!", T.filled },
      { "utfortKriterie!", T.enum { "ANY", "ALL" } }, { "frist", T.int64 },
      { "korrelasjonId", T.korrelasjon }, { "forelder", forelder },
    },
  },
}

return {
  kind = "object",
  id = "meldingId",
  fields = {
    { "meldingId!", T.uuid },
    { "sikkerhetsniva!", T.level },
    { "eksponertFor!", {
      kind = "object",
      rules = T.verdi_by_type,
      fields = { { "identifikatorType", T.identifikatortype }, { "verdi", T.verdi } },
    } },
    { "fiksOrganisasjonId!", T.uuid },
    { "eksternRef", T.navn },
    { "meldingMetadata!", {
      kind = "variant",
      by = "versjon",
      names = {
        "forsendelseV1", "forsendelseV2", "innsendtskjemaV1", "skjemakladdV1",
        "kommunaltjenesteV1", "matrikkelenhetV1", "oppgaveV1",
      },
      cases = cases,
    } },
  },
}
