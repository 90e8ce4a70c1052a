--- The result of indexing: the fate of every message.

local Error = require "fiks.error"
local refusal = require "fiks.indexing.refusal"

---@class fiks.IndexEntry
---@field id string
---@field code string "FAILED", "invalid", "refused", "not_sent", or the server's word
---@field reason string? for people

---@class fiks.IndexResult
---@field ok string[] ids that are stored
---@field failed fiks.IndexEntry[] not stored, and why
---@field reserved fiks.IndexEntry[] not stored because the person said no: final, never repeat
---@field unknown fiks.IndexEntry[] may be stored or not: send again, the ids make it safe
---@field counts { total: integer, ok: integer, failed: integer, reserved: integer,
---  unknown: integer }
---@field complete boolean every message is stored or reserved: nothing is left to do
---@field batches fiks.Batch[]
---@field warnings fiks.Problem[]
---@field err fiks.Error? what ended the call early, or made a batch uncertain
local Result = {}

local mt = { __index = Result, __name = "fiks.IndexResult" }

---@return fiks.IndexResult
function Result.new(total, warnings)
  return setmetatable({
    ok = {}, failed = {}, reserved = {}, unknown = {}, batches = {}, warnings = warnings or {},
    counts = { total = total, ok = 0, failed = 0, reserved = 0, unknown = 0 }, complete = false,
  }, mt)
end

---@return string
function mt:__tostring()
  local c = self.counts
  return ("%d messages: %d ok, %d failed, %d reserved, %d unknown"):format(
    c.total, c.ok, c.failed, c.reserved, c.unknown)
end

--- Enters a message in one of the lists.
---@param list "ok"|"failed"|"reserved"|"unknown"
function Result:add(list, id, code, reason)
  local to = self[list]
  to[#to + 1] = list == "ok" and id or { id = id, code = code, reason = reason }
end

--- Adds a warning about the call as a whole.
function Result:warn(rule, message)
  self.warnings[#self.warnings + 1] = { rule = rule, message = message, path = "$" }
end

--- The batch was lost on the way, or the server failed: some, all or nothing of it is stored.
function Result:all_unknown(batch, err)
  batch.outcome = "unknown"
  for _, id in ipairs(batch.ids) do
    self:add("unknown", id, err.kind, err.message)
  end
end

--- The server, or we before sending, refused the batch: nothing of it is stored. Those that the
--- answer names are "invalid"; the others went down with them.
function Result:refused(batch, err, response)
  batch.outcome = "refused"
  local named, ids = refusal.read(response and response.body, batch.ids)
  for _, id in ipairs(batch.ids) do
    if named[id] then
      self:add("failed", id, "invalid", named[id])
    else
      self:add("failed", id, "refused", #ids > 0
        and "nothing of the batch was stored, because of other messages in it" or err.message)
    end
  end
  err.ids = ids
  err.problems = refusal.problems(response and response.body)
end

--- The batch stayed here because an earlier one failed.
function Result:not_sent(batch, failure)
  batch.outcome = "not_sent"
  for _, id in ipairs(batch.ids) do
    self:add("failed", id, "not_sent", "not sent, since an earlier batch failed: "
      .. failure.message)
  end
end

--- Counts, and draws the conclusion.
function Result:finish(err)
  local c = self.counts
  for _, list in ipairs { "ok", "failed", "reserved", "unknown" } do
    c[list] = #self[list]
  end
  self.err = err
  self.complete = c.ok + c.reserved == c.total
end

--- Is nothing of this call stored, for certain?
---@return boolean
function Result:nothing_stored()
  return #self.ok + #self.reserved + #self.unknown == 0
end

--- The error for an answer that says that the operation as a whole failed.
function Result.server_error(batch, operation, text)
  return Error.new {
    kind = "server", code = "feilet", status = batch.status, operation = operation,
    retryable = true,
    message = ("the server says that indexing batch %d failed%s: what was stored is unknown; the "
      .. "batch may be sent again"):format(batch.number, text and " (" .. text .. ")" or ""),
  }
end

return Result
