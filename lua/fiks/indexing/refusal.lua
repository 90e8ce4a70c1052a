--- What the body of a 400 says about single messages. The contracts know an array of
--- { meldingId, felt, feilmelding } and one object whose `errorJson` is an object, or text that
--- holds one, of a layout that is published nowhere: whatever names an id that was sent is taken.

local core = require "fiks.core"

local M = {}

local REASONS = { "feilmelding", "message", "melding", "reason", "arsak" }
local DEPTH = 16

local function text(value)
  return type(value) == "string" and value or nil
end

-- "felt: feilmelding", or what there is of it.
local function reason_in(object)
  local reason
  for _, name in ipairs(REASONS) do
    reason = reason or text(object[name])
  end
  local field = text(object.felt) or text(object.field)
  return field and reason and field .. ": " .. reason or reason or field
end

local function decode(body)
  if type(body) ~= "string" or body == "" then
    return nil
  end
  local value, err = core.json_decode(body)
  return not err and type(value) == "table" and value or nil
end

local function add(found, id, reason)
  if not found.reasons[id] then
    found.ids[#found.ids + 1] = id
    found.reasons[id] = reason or "named by the server"
  elseif reason then
    found.reasons[id] = found.reasons[id] .. "; " .. reason
  end
end

local search

-- A field or element: an id, an object below, or text that may hold JSON.
local function search_value(found, value, reason, depth)
  if type(value) == "table" then
    search(found, value, reason, depth + 1)
  elseif type(value) == "string" and found.sent[value] then
    add(found, value, reason)
  elseif type(value) == "string" and value:find("^%s*[%[{]") then
    local inner = decode(value)
    if inner then
      search(found, inner, reason, depth + 1)
    end
  end
end

function search(found, object, reason, depth)
  if depth > DEPTH then
    return
  end
  if getmetatable(object) ~= core.array_mt then
    reason = reason_in(object) or reason
  end
  for key, value in pairs(object) do
    if found.sent[key] then
      add(found, key, text(value) or type(value) == "table" and reason_in(value) or reason)
    else
      search_value(found, value, reason, depth)
    end
  end
end

--- The messages that the answer names.
---@param body string? of the answer
---@param ids string[] the messages of the batch
---@return table<string, string> reasons by id
---@return string[] ids named
function M.read(body, ids)
  local found = { sent = {}, reasons = {}, ids = {} }
  for _, id in ipairs(ids) do
    found.sent[id] = true
  end
  local value = decode(body)
  if value then
    search(found, value, nil, 1)
  end
  return found.reasons, found.ids
end

--- The entries of an array of Valdieringsfeil (the contract's spelling), also those without an id.
---@param body string?
---@return fiks.Problem[]? problems nil when the answer is no such array
function M.problems(body)
  local value = decode(body)
  if not value or getmetatable(value) ~= core.array_mt then
    return nil
  end
  local problems = {}
  for _, entry in ipairs(value) do
    if type(entry) == "table" then
      problems[#problems + 1] = {
        id = text(entry.meldingId), path = text(entry.felt) or "$", rule = "server",
        message = text(entry.feilmelding) or "refused by the server",
      }
    end
  end
  return problems
end

return M
