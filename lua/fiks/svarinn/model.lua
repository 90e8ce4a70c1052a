--- One form for a forsendelse, whether SvarInn v1 or v2 described it.
--
-- Lenient by rule: unknown fields are left out (the original is in `raw`), null and absent are the
-- same, numbers may come as text and the reverse, dates as milliseconds or ISO 8601. Field names
-- are the platform's newer ones; the members of the two id objects that came with v2 lie flat.

local core = require "fiks.core"
local Error = require "fiks.error"

local M = {}

local MAX_EXACT = 9007199254740992 -- 2^53
local YEAR_10000_MS = 253402300800000

-- null and wrong types count as absent.
local function object(value)
  return type(value) == "table" and value or {}
end

local function text(value)
  if type(value) == "string" then
    return value
  elseif type(value) == "number" then
    local whole = value == math.floor(value) and math.abs(value) < MAX_EXACT
    return whole and ("%d"):format(value) or tostring(value)
  end
  return nil
end

-- A number; integers that LuaJIT cannot hold exactly stay text, as the JSON decoder gave them.
local function number(value)
  if type(value) == "number" then
    return value
  elseif type(value) == "string" and value:find("^%-?%d+$") then
    return #value < 16 and tonumber(value) or value
  end
  return nil
end

local function boolean(value)
  if type(value) == "boolean" then
    return value
  end
  return nil
end

-- Days from 1970-01-01 to a date of the Gregorian calendar (Hinnant's algorithm).
local function days(year, month, day)
  if month <= 2 then
    year = year - 1
  end
  local era = math.floor(year / 400)
  local year_of_era = year - era * 400
  local day_of_year = math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return era * 146097 + year_of_era * 365 + math.floor(year_of_era / 4)
    - math.floor(year_of_era / 100) + day_of_year - 719468
end

local function offset_minutes(zone)
  local sign, hours, minutes = zone:match("^([+-])(%d%d):?(%d%d)$")
  if not sign then
    return 0 -- "Z", or none: UTC
  end
  return (sign == "-" and -1 or 1) * (tonumber(hours) * 60 + tonumber(minutes))
end

--- A point in time in both forms.
---@param value any milliseconds since 1970 (UTC), or ISO 8601 text
---@return integer? ms nil when it is neither
---@return string? iso
function M.time(value)
  local ms = number(value)
  if type(ms) == "number" and math.abs(ms) < YEAR_10000_MS then
    ms = math.floor(ms)
    local whole = math.floor(ms / 1000)
    return ms, os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%03dZ"):format(ms - whole * 1000)
  end
  if type(value) ~= "string" then
    return nil
  end
  local year, month, day, rest = value:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
  if not year then
    return nil, value
  end
  local hour, minute, second, fraction, zone =
    rest:match("^[Tt ](%d%d):(%d%d):?(%d*)([.,]?%d*)(.*)$")
  if not hour then
    hour, minute, second, fraction, zone = 0, 0, 0, "", "Z"
  end
  local seconds = days(tonumber(year), tonumber(month), tonumber(day)) * 86400
    + tonumber(hour) * 3600 + (tonumber(minute) - offset_minutes(zone)) * 60
    + (tonumber(second) or 0)
  local milli = fraction ~= "" and tonumber("0." .. fraction:sub(2)) or 0
  return seconds * 1000 + math.floor((milli or 0) * 1000 + 0.5), value
end

-- Entries that are no objects are left out; the second result is the first of them, by its place.
local function each(list, convert)
  local out, stray = {}, nil
  for i, item in ipairs(object(list)) do
    if type(item) == "table" then
      out[#out + 1] = convert(item)
    else
      stray = stray or i
    end
  end
  return out, stray
end

local function entries(list)
  return (each(list, function(entry)
    return { key = text(entry.key), value = text(entry.value) }
  end))
end

-- The file list as the item has it: absent and null are none. The second result: it is something
-- else than an array, and cannot be read.
local function file_list(raw)
  local list = raw.filmetadata
  if list == nil or list == core.null then
    list = raw.filer
  end
  if list == nil or list == core.null then
    return {}, false
  end
  local array = type(list) == "table" and (#list > 0 or getmetatable(list) == core.array_mt)
  return array and list or {}, not array
end

local function file(raw)
  local size = number(raw.size or raw.storrelse)
  local sha256 = text(raw.sha256hash) or text(raw.hash)
  sha256 = sha256 and sha256:gsub("%s", ""):lower()
  return {
    navn = text(raw.filnavn),
    mime = text(raw.mimetype) or text(raw.mimeType),
    sha256 = sha256 ~= "" and sha256 or nil,
    size = type(size) == "number" and size > 0 and size == math.floor(size)
      and size < MAX_EXACT and size or nil, -- 0 means unknown
    type = text(raw.dokumentType) or text(raw.type),
    extra = entries(raw.ekstraMetadata),
  }
end

-- Sender, receiver and reply address: flat (v1, v2 draft) or with a postadresse (v2).
local function party(raw)
  if type(raw) ~= "table" then
    return nil
  end
  local address = type(raw.postadresse) == "table" and raw.postadresse or raw
  local out = {
    orgnr = text(raw.organisasjonsnummer) or text(raw.orgnr),
    fnr = text(raw.fodselsnummer) or text(raw.fnr),
    navn = text(address.navn),
    postnummer = text(address.postnummer) or text(address.postnr),
    poststed = text(address.poststed),
    land = text(address.land),
  }
  for i = 1, 3 do
    out["adresselinje" .. i] = text(address["adresselinje" .. i]) or text(address["adresse" .. i])
  end
  return out
end

local function set_time(to, name, value)
  to[name .. "_ms"], to[name] = M.time(value)
end

-- Noark data of either direction; 0 in a case or journal number means "not set".
local function noark(raw)
  if type(raw) ~= "table" then
    return nil
  end
  local case, post = object(raw.mappeId), object(raw.journalpostId)
  local function counter(value)
    value = number(value)
    return value ~= 0 and value or nil
  end
  local out = {
    mappeId = text(raw.mappeId) or text(case.mappeId),
    mappe_systemId = text(case.systemId),
    systemId = text(post.systemId) or text(raw.systemId),
    registreringsId = text(post.registreringsId) or text(raw.registreringsId),
    saksaar = counter(case.saksaar or raw.saksaar),
    sakssekvensnummer = counter(case.sakssekvensnummer or raw.sakssekvensnummer),
    journalaar = counter(post.journalaar or raw.journalaar),
    journalsekvensnummer = counter(post.journalsekvensnummer or raw.journalsekvensnummer),
    journalpostnummer = counter(post.journalpostnummer or raw.journalpostnummer),
    journalposttype = text(raw.journalposttype),
    journalstatus = text(raw.journalstatus),
    tittel = text(raw.tittel),
    saksbehandler = text(raw.saksbehandler) or text(raw.saksBehandler),
    extra = entries(raw.virksomhetsspesifikkeMetadata or raw.ekstraMetadata),
  }
  set_time(out, "journaldato", raw.journaldato)
  set_time(out, "dokumentetsDato", raw.dokumentetsDato)
  return out
end

local function links(list)
  return (each(list, function(link)
    return {
      lenke = text(link.lenke) or text(link.urlLenke),
      tekst = text(link.tekst) or text(link.urlTekst),
      ledetekst = text(link.ledetekst),
    }
  end))
end

local LEVELS = { BETYDELIG = 3, HOYESTE = 4, ["3"] = 3, ["4"] = 4 }

local function level(raw)
  local value = text(raw.niva) or text(raw.sikkerhetsniva)
  return LEVELS[value] or value
end

--- Whether an id is safe in a path and as a folder name.
---@param id any
---@return boolean
function M.valid_id(id)
  return type(id) == "string" and #id >= 1 and #id <= 64 and not id:find("[^0-9A-Za-z-]")
end

--- The normalised form of one item of a list. It is always a table, also beside an error.
---@param raw any
---@return fiks.Forsendelse forsendelse
---@return fiks.Error? err kind "protocol" when the item cannot be handled
function M.forsendelse(raw)
  if type(raw) ~= "table" or raw == core.null then
    return { filer = {}, raw = raw }, Error.new {
      kind = "protocol", code = "item", message = "an item of SvarInn's list is not an object",
    }
  end
  local list, unreadable = file_list(raw)
  local files, stray = each(list, file)
  local out = {
    id = text(raw.id),
    tittel = text(raw.tittel),
    status = text(raw.status),
    niva = level(raw),
    type = text(raw.forsendelseType) or text(raw.type),
    url = text(raw.downloadUrl) or text(raw.nedlastingslenke),
    filer = files,
    avsender = party(raw.avsender),
    mottaker = party(raw.mottaker),
    svarSendesTil = party(raw.svarSendesTil),
    svarPaForsendelse = text(raw.svarPaForsendelse),
    eksternRef = text(raw.eksternRef),
    avgivendeSystem = text(raw.avgivendeSystem),
    taushetsbelagtPost = boolean(raw.taushetsbelagtPost),
    lenker = links(raw.lenker),
    metadataFraAvleverendeSystem = noark(raw.metadataFraAvleverendeSystem),
    metadataForImport = noark(raw.metadataForImport),
    raw = raw,
  }
  if unreadable then
    return out, Error.new {
      kind = "protocol", code = "fil", message = "the file list in SvarInn's list is not an array",
    }
  elseif stray then
    return out, Error.new {
      kind = "protocol", code = "fil",
      message = ("entry %d of the file list in SvarInn's list is not an object"):format(stray),
    }
  end
  for _, item in ipairs(out.filer) do
    if not item.navn or item.navn == "" or item.navn:find("\0", 1, true) then
      return out, Error.new {
        kind = "protocol", code = "filnavn",
        message = "SvarInn's list holds a file without a usable name",
      }
    end
  end
  if out.url and out.url:find("%c") then
    return out, Error.new {
      kind = "protocol", code = "url",
      message = "SvarInn's list holds a download address with a control character in it",
    }
  end
  out.dato_ms, out.dato = M.time(raw.date ~= nil and raw.date ~= core.null and raw.date or raw.dato)
  if not M.valid_id(out.id) then
    return out, Error.new {
      kind = "protocol", code = "forsendelse_id",
      message = "SvarInn's list holds an id that is not safe to use (1 to 64 of 0-9 A-Z a-z -): "
        .. ("%q"):format((out.id or "none"):sub(1, 64)):gsub("[^\32-\126]", "?"),
    }
  end
  return out
end

return M
