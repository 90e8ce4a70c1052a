--- Indexing messages in batches: what Meldingsboks and Innsyn have in common.
---
--- Everything is checked before anything is sent. Then one batch goes after the other, parents in
--- an earlier batch than their children, until one fails. The result has the fate of each message.

local Error = require "fiks.error"
local core = require "fiks.core"
local ordering = require "fiks.indexing.ordering"
local Report = require "fiks.schema.report"
local Result = require "fiks.indexing.result"
local options = require "fiks.options"
local schema = require "fiks.schema"

local M = {}

M.MAX_BATCH = 5000

local OPTIONS = { "batch_size", "max_message_bytes" }

---@class fiks.IndexOptions
---@field batch_size integer? messages per request, 1 to 5000 (default)
---@field max_message_bytes integer? refuse messages whose JSON is longer; default: no limit

---@class fiks.IndexContract what a service tells about itself
---@field operation string
---@field shape table see fiks.schema
---@field id string the field that holds a message's id
---@field organisation string? the field that names the fiks-organisasjon
---@field parent fun(message: table): string? the id of its parent, if it names one
---@field body fun(messages: table[]): string?, fiks.Error? JSON text of a batch
---@field read fun(answer: table, batch: fiks.Batch, result: fiks.IndexResult): fiks.Error?

local function check_options(given, what)
  given = options.check(given, OPTIONS, what, 4)
  local size = given.batch_size or M.MAX_BATCH
  if type(size) ~= "number" or size ~= math.floor(size) or size < 1 or size > M.MAX_BATCH then
    error(("%s: batch_size must be a whole number from 1 to %d"):format(what, M.MAX_BATCH), 4)
  end
  local limit = given.max_message_bytes
  if limit ~= nil and (type(limit) ~= "number" or limit < 1) then
    error(what .. ": max_message_bytes must be a positive number", 4)
  end
  return size, limit
end

-- All messages as a list, from an array or from an iterator function.
local function collect(messages, what)
  if type(messages) == "function" then
    local list = {}
    for message in messages do
      list[#list + 1] = message
    end
    return list, #list
  elseif type(messages) ~= "table" then
    error(("%s: expected an array of messages or a function that returns the next one, got %s")
      :format(what, type(messages)), 4)
  end
  local n, why = schema.length(messages)
  if not n then
    return nil, Error.new {
      kind = "invalid", code = "validation", message = "the list of messages " .. why,
    }
  end
  return messages, n
end

local function check_size(report, message, limit)
  local text, err = core.json_encode(message)
  if text and #text > limit then
    report:problem("size", ("is %d bytes of JSON, more than max_message_bytes = %d"):format(
      #text, limit))
  elseif not text then
    report:problem(err.code, err.message)
  end
end

-- The message, or a copy that names the client's fiks-organisasjon when it names none.
local function with_organisation(message, field, organisation)
  if not organisation or not field or type(message) ~= "table" or rawget(message, field) ~= nil then
    return message
  end
  local copy = { [field] = organisation }
  for name, value in next, message do
    copy[name] = value
  end
  return copy
end

-- Checks every message. Returns what is sent for each, or nil and the error.
local function validate(contract, messages, n, limit, organisation)
  local report, sent, place = Report.new(), {}, {}
  for i = 1, n do
    local given = with_organisation(messages[i], contract.organisation, organisation)
    local message = schema.check(report, contract.shape, given, i)
    local id = report.id
    if id and place[id] then
      report:problem("duplicate", ("is the id of message %d too"):format(place[id]), nil,
        contract.id)
    elseif id then
      place[id] = i
    end
    if limit and report.last_bad ~= i then
      check_size(report, message, limit)
    end
    sent[i] = message
  end
  if report.count == 0 then
    ordering.check(report, contract, sent, place)
  end
  if report.count > 0 then
    return nil, report:error(n)
  end
  return sent, report.warnings, place
end

-- ---- sending ------------------------------------------------------------------------------------

---@class fiks.Batch
---@field number integer from 1
---@field size integer messages
---@field outcome "answered"|"refused"|"unknown"|"not_sent"
---@field status integer? of the last answer
---@field attempts integer? requests sent
---@field elapsed_ms integer?
---@field ids string[] the messages, in the order sent
---@field err fiks.Error?

-- Failures after which the server has surely stored nothing of the batch, unless an earlier try of
-- the same call may have been carried out (err.uncertain).
local NOTHING_STORED = {
  config = true, credentials = true, invalid = true, clock = true, auth = true, denied = true,
  not_found = true, conflict = true, rejected = true, rate_limited = true,
}

local function surely_refused(err)
  return not err.uncertain and (NOTHING_STORED[err.kind] or err.operation == "token")
end

local function note_response(batch, response)
  if response then
    batch.status, batch.attempts = response.status, response.attempts
    batch.elapsed_ms = response.elapsed_ms
  end
end

local function batch_of(contract, messages, number)
  local ids = {}
  for i, message in ipairs(messages) do
    ids[i] = message[contract.id]
  end
  return { number = number, size = #messages, ids = ids }
end

-- A 2xx answer. Returns the error when it does not settle the whole batch.
local function read_answer(contract, batch, response, result)
  local answer, err = core.json_decode(response.body or "")
  if err or type(answer) ~= "table" then
    err = Error.new {
      kind = "protocol", code = "answer", status = response.status, retryable = true,
      operation = contract.operation,
      message = ("batch %d was answered %s, but the answer is %s: what was stored is unknown; "
        .. "the batch may be sent again"):format(batch.number, tostring(response.status),
          err and err.message or "no object"),
    }
    result:all_unknown(batch, err)
    return err
  end
  batch.outcome = "answered"
  return contract.read(answer, batch, result)
end

-- Sends one batch and enters the fate of its messages. Returns the error that ends the call.
local function send(client, contract, batch, messages, result)
  local body, err = contract.body(messages)
  local response, refused
  if body then
    response, err, refused = client:_call(contract.operation, { body = body })
  end
  note_response(batch, response or refused)
  if response then
    return read_answer(contract, batch, response, result)
  end
  batch.attempts = batch.attempts or err.attempts
  if surely_refused(err) then
    result:refused(batch, err, refused)
  else
    result:all_unknown(batch, err)
  end
  return err
end

-- Sends the batches in turn. The first that fails ends it; the later ones are not sent.
local function send_all(client, contract, batches, result)
  local failure
  for number, messages in ipairs(batches) do
    local batch = batch_of(contract, messages, number)
    result.batches[number] = batch
    if failure then
      result:not_sent(batch, failure)
    else
      batch.err = send(client, contract, batch, messages, result)
      failure = batch.err
    end
  end
  result:finish(failure)
end

--- Indexes messages.
---@param client fiks.Client
---@param contract fiks.IndexContract
---@param messages table[]|fun(): table?
---@param given fiks.IndexOptions?
---@param what string the function's name, for misuse
---@return fiks.IndexResult? result nil when nothing was stored, for certain
---@return fiks.Error? err
---@return fiks.IndexResult? result of what was refused
function M.index(client, contract, messages, given, what)
  local size, limit = check_options(given, what)
  local list, n = collect(messages, what)
  if not list then
    return nil, n
  end
  local sent, warnings, place = validate(contract, list, n, limit, client.fiks_organisasjon)
  if not sent then
    return nil, warnings
  end
  local result = Result.new(n, warnings)
  send_all(client, contract, ordering.batches(contract, sent, place, size), result)
  if result.err and result:nothing_stored() then
    return nil, result.err, result
  end
  return result
end

return M
