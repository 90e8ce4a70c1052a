--- Fiks Innsyn, the successor of Meldingsboks: index (v2, or the older v1) and delete messages.
---
---     local innsyn = client:innsyn()
---     local result, err = innsyn:index(meldinger)
---
--- In v2 `meldingMetadata` is a table here: it is checked against the schema of `versjon` and sent
--- as the contract wants it, Base64 of JSON. Base64 made elsewhere is checked and sent as it is,
--- unless a null that the schema does not know has to be left out.

local Error = require "fiks.error"
local Report = require "fiks.schema.report"
local core = require "fiks.core"
local deleting = require "fiks.innsyn.deleting"
local indexing = require "fiks.indexing"
local options = require "fiks.options"

---@class fiks.Innsyn
local Innsyn = {}

local mt = { __index = Innsyn, __name = "fiks.Innsyn" }

local function text(value)
  return type(value) == "string" and value or nil
end

-- ---- index --------------------------------------------------------------------------------------

-- The metadata of a checked v2 message as a table.
local function metadata_of(message)
  local metadata = message.meldingMetadata
  if type(metadata) == "string" then
    return core.json_decode(core.unbase64(metadata))
  end
  return metadata
end

local function parent_in(metadata)
  local parent = metadata.forelder
  return type(parent) == "table" and parent.meldingId or text(metadata.forelderMeldingId)
end

local function encode_v2(message)
  if type(message.meldingMetadata) == "string" then
    return message
  end
  local json, err = core.json_encode(message.meldingMetadata)
  if not json then
    return nil, err
  end
  local copy = {}
  for name, value in pairs(message) do
    copy[name] = value
  end
  copy.meldingMetadata = core.base64(json)
  return copy
end

local function body_v2(messages)
  local list = core.array({})
  for i, message in ipairs(messages) do
    local encoded, err = encode_v2(message)
    if not encoded then
      return nil, err
    end
    list[i] = encoded
  end
  return core.json_encode({ meldinger = list })
end

local function body_v1(messages)
  return core.json_encode(core.array(messages))
end

-- The ids the answer lists as without consent, those of the batch only; and how many it counts.
local function without_consent(answer, batch, result)
  local sent, blocked, named = {}, {}, 0
  for _, id in ipairs(batch.ids) do
    sent[id] = true
  end
  local listed = answer.meldingerUtenSamtykke
  for _, id in ipairs(type(listed) == "table" and listed or {}) do
    if not sent[id] then
      result:warn("answer", ("batch %d: meldingerUtenSamtykke has an id that was not sent"):format(
        batch.number))
    elseif not blocked[id] then
      blocked[id], named = true, named + 1
    end
  end
  local counted = type(answer.manglerSamtykke) == "number" and answer.manglerSamtykke or 0
  return blocked, named, counted
end

local function enter(batch, result, blocked, list, code, reason)
  for _, id in ipairs(batch.ids) do
    if blocked[id] then
      result:add("reserved", id, "manglerSamtykke", "the person has not consented")
    else
      result:add(list, id, code, reason)
    end
  end
end

-- The answer counts; only messages without consent are named. When fewer are named than counted,
-- nobody can tell which of the others are stored.
local function read(answer, batch, result)
  local created, updated = answer.opprettet, answer.oppdatert
  if type(created) ~= "number" or type(updated) ~= "number" then
    local err = Error.new {
      kind = "protocol", code = "answer", status = batch.status, retryable = true,
      message = ("batch %d was answered without the counts opprettet and oppdatert: what was "
        .. "stored is unknown; the batch may be sent again"):format(batch.number),
    }
    result:all_unknown(batch, err)
    return err
  end
  local blocked, named, counted = without_consent(answer, batch, result)
  batch.opprettet, batch.oppdatert, batch.mangler_samtykke = created, updated, counted
  if counted > named then
    enter(batch, result, blocked, "unknown", "manglerSamtykke",
      ("%d messages of the batch lack consent, but the answer names %d"):format(counted, named))
    return nil
  end
  enter(batch, result, blocked, "ok")
  if created + updated + named ~= batch.size then
    result:warn("answer", ("batch %d: %d messages were sent, but the answer counts %d"):format(
      batch.number, batch.size, created + updated + named))
  end
end

local CONTRACTS = {
  [1] = {
    operation = "innsyn.v1.index",
    shape = require "fiks.shapes.innsyn_v1",
    id = "meldingId",
    organisation = "fiksOrganisasjonId",
    parent = function(message)
      return parent_in(message.meldingMetadata)
    end,
    body = body_v1,
    read = read,
  },
  [2] = {
    operation = "innsyn.v2.index",
    shape = require "fiks.shapes.innsyn_v2",
    id = "meldingId",
    organisation = "fiksOrganisasjonId",
    parent = function(message)
      return parent_in(metadata_of(message))
    end,
    body = body_v2,
    read = read,
  },
}

-- The ids and the pair of a refusal, in the error's own text.
local function explain(err, result)
  if not result or not err.ids or #err.ids == 0 then
    return
  end
  local shown = table.concat(err.ids, ", ", 1, math.min(5, #err.ids))
  err.message = ("%s; nothing of batch %d was stored because of %d message%s: %s%s"):format(
    err.message, #result.batches, #err.ids, #err.ids == 1 and "" or "s", shown,
    #err.ids > 5 and " ... (err.ids)" or "")
end

--- Indexes messages: any number, in batches of at most 5000, parents before their children. Every
--- message is checked before the first is sent; the same id replaces what was indexed before. The
--- server takes a batch as a whole or refuses it as a whole; those it stored for a person without
--- consent are `reserved`.
---@param meldinger table[]|fun(): table? an array, or a function that returns the next one
---@param given fiks.IndexOptions?
---@return fiks.IndexResult? result the fate of every message; nil when nothing was stored
---@return fiks.Error? err err.ids: the messages a refusal names; kind "invalid": err.problems
---@return fiks.IndexResult? refused beside an error from the server: the same, as lists
function Innsyn:index(meldinger, given)
  local result, err, refused =
    indexing.index(self._client, CONTRACTS[self.versjon], meldinger, given, "innsyn:index")
  if err then
    explain(err, refused)
  end
  return result, err, refused
end

-- ---- delete -------------------------------------------------------------------------------------

--- Asks for the deletion of messages that this integrasjon has indexed for an organisation: one,
--- those with an eksternRef, or with `all = true` every one. The server does it later: complete is
--- false, and the count is not final. Do not index the same ids again right after it.
---@param given { fiks_organisasjon_id: string?, ekstern_ref: string?, melding_id: string?,
---  all: boolean? }
---@return { antall_slettet: integer?, complete: boolean }? result
---@return fiks.Error? err
function Innsyn:slett(given)
  given = options.check(given, deleting.OPTIONS, "innsyn:slett", 2)
  return deleting.slett(self._client, given)
end

--- Deletes the messages listed, at once, in pages of 1000.
---@param list { fiksOrgId: string?, meldingId: string, meldingType: string }[]
---@return { antall_slettet: integer, pages: integer, complete: boolean }? result
---@return fiks.Error? err
---@return table? result of the pages before the one that failed
function Innsyn:slett_by_melding_id(list)
  if type(list) ~= "table" then
    error("innsyn:slett_by_melding_id: expected an array, got " .. type(list), 2)
  end
  return deleting.by_id(self._client, list, Report.new())
end

---@return string
function mt:__tostring()
  return "fiks.Innsyn (v" .. self.versjon .. ")"
end

local M = {}

--- For client:innsyn.
---@param client fiks.Client
---@param given { versjon: 1|2? }? index version, 2 by default
---@return fiks.Innsyn
function M.new(client, given)
  given = options.check(given, { "versjon" }, "client:innsyn", 3)
  local versjon = given.versjon or 2
  if not CONTRACTS[versjon] then
    error(("client:innsyn: versjon is 1 or 2, not %s"):format(tostring(versjon)), 3)
  end
  return setmetatable({ versjon = versjon, _client = client }, mt)
end

return M
