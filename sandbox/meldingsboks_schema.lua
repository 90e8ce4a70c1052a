--- The message of the 2018 Meldingsboks contract, by dialect: 2018-a says `parent`, 2018-b and
--- 2018-v1 say `forelder`. Unknown fields are ignored, as nothing published forbids them.
local schema = require("sandbox.schema")

local M = {}

local OPEN = true
local text = schema.text()

local parent = schema.object({
  id = schema.uuid(),
  type = schema.enum("faktura", "sakmappe", "journalpost", "forsendelse"),
}, OPEN)

local dokumentbeskrivelse = schema.object({
  tittel = text,
  filstorrelse = schema.int32(),
  variantformat = text,
  nedlastingLenke = text,
}, OPEN)

local dokument = schema.object({
  tittel = text,
  nedlastingLenke = text,
  size = schema.optional(schema.int32()),
}, OPEN)

local function types(parent_name)
  local function with_parent(fields)
    fields[parent_name] = parent
    return schema.object(fields, OPEN)
  end
  local kind = text
  return {
    sakmappe = schema.object({
      type = kind, mappeId = text, tittel = text,
      saksstatus = schema.enum("UNDER_BEHANDLING", "AVSLUTTET", "UTGAR"),
      saksdato = schema.int64(), saksansvarlig = text, administrativEnhet = text,
      beskrivelse = schema.optional(text),
    }, OPEN),
    journalpost = with_parent({
      type = kind, registreringsId = text, tittel = text, beskrivelse = text,
      journaldato = schema.int64(), dokumentbeskrivelser = schema.array(dokumentbeskrivelse, 1),
      korrelasjonId = schema.optional(text),
    }),
    forsendelse = with_parent({
      type = kind, tittel = text, sendtDato = schema.int64(), avsender = text, mottaker = text,
      lest = schema.boolean(), dokumenter = schema.array(dokument, 1),
      svarLenke = schema.optional(text), korrelasjonId = schema.optional(text),
    }),
    faktura = with_parent({
      type = kind, tittel = text, fakturaDato = schema.int64(), forfallDato = schema.int64(),
      fakturaMottaker = schema.optional(text), betalesTil = schema.optional(text),
      korrelasjonId = schema.optional(text), belop = schema.optional(text),
    }),
  }
end

local function message(parent_name)
  return schema.object({
    id = schema.uuid(),
    innloggingsniva = schema.int32(0),
    eksponertFor = schema.text(function(value)
      return value:find("^%d%d%d%d%d%d%d%d%d%d%d$") or value:find("^%d%d%d%d%d%d%d%d%d$")
    end, "må være 11 eller 9 siffer"),
    fiksOrganisasjon = schema.object({
      id = schema.uuid(), visningsnavn = schema.display_name(),
    }, OPEN),
    enhet = schema.object({ id = schema.unit_id(), visningsnavn = schema.display_name() }, OPEN),
    typeMetadata = schema.variants("type", types(parent_name), "er ikke en kjent type"),
  }, OPEN)
end

--- Message node and the name of the parent field, by dialect.
M.dialects = {
  ["2018-a"] = { message = message("parent"), parent = "parent" },
  ["2018-b"] = { message = message("forelder"), parent = "forelder" },
}
M.dialects["2018-v1"] = M.dialects["2018-b"]

return M
