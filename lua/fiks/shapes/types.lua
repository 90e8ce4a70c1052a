--- Building blocks of the message shapes. Data: fiks.schema says how it is read.

local M = {}

M.text = { kind = "string" }
M.filled = { kind = "string", min = 1 }
M.said = { kind = "string", not_blank = true }
M.uuid = { kind = "uuid" }
M.boolean = { kind = "boolean" }
M.number = { kind = "number" }
M.int32 = { kind = "integer", min = -2147483648, max = 2147483647 }
M.int64 = { kind = "integer" }
M.ms = { kind = "ms" }
M.date = { kind = "date" }
M.datetime = { kind = "datetime" }
M.level = { kind = "integer", min = 0, max = 2147483647 }
M.count = { kind = "integer", min = 0, max = 2147483647 }

M.navn = { kind = "string", pattern = "navn" }
M.korrelasjon = { kind = "string", pattern = "korrelasjon" }
M.siffer = { kind = "string", pattern = "siffer" }
M.fodselsnummer = { kind = "string", pattern = "siffer11", personal = true }
M.organisasjonsnummer = { kind = "string", pattern = "siffer9" }

--- A string of a closed list.
function M.enum(values)
  return { kind = "enum", values = values }
end

--- An array; `limits` may hold min and max.
function M.list(items, limits)
  limits = limits or {}
  return { kind = "array", items = items, min = limits.min, max = limits.max }
end

-- Who may see a message, in Innsyn.
M.identifikatortype = M.enum {
  "ORGANISASJONSNUMMER", "FODSELSNUMMER", "MATRIKKELNUMMER", "OFFENTLIG",
}
M.verdi = { kind = "string", personal = true }
M.verdi_by_type = {
  {
    "matches", "verdi",
    by = "identifikatorType",
    patterns = {
      FODSELSNUMMER = "siffer11", ORGANISASJONSNUMMER = "siffer9", MATRIKKELNUMMER = "matrikkel",
    },
  },
}

return M
