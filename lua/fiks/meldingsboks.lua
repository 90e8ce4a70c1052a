--- Meldingsboks, the 2018 contract: index and delete messages, in three published dialects.
---
---     local boks = client:meldingsboks { dialect = "2018-v1" }
---     local result, err = boks:index(meldinger)

local Error = require "fiks.error"
local core = require "fiks.core"
local formats = require "fiks.schema.formats"
local indexing = require "fiks.indexing"
local options = require "fiks.options"
local shapes = require "fiks.shapes.meldingsboks"

---@class fiks.Meldingsboks
local Meldingsboks = {}

local mt = { __index = Meldingsboks, __name = "fiks.Meldingsboks" }

local DIALECTS = { "2018-a", "2018-b", "2018-v1" }

-- What the answers call things.
local ENGLISH = {
  parent = "parent", items = "results", failed = "failed", failure_text = "error",
  indexed = "indexed", code = "responseCode", text = "message",
  deleted = "deletedMessages", delete_failed = "operationFailed", delete_id = "failureId",
  partial = "deletionsFailed", not_deleted = "failedDeletionMessageId",
}
local NORWEGIAN = {
  parent = "forelder", items = "resultat", failed = "feilet", failure_text = "feilmelding",
  indexed = "indeksert", code = "resultatKode", text = "resultatMelding",
  deleted = "antallSlettet", delete_failed = "feilet", delete_id = "feilId",
  partial = "slettingFeilet", not_deleted = "slettingFeiletMeldingId",
}
local NAMES = { ["2018-a"] = ENGLISH, ["2018-b"] = NORWEGIAN, ["2018-v1"] = NORWEGIAN }

local function text(value)
  return type(value) == "string" and value ~= "" and value or nil
end

-- ---- index --------------------------------------------------------------------------------------

-- The list a result code stands for. HTTP 200 and failed = false say nothing about a message.
local function list_for(code, indexed)
  if code == "OK" and indexed ~= false then
    return "ok"
  elseif code == "FAILED" then
    return "failed"
  elseif code == "GDPR_RESERVED" then
    return "reserved"
  end
  return "unknown"
end

-- The items by the ids that were sent; false for an id that came twice.
local function items_by_id(names, items, batch, result)
  local sent, by_id = {}, {}
  for _, id in ipairs(batch.ids) do
    sent[id] = true
  end
  for _, item in ipairs(items) do
    local id = type(item) == "table" and text(item.id)
    if not id or not sent[id] then
      result:warn("answer", ("batch %d: the answer has an item in %s with an id that was not sent")
        :format(batch.number, names.items))
    elseif by_id[id] ~= nil then
      by_id[id] = false
    else
      by_id[id] = item
    end
  end
  return by_id
end

local function enter_items(names, by_id, batch, result)
  for _, id in ipairs(batch.ids) do
    local item = by_id[id]
    if item == nil then
      result:add("unknown", id, "no_answer", "the answer does not mention the message")
    elseif item == false then
      result:add("unknown", id, "doubled", "the answer mentions the message more than once")
    else
      local code = text(item[names.code])
      result:add(list_for(code, item[names.indexed]), id, code or "no_code", text(item[names.text]))
    end
  end
end

local function reader(names, operation)
  return function(answer, batch, result)
    local items = answer[names.items]
    if answer[names.failed] == true then
      local err = result.server_error(batch, operation, text(answer[names.failure_text]))
      result:all_unknown(batch, err)
      return err
    end
    enter_items(names, items_by_id(names, type(items) == "table" and items or {}, batch, result),
      batch, result)
  end
end

local function contract_of(dialect)
  local names = NAMES[dialect]
  local operation = "meldingsboks." .. dialect .. ".index"
  return {
    operation = operation,
    shape = shapes[dialect],
    id = "id",
    parent = function(message)
      local parent = message.typeMetadata[names.parent]
      return parent and parent.id
    end,
    body = function(messages)
      return core.json_encode(core.array(messages))
    end,
    read = reader(names, operation),
  }
end

--- Indexes messages: any number, in batches of at most 5000, parents before their children. Every
--- message is checked before the first is sent; the same id replaces what was indexed before.
---@param meldinger table[]|fun(): table? an array, or a function that returns the next one
---@param given fiks.IndexOptions?
---@return fiks.IndexResult? result the fate of every message; nil when nothing was stored
---@return fiks.Error? err kind "invalid": err.problems lists every problem of every message
---@return fiks.IndexResult? refused beside an error from the server: the same, as lists
function Meldingsboks:index(meldinger, given)
  return indexing.index(self._client, self._contract, meldinger, given, "meldingsboks:index")
end

-- ---- delete -------------------------------------------------------------------------------------

local SLETT = { "fiks_organisasjon_id", "enhet_id", "melding_id", "all" }

local function invalid(message)
  return nil, Error.new { kind = "invalid", code = "argument", message = message }
end

-- The parameters of a delete, or nil and why not. An empty filter would mean "everything".
local function delete_params(given, organisation)
  local params = {}
  for _, field in ipairs {
    { "fiks_organisasjon_id", "fiksOrganisasjonId" }, { "enhet_id", "enhetId" },
    { "melding_id", "meldingId" },
  } do
    local value = given[field[1]]
    if value == nil and field[1] == "fiks_organisasjon_id" then
      value = organisation
    end
    if value ~= nil and not text(value) then
      return invalid("meldingsboks:slett: " .. field[1] .. " must be a string that is not empty")
    elseif value and value:find("%c") then
      return invalid("meldingsboks:slett: " .. field[1] .. " holds a control character")
    elseif value and field[1] ~= "enhet_id" then
      local ok, why = formats.uuid(value)
      if not ok then
        return invalid(("meldingsboks:slett: %s %s"):format(field[1], why))
      end
    end
    params[field[2]] = value
  end
  if not params.fiksOrganisasjonId then
    return invalid("meldingsboks:slett needs fiks_organisasjon_id")
  elseif not (params.enhetId or params.meldingId) and given.all ~= true then
    return invalid("meldingsboks:slett without enhet_id or melding_id deletes every message that "
      .. "this integrasjon has indexed for the organisation: say all = true if that is meant")
  elseif (params.enhetId or params.meldingId) and given.all then
    return invalid("meldingsboks:slett takes all = true or a filter, not both")
  end
  return params
end

---@class fiks.SlettResult
---@field antall_slettet integer? messages removed
---@field complete boolean everything asked for is gone
---@field ikke_slettet string[] ids of messages that could not be removed
---@field feil_id string? quote it to KS support

local function read_delete(names, operation, response)
  local answer, err = core.json_decode(response.body or "")
  if err or type(answer) ~= "table" then
    return nil, Error.new {
      kind = "protocol", code = "answer", status = response.status, operation = operation,
      retryable = true, message = "deleting was answered with something that is not the contract's "
        .. "JSON: what was deleted is unknown; it may be sent again",
    }
  end
  local ids = {}
  local listed = answer[names.not_deleted]
  for _, id in ipairs(type(listed) == "table" and listed or {}) do
    ids[#ids + 1] = text(id)
  end
  local count = answer[names.deleted]
  local result = {
    antall_slettet = type(count) == "number" and count or nil,
    ikke_slettet = ids,
    feil_id = text(answer[names.delete_id]),
    complete = type(count) == "number" and answer[names.partial] ~= true
      and answer[names.delete_failed] ~= true and #ids == 0,
  }
  if answer[names.delete_failed] == true then
    return nil, Error.new {
      kind = "server", code = "feilet", status = response.status, operation = operation,
      retryable = true, error_id = result.feil_id,
      message = "the server says that deleting failed; some messages may be gone all the same",
    }, result
  end
  return result
end

--- Deletes messages that this integrasjon has indexed for an organisation: one, those of a unit, or
--- with `all = true` every one. Not atomic: look at `complete`.
---@param given { fiks_organisasjon_id: string?, enhet_id: string?, melding_id: string?,
---  all: boolean? }
---@return fiks.SlettResult? result
---@return fiks.Error? err
---@return fiks.SlettResult? result beside the error, when the server gave one
function Meldingsboks:slett(given)
  given = options.check(given, SLETT, "meldingsboks:slett", 2)
  local params, err = delete_params(given, self._client.fiks_organisasjon)
  if not params then
    return nil, err
  end
  local operation = "meldingsboks." .. self.dialect .. ".slett"
  local response, failure = self._client:_call(operation, { params = params })
  if not response then
    return nil, failure
  end
  return read_delete(NAMES[self.dialect], operation, response)
end

---@return string
function mt:__tostring()
  return "fiks.Meldingsboks (dialect " .. self.dialect .. ")"
end

local M = {}

--- For client:meldingsboks. The dialects differ in one field of a message and in every name of the
--- answers: "2018-a" has English names, "2018-b" Norwegian ones, "2018-v1" (default) those and /v1/
--- in the paths.
---@param client fiks.Client
---@param given { dialect: "2018-a"|"2018-b"|"2018-v1"? }?
---@return fiks.Meldingsboks
function M.new(client, given)
  given = options.check(given, { "dialect" }, "client:meldingsboks", 3)
  local dialect = given.dialect or "2018-v1"
  if not NAMES[dialect] then
    error(("client:meldingsboks: unknown dialect '%s', did you mean '%s'? known: %s"):format(
      tostring(dialect), options.nearest(tostring(dialect), DIALECTS),
      table.concat(DIALECTS, ", ")), 3)
  end
  return setmetatable({
    dialect = dialect, _client = client, _contract = contract_of(dialect),
  }, mt)
end

return M
