--- The message shapes of the 2018 Meldingsboks, a table per dialect. Source: the published specs
--- meldingindexer-api (2018-a, 2018-b) and meldingindexer-api-v1. Data: fiks.schema reads it.

local T = require "fiks.shapes.types"

local TYPES = { "sakmappe", "journalpost", "forsendelse", "faktura" }
local parent = {
  kind = "object",
  fields = { { "id!", T.uuid }, { "type!", T.enum(TYPES) } },
}
local dokumentbeskrivelse = {
  kind = "object",
  fields = {
    { "tittel!", T.text }, { "filstorrelse!", T.int32 }, { "variantformat!", T.text },
    { "nedlastingLenke!", T.text },
  },
}
local dokument = {
  kind = "object",
  fields = { { "tittel!", T.text }, { "nedlastingLenke!", T.text }, { "size", T.int32 } },
}
local sakmappe = {
  kind = "object",
  fields = {
    { "type!", T.text }, { "mappeId!", T.text }, { "tittel!", T.text },
    { "saksstatus!", T.enum { "UNDER_BEHANDLING", "AVSLUTTET", "UTGAR" } },
    { "saksdato!", T.ms }, { "saksansvarlig!", T.text }, { "administrativEnhet!", T.text },
    { "beskrivelse", T.text },
  },
}

-- `up` is what the dialect calls the field of the parent.
local function types(up)
  return {
    sakmappe = sakmappe,
    journalpost = {
      kind = "object",
      fields = {
        { "type!", T.text }, { "registreringsId!", T.text }, { "tittel!", T.text },
        { "beskrivelse!", T.text }, { "journaldato!", T.ms }, { up .. "!", parent },
        { "dokumentbeskrivelser!", T.list(dokumentbeskrivelse, { min = 1 }) },
        { "korrelasjonId", T.text },
      },
    },
    forsendelse = {
      kind = "object",
      fields = {
        { "type!", T.text }, { "tittel!", T.text }, { "sendtDato!", T.ms },
        { "avsender!", T.text }, { "mottaker!", T.text }, { "lest!", T.boolean },
        { up .. "!", parent }, { "dokumenter!", T.list(dokument, { min = 1 }) },
        { "svarLenke", T.text }, { "korrelasjonId", T.text },
      },
    },
    faktura = {
      kind = "object",
      fields = {
        { "type!", T.text }, { "tittel!", T.text }, { "fakturaDato!", T.ms },
        { "forfallDato!", T.ms }, { up .. "!", parent }, { "fakturaMottaker", T.text },
        { "betalesTil", T.text }, { "korrelasjonId", T.text },
        { "belop", { kind = "string", hint = "in 2018 the amount is text, such as \"1 032,50\"" } },
      },
    },
  }
end

local function melding(up)
  return {
    kind = "object",
    id = "id",
    fields = {
      { "id!", T.uuid },
      { "innloggingsniva!", T.level },
      { "eksponertFor!", { kind = "string", pattern = "eksponert", personal = true } },
      { "fiksOrganisasjon!", {
        kind = "object", fields = { { "id!", T.uuid }, { "visningsnavn!", T.navn } },
      } },
      { "enhet!", {
        kind = "object",
        fields = { { "id!", { kind = "string", pattern = "enhet" } }, { "visningsnavn!", T.navn } },
      } },
      { "typeMetadata!", { kind = "variant", by = "type", names = TYPES, cases = types(up) } },
    },
  }
end

local norwegian = melding("forelder")

return {
  ["2018-a"] = melding("parent"),
  ["2018-b"] = norwegian,
  ["2018-v1"] = norwegian,
}
