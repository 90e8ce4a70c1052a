--- One forsendelse on its way: fetched, verified and durable, handed over, acknowledged; each step
--- begun only when the journal holds the one before it.

local content = require "fiks.svarinn.content"
local core = require "fiks.core"
local Error = require "fiks.error"
local log = require "fiks.log"

local M = {}

-- Failures that say something of the forsendelse itself, or of how it is taken. Others (network,
-- disk, a server that is down) say nothing of it, and never park it.
local ITS_OWN = { crypto = true, archive = true, integrity = true, limit = true, protocol = true,
  rejected = true, invalid = true, internal = true }
local ITS_OWN_CODE = { handler = true, ["store.unique"] = true }

--- Whether a file, or what is to be opened as one, is there.
---@param path string
function M.exists(path)
  local file = io.open(path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

--- Whether a folder is there.
---@param path string
function M.is_folder(path)
  return M.exists(path .. "/.") -- a folder can be opened, if not read
end

-- ---- the program's own statements ---------------------------------------------------------------

local VALUES = { ["nil"] = true, boolean = true, number = true, string = true }

---@class fiks.Transaction what a handler is given: statements for the journal's own database
local Transaction = {}
Transaction.__index = Transaction
Transaction.__name = "fiks.Transaction"

--- Adds a statement to those that are committed in the very transaction that records that the
--- forsendelse is handed over: both, or neither. Nothing is done before the handler has returned.
---@param sql string with $1, $2 ... for the values
---@param ... any nil, boolean, number or text
function Transaction:execute(sql, ...)
  if type(sql) ~= "string" then
    error("tx:execute: expected SQL, got " .. type(sql), 2)
  elseif not self.statements then
    error("tx:execute: this transaction is over: the handler has returned", 2)
  end
  local statement = { sql }
  for i = 1, select("#", ...) do
    local value = (select(i, ...))
    if not VALUES[type(value)] and value ~= core.null then
      error(("tx:execute: a %s is no value for a database"):format(type(value)), 2)
    end
    statement[i + 1] = value == nil and core.null or value
  end
  self.statements[#self.statements + 1] = statement
end

local function end_transaction(tx)
  local statements = tx.statements
  tx.statements = nil
  return statements
end

-- ---- steps --------------------------------------------------------------------------------------

-- Whether a folder that is there can only be this account's: its hashes say so, or no other account
-- has a forsendelse of the same id.
local function is_own(work, row, files)
  local verified = #files > 0
  for _, file in ipairs(files) do
    verified = verified and file.verdict == "verified"
  end
  if verified then
    return true
  end
  return work.journal:has_id_alone(row)
end

-- The files, in a folder of an earlier run that is whole.
local function find(work, f, row, folder)
  local files, err = core.forsendelse_verify {
    folder = folder, expected = content.expected_files(f),
  }
  local own = files
  if files then
    own, err = is_own(work, row, files)
  end
  if not own then
    return nil, err
  end
  f.folder, f.files = folder, content.describe(files, f)
  return true
end

-- The files, as a folder that is durable and was verified: fetched now, or found whole.
local function fetch(work, f, row)
  local folder = work.folder .. "/" .. f.id
  if M.is_folder(folder) then
    local found, err = find(work, f, row, folder)
    -- The journal had never heard of it: an earlier run without one may have shown it.
    f.redelivered = f.redelivered or row.listed_at == row.seen_at or nil
    if found then
      return true
    elseif not work.spooled or err.code == "same_id" then
      return nil, err
    end
    core.remove_folder(folder)
  end
  local received, err = work.account:download(f, folder, work.progress)
  if not received then
    f.files = err.files or {}
    return nil, err
  end
  f.folder, f.files, f.key = received.folder, received.files, received.key
  return true
end

-- What a handler has raised may be anything, and what shows it may raise in its turn.
local function shown(value)
  local fine, text = pcall(tostring, value)
  return fine and text or ("a %s that cannot be shown"):format(type(value))
end

local function refusal(raised, answer, why)
  if raised then
    why = answer
  elseif answer ~= nil and answer ~= false then
    why = ("it returned %s: true means that the forsendelse is taken"):format(type(answer))
  end
  return Error.new {
    kind = "cancelled", code = "handler", cause = Error.is(why) and why or nil,
    message = ("the handler %s%s"):format(raised and "raised" or "did not take it",
      why ~= nil and ": " .. shown(why) or ""),
  }
end

-- Lets the handler have it. Fails with the state in which that leaves the row.
local function deliver(work, f, row)
  f.redelivered = row.state == "delivering" or f.redelivered
  local ok, err = work.journal:delivering(row)
  if not ok then
    return nil, err, row.state
  end
  local tx = setmetatable({ statements = {} }, Transaction)
  local fine, taken, why = pcall(work.handler, f, tx)
  local statements = end_transaction(tx)
  if not fine or taken ~= true then
    return nil, refusal(not fine, taken, why), "fetched"
  end
  ok, err = work.journal:handed_over(row, statements)
  return ok, err, "delivering" -- when that failed: it has seen it
end

--- Tells SvarInn of a forsendelse that is handed over.
---@param work fiks.svarinn.Work
---@param row fiks.svarinn.Row whose id it is: the forsendelse has been in the handler's hands
---@return boolean acknowledged
---@return fiks.Error? err why it is not
function M.acknowledge(work, row)
  local ok, err = work.account:acknowledge(row.id)
  if err and (err.kind == "not_found" or err.kind == "conflict") then
    log.line("warning", "svarinn: the acknowledgement of %s was answered %s: SvarInn has been told "
      .. "before, or by somebody else", row.id, tostring(err.status))
    ok, err = true, nil
  end
  if not ok then
    work.journal:failed(row, { err = err, state = row.state == "acknowledged" and row.state
      or "handed_over", counts = true, after_ms = err.retry_after_ms })
    return false, err
  end
  if work.spooled then
    core.remove_folder(work.folder .. "/" .. row.id)
  end
  ok, err = work.journal:acknowledged(row)
  return true, not ok and err or nil
end

local function acknowledge(work, f, row)
  f.acknowledged, f.ack_error = M.acknowledge(work, row)
end

-- Tells the sender of a wrong hash, in words that name no file and no person.
local function report_mismatch(work, f, row)
  local may, err = work.journal:may_report(row)
  if not may then
    f.report_error = err
    return
  end
  local wrong = 0
  for _, file in ipairs(f.files) do
    wrong = wrong + (file.verdict == "mismatch" and 1 or 0)
  end
  f.reported, f.report_error = work.account:fail(f.id, {
    feilmelding = ("Kontrollsummen (SHA-256) stemmer ikke for %d av %d filer. Forsendelsen er "
      .. "ikke lest inn."):format(wrong, #f.files),
    permanent = false,
  })
end

-- ---- the whole way ------------------------------------------------------------------------------

local function failed(work, f, row, err, state)
  f.acknowledged, f.files = false, f.files or {}
  if err.kind == "not_found" and not f.folder then
    log.line("warning", "svarinn: %s is gone: listed, and not there to be downloaded", f.id)
    work.journal:gone(row, err)
    f.gone = true
    return err
  elseif work.report and err.code == "mismatch" then
    report_mismatch(work, f, row)
  end
  work.journal:failed(row, {
    err = err, state = state, park_after = work.park_after, after_ms = err.retry_after_ms,
    counts = ITS_OWN[err.kind] or ITS_OWN_CODE[err.code] or false,
  })
  f.parked = row.parked_at ~= nil or nil
  return err
end

-- A file's folder is its hand-over; with a handler, what that returned is.
local function take(work, f, row)
  local ok, err = fetch(work, f, row)
  local state = row.state
  if ok and work.handler then
    ok, err, state = deliver(work, f, row)
  elseif ok then
    ok, err = work.journal:handed_over(row)
  end
  if not ok then
    return failed(work, f, row, err, state)
  end
  acknowledge(work, f, row)
  return nil
end

-- It was handed over before: only the acknowledgement is missing. Whoever loops sees it once more,
-- when its folder is still there; a folder that was taken away was taken.
local function take_again(work, f, row)
  f.files = {}
  local folder = work.folder .. "/" .. f.id
  if row.state == "handed_over" and not work.handler and M.is_folder(folder) then
    f.redelivered = true
    local ok, err = find(work, f, row, folder)
    if not ok then
      return failed(work, f, row, err, row.state)
    end
  end
  acknowledge(work, f, row)
  return nil
end

local function claimed(work, f, row)
  if row.state == "acknowledged" or row.state == "handed_over" then
    return take_again(work, f, row)
  elseif f.problem then
    return failed(work, f, row, f.problem, row.state)
  end
  return take(work, f, row)
end

--- Brings one as far as it goes.
---@param work fiks.svarinn.Work
---@param f fiks.Forsendelse gets what came of it
---@param row fiks.svarinn.Row
---@return boolean begun false: it waits for its next try, is parked, or is another receiver's
---@return fiks.Error? err
---@return boolean? new it had not been handed over before
function M.receive(work, f, row)
  if row.parked_at or work.journal.waits(row) then
    f.parked = row.parked_at ~= nil or nil
    return false
  end
  local again = row.state == "acknowledged"
  local own, err = row, nil
  if not again then
    own, err = work.journal:claim(row)
  end
  if not own then
    return err ~= nil, err
  end
  local new = own.state ~= "handed_over" and not again
  local fine, failure = pcall(claimed, work, f, own)
  if not fine then -- a function of the program, or an interrupt
    work.journal:release(own)
    error(failure, 0)
  end
  return true, failure, new
end

return M
