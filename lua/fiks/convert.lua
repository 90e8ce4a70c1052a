--- From the 2018 Meldingsboks to Fiks Innsyn v2: one message at a time, saying what is lost on the
--- way and what is missing. Nothing is guessed: what v2 requires and 2018 does not have, the caller
--- supplies.
---
---     local melding, err, report = convert.to_innsyn(gammel, { status = "IKKE_BETALT" })
---
--- A forsendelse has no counterpart in v2 and is not converted.

local Error = require "fiks.error"
local Report = require "fiks.schema.report"
local core = require "fiks.core"
local formats = require "fiks.schema.formats"
local schema = require "fiks.schema"
local shape = require "fiks.shapes.innsyn_v2"
local time = require "fiks.convert.time"

local M = {}

local PARENT_TYPE = { sakmappe = "mappe", faktura = "faktura", journalpost = "journalpost" }

---@class fiks.ConvertReport
---@field lost { path: string, why: string }[] what v2 has no place for
---@field missing { path: string, why: string }[] what v2 requires and nobody supplied
---@field notes string[] what was decided on the way

local function field(object, name)
  local value = type(object) == "table" and object[name]
  if value == nil or value == core.null then
    return nil
  end
  return value
end

local function lose(report, object, path, why)
  local value = object
  for name in path:gmatch("[^.]+") do
    value = field(value, name)
  end
  if value ~= nil and value ~= false then
    report.lost[#report.lost + 1] = { path = path, why = why }
  end
end

-- Text that v2 takes only when it is not blank.
local function said(value)
  if type(value) == "string" and core.utf8_check(value) and not formats.not_blank(value) then
    return nil
  end
  return value
end

-- ---- the three types ----------------------------------------------------------------------------

-- The digits of "1032" or "1 032" (also with U+00A0): groups of three, or none.
local function whole_digits(text)
  text = text:gsub("\194\160", " ")
  local first, groups = text:match("^(%d+)([%d ]*)$")
  if not first or #text > 17 or groups ~= "" and #first > 3
    or groups:gsub(" %d%d%d", "") ~= "" then
    return nil
  end
  return (text:gsub(" ", ""))
end

-- "1 032,50", "1032.5", "-12": one reading only. "1.032" has two, and is left to the caller.
local function amount(value)
  if type(value) ~= "string" then
    return nil
  end
  local sign, whole, fraction = value:match("^(-?)(.-)[.,](%d%d?)$")
  if not sign then
    sign, whole = value:match("^(-?)(.*)$")
  end
  local digits = whole_digits(whole)
  if not digits then
    return nil
  end
  local number = tonumber(digits .. "." .. (fraction or "0"))
  return sign == "-" and -number or number
end

local converters = {}

function converters.sakmappe(old, report)
  local status = old.saksstatus
  report.notes[#report.notes + 1] = "type is SAK unless supplied (BYGGESAK is the other)"
  lose(report, { typeMetadata = old }, "typeMetadata.administrativEnhet", "v2 has no such field")
  if status == "UTGAR" then
    lose(report, { typeMetadata = old }, "typeMetadata.saksstatus", "v2 knows open and closed only")
  end
  local closed
  if status == "AVSLUTTET" or status == "UNDER_BEHANDLING" then
    closed = status == "AVSLUTTET"
  end
  return "MAPPE_V1", {
    type = "SAK", tittel = said(old.tittel), mappeId = field(old, "mappeId"),
    beskrivelse = field(old, "beskrivelse"), saksansvarlig = field(old, "saksansvarlig"),
    saksdato = time.utc(old.saksdato), erAvsluttet = closed,
  }
end

function converters.journalpost(old, report)
  local documents = core.array({})
  local listed = field(old, "dokumentbeskrivelser")
  for i, document in ipairs(type(listed) == "table" and listed or {}) do
    documents[i] = {
      tittel = said(field(document, "tittel")), storrelse = field(document, "filstorrelse"),
      lenke = field(document, "nedlastingLenke"),
    }
    if field(document, "variantformat") then
      report.lost[#report.lost + 1] = {
        path = ("typeMetadata.dokumentbeskrivelser[%d].variantformat"):format(i - 1),
        why = "v2 has no such field",
      }
    end
  end
  return "JOURNALPOST_V1", {
    tittel = said(old.tittel), registreringsId = field(old, "registreringsId"),
    beskrivelse = field(old, "beskrivelse"), journaldato = time.utc(old.journaldato),
    dokumenter = #documents > 0 and documents or nil,
  }
end

function converters.faktura(old, report, extras)
  local money = amount(old.belop)
  if field(old, "belop") and not money and extras.belop == nil then
    report.notes[#report.notes + 1] = "belop is text of more than one reading: supply a number"
  end
  report.notes[#report.notes + 1] = "dates are the days in Norway"
  return "FAKTURA_V1", {
    tittel = said(old.tittel), fakturaDato = time.norwegian_day(old.fakturaDato),
    forfallDato = time.norwegian_day(old.forfallDato),
    fakturaMottaker = said(field(old, "fakturaMottaker")),
    betalesTil = said(field(old, "betalesTil")), belop = money,
  }
end

-- ---- what they share ----------------------------------------------------------------------------

-- Parent or correlation: v2 takes one of the two. A folder has neither.
local function relations(old, metadata, versjon, report)
  local parent = field(old, "forelder") or field(old, "parent")
  local name = field(old, "forelder") and "forelder" or "parent"
  local wrapped = { typeMetadata = old }
  if versjon == "MAPPE_V1" then
    return
  end
  local kind = parent and PARENT_TYPE[parent.type]
  if kind then
    metadata.forelder = { meldingId = parent.id, type = kind }
    lose(report, wrapped, "typeMetadata.korrelasjonId", "v2 takes a parent or a correlation id")
    return
  end
  lose(report, wrapped, "typeMetadata." .. name, "v2 has no parent of that type")
  local correlation = field(old, "korrelasjonId")
  if type(correlation) == "string" and core.utf8_check(correlation)
    and formats.pattern("korrelasjon", correlation) then
    metadata.korrelasjonId = correlation
  else
    lose(report, wrapped, "typeMetadata.korrelasjonId", "v2 takes letters, digits and - only")
  end
end

-- Supplied fields win; arrays are supplied element by element (documents of a journalpost).
local function supply(target, extras)
  for name, value in pairs(extras) do
    local present = target[name]
    if type(value) == "table" and type(present) == "table" and value ~= core.null then
      supply(present, value)
    else
      target[name] = value
    end
  end
end

local function envelope(old, versjon, metadata, report)
  local number = field(old, "eksponertFor")
  local digits = type(number) == "string" and number:find("^%d+$") and #number
  local kind = digits == 11 and "FODSELSNUMMER" or digits == 9 and "ORGANISASJONSNUMMER" or nil
  lose(report, old, "fiksOrganisasjon.visningsnavn", "the name comes from fiks-konfigurasjon")
  lose(report, old, "enhet.visningsnavn", "v2 has no units")
  if field(field(old, "enhet"), "id") then
    report.notes[#report.notes + 1] = "enhet.id became eksternRef: a unit can be deleted "
      .. "as before"
  end
  return {
    meldingId = field(old, "id"),
    sikkerhetsniva = field(old, "innloggingsniva"),
    eksponertFor = { identifikatorType = kind, verdi = number },
    fiksOrganisasjonId = field(field(old, "fiksOrganisasjon"), "id"),
    eksternRef = field(field(old, "enhet"), "id"),
    versjon = versjon,
    meldingMetadata = metadata,
  }
end

-- Tells fields that are missing from values that are wrong.
local function judge(message, report)
  local checked = Report.new()
  local sent = schema.check(checked, shape, message, 1)
  local wrong
  for _, problem in ipairs(checked.problems) do
    if problem.rule == "required" then
      report.missing[#report.missing + 1] = { path = problem.path, why = "v2 requires it" }
    else
      wrong = true
    end
  end
  if wrong then
    return nil, checked:error(1)
  elseif #report.missing == 0 then
    return sent
  end
  local names = {}
  for i, missing in ipairs(report.missing) do
    names[i] = missing.path
  end
  return nil, Error.new {
    kind = "invalid", code = "missing", id = message.meldingId, missing = report.missing,
    message = ("v2 requires what the 2018 message does not have: supply %s"):format(
      table.concat(names, ", ")),
  }
end

--- Converts one 2018 message, of any dialect.
---@param melding table
---@param extras table? fields of the v2 metadata that win over, or add to, the converted ones;
---  `dokumenter = { { filnavn =, mimeType = }, ... }` adds to the documents in their order
---@return table? converted an Innsyn v2 message, checked
---@return fiks.Error? err code "not_convertible", "missing" or "validation"
---@return fiks.ConvertReport report
function M.to_innsyn(melding, extras)
  if type(melding) ~= "table" then
    error("convert.to_innsyn: expected a message, got " .. type(melding), 2)
  elseif extras ~= nil and type(extras) ~= "table" then
    error("convert.to_innsyn: extras must be a table, not a " .. type(extras), 2)
  end
  local report = { lost = {}, missing = {}, notes = {} }
  local old = field(melding, "typeMetadata")
  local kind = field(old, "type")
  if not converters[kind] then
    return nil, Error.new {
      kind = "invalid", code = "not_convertible", id = field(melding, "id"),
      message = kind == "forsendelse"
        and "a forsendelse has no counterpart in Innsyn v2: SvarUt indexes what is sent through it"
        or "typeMetadata.type is none of sakmappe, journalpost, forsendelse and faktura",
    }, report
  end
  local versjon, metadata = converters[kind](old, report, extras or {})
  relations(old, metadata, versjon, report)
  supply(metadata, extras or {})
  local converted, err = judge(envelope(melding, versjon, metadata, report), report)
  return converted, err, report
end

---@class fiks.Converted
---@field meldinger table[] converted, in their order
---@field failed { index: integer, id: string?, err: fiks.Error }[]
---@field reports fiks.ConvertReport[] by index in the call

--- Converts many messages.
---@param meldinger table[]
---@param supplier (fun(melding: table, index: integer): table?)? extras for each
---@return fiks.Converted
function M.all(meldinger, supplier)
  local result = { meldinger = {}, failed = {}, reports = {} }
  for i, melding in ipairs(meldinger) do
    local converted, err, report = M.to_innsyn(melding, supplier and supplier(melding, i))
    result.reports[i] = report
    if converted then
      result.meldinger[#result.meldinger + 1] = converted
    else
      result.failed[#result.failed + 1] = { index = i, id = field(melding, "id"), err = err }
    end
  end
  return result
end

return M
