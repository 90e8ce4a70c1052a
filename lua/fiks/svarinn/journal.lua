--- The journal of receiving: what has become of every forsendelse that SvarInn has listed, by
--- account and id, in SQLite or PostgreSQL (fiks.store). What happens to one between two of these
--- states is lost by a crash and done again; what a state says is durable.
--
--   listed ----------> delivering -> handed_over -> acknowledged
--      \  <- fetched <-/ (not taken)      \-> (the acknowledgement is sent again)
--       \-> gone (no longer at SvarInn)
--
-- `parked_at` is set for one that has failed too often: it keeps its state, and waits for `retry`.
--
-- With SQLite one process receives for an account at a time, by a lock. With PostgreSQL several do:
-- each claims a row before it works on it (`receiver`), is known to live by an advisory lock of its
-- session, and what it commits holds only while the claim is still its own.

local core = require "fiks.core"
local Error = require "fiks.error"
local schema = require "fiks.svarinn.schema"
local store = require "fiks.store"

---@class fiks.svarinn.Journal
---@field kind "sqlite"|"postgres"
local Journal = {}
Journal.__index = Journal
Journal.__name = "fiks.svarinn.Journal"

---@class fiks.svarinn.Row
---@field account string
---@field id string
---@field state "listed"|"fetched"|"delivering"|"handed_over"|"acknowledged"|"gone"
---@field attempts integer failures in a row that count
---@field next_try integer ms since 1970: not before
---@field parked_at integer? ms since 1970

-- A batch is all that a claim needs: it says that this receiver lives (again, should the connection
-- be a new one), and takes the row unless a living one has it. While the server believes in an
-- earlier connection, it is that one that is said to live; with its end the claims would be free.
local ALIVE = "SELECT 1 WHERE pg_try_advisory_lock(hashtextextended($1, 0))"
local CLAIM = [[UPDATE fiks_svarinn SET receiver = $3 WHERE (account, id) IN (
    SELECT account, id FROM fiks_svarinn WHERE account = $1 AND id = $2 AND parked_at IS NULL
      AND state NOT IN ('acknowledged', 'gone') AND (next_try <= $4 OR next_try > $4 + 3600000)
      AND (receiver IS NULL OR receiver = $3
        OR pg_try_advisory_xact_lock(hashtextextended(receiver, 0)))
    FOR UPDATE SKIP LOCKED) RETURNING *]]

-- Whose row it is: nobody's, or that of a receiver that has died.
local FREE = { sqlite = "receiver IS NULL",
  postgres = "(receiver IS NULL OR pg_try_advisory_xact_lock(hashtextextended(receiver, 0)))" }

-- `fetched_at` stays where the handler may have seen it: should it be back, that is not forgotten.
local GONE = "state = 'gone', fetched_at = CASE WHEN state = 'delivering' THEN fetched_at END"

local MINE = " WHERE account = $1 AND id = $2 AND coalesce(receiver, '') = $3"

local SECOND, HOUR, DAY = 1000, 3600000, 86400000
local MAX_TEXT = 500

local function now()
  return math.floor((core.now()))
end

local function copy(list)
  local out = {}
  for i, item in ipairs(list) do
    out[i] = item
  end
  return out
end

-- Points in time are of the wall clock, as they outlive the process. It may have been set back
-- since: what lies further ahead than any wait is long is of a clock that was wrong, and is past.

--- Whether it is too early to try a row again.
---@param row fiks.svarinn.Row
---@return boolean
function Journal.waits(row)
  local ahead = row.next_try - core.now()
  return ahead > 0 and ahead <= HOUR
end

-- When to try again after the nth failure in a row: at the next round, then later and later.
local function back_off(attempts)
  return attempts < 2 and 0 or math.min(60 * SECOND * 2 ^ math.min(attempts - 2, 10), HOUR)
end

-- An error as text that any database takes: UTF-8, without NUL, not too long.
local function text_of(err)
  local text = tostring(err):gsub("%z", "?"):sub(1, MAX_TEXT)
  local fine, at = core.utf8_check(text)
  while not fine do
    text = #text - at < 4 and #text == MAX_TEXT and text:sub(1, at) or text:sub(1, at) .. "?"
      .. text:sub(at + 2)
    fine, at = core.utf8_check(text)
  end
  return text
end

-- ---- opening ------------------------------------------------------------------------------------

--- Opens a journal, and makes it when it is not there.
---@param target { sqlite: string } | { postgres: string }
---@return fiks.svarinn.Journal? journal
---@return fiks.Error? err code "journal.foreign", "journal.version", or the store's own
function Journal.open(target)
  local opened, err = store.open(target)
  if not opened then
    return nil, err
  end
  local ready
  ready, err = schema.prepare(opened, target)
  if not ready then
    opened:close()
    return nil, err
  end
  return setmetatable({
    kind = opened.kind, _store = opened, _target = target,
    _receiver = opened.kind == "postgres" and core.uuid() or "",
  }, Journal)
end

function Journal:close()
  self._store:close()
end

--- Makes this process the only one that receives for an account, until the journal is closed. With
--- PostgreSQL several may.
---@param account string
---@return true? ok
---@return fiks.Error? err kind "conflict", code "journal.locked"
function Journal:lock(account)
  if self.kind == "postgres" then
    return true
  end
  local mine, err = self._store:lock("svarinn-" .. core.sha256(account):sub(1, 16))
  if mine then
    return true
  elseif err then
    return nil, err
  end
  return nil, Error.new { kind = "conflict", code = "journal.locked", account = account,
    message = ("another receiver is at work for %s with %s: with SQLite there is one at a time; "
      .. "several share a journal in PostgreSQL"):format(account, schema.describe(self._target)) }
end

--- Asks the journal, without changing it.
---@param statements table[] of fiks.store
---@return table[]? results
---@return fiks.Error? err
function Journal:query(statements)
  return self._store:batch(statements)
end

-- ---- a list -------------------------------------------------------------------------------------

--- Notes what SvarInn lists for an account.
---@param account string
---@param ids string[]
---@param full boolean the page was full
---@return table<string, fiks.svarinn.Row>? rows by id
---@return fiks.svarinn.Row[]|fiks.Error gone what SvarInn lists no longer; or the error
function Journal:listed(account, ids, full)
  local at, statements = now(), {}
  local sorted = copy(ids)
  table.sort(sorted) -- receivers that share a journal take its rows in one order
  for i, id in ipairs(sorted) do
    statements[i] = { [[INSERT INTO fiks_svarinn (account, id, state, listed_at, seen_at)
      VALUES ($1, $2, 'listed', $3, $3) ON CONFLICT (account, id) DO UPDATE
      SET seen_at = excluded.seen_at, state = CASE WHEN fiks_svarinn.state <> 'gone'
        THEN fiks_svarinn.state WHEN fiks_svarinn.fetched_at IS NULL THEN 'listed'
        ELSE 'delivering' END]], account, id, at }
  end
  statements[#statements + 1] = { [[INSERT INTO fiks_svarinn_account
    (account, listed_at, waiting, backlog) VALUES ($1, $2, $3, $4) ON CONFLICT (account) DO UPDATE
    SET listed_at = excluded.listed_at, waiting = excluded.waiting, backlog = excluded.backlog,
      last_error = NULL, last_error_at = NULL]], account, at, #ids, full and 1 or 0 }
  -- What is no longer in a whole list was settled elsewhere, by hand perhaps.
  if not full then
    statements[#statements + 1] = { "UPDATE fiks_svarinn SET " .. GONE .. [[, parked_at = NULL,
      last_error = 'SvarInn lists it no longer', last_error_at = $2 WHERE account = $1
      AND (seen_at < $2 OR seen_at > $2 + 3600000)
      AND state IN ('listed', 'fetched', 'delivering') AND ]] .. FREE[self.kind]
      .. " RETURNING account, id", account, at }
  end
  statements[#statements + 1] = { "SELECT * FROM fiks_svarinn WHERE account = $1 AND seen_at = $2",
    account, at }
  local results, err = self._store:batch(statements)
  if not results then
    return nil, err
  end
  local rows = {}
  for _, row in ipairs(results[#results]) do
    rows[row.id] = row
  end
  return rows, full and {} or results[#results - 1]
end

--- Notes why an account could not be listed. It is for `status`: nobody waits for its success.
function Journal:not_listed(account, err)
  self._store:batch { { [[INSERT INTO fiks_svarinn_account (account, last_error, last_error_at)
    VALUES ($1, $2, $3) ON CONFLICT (account) DO UPDATE SET last_error = excluded.last_error,
      last_error_at = excluded.last_error_at]], account, text_of(err), now() } }
end

--- What has been handed over and is not acknowledged, and is due.
---@return fiks.svarinn.Row[]? rows
---@return fiks.Error? err
function Journal:unacknowledged(account)
  local results, err = self._store:batch { { [[SELECT * FROM fiks_svarinn WHERE account = $1
    AND state = 'handed_over' AND parked_at IS NULL
    AND (next_try <= $2 OR next_try > $2 + 3600000)
    ORDER BY handed_over_at]], account, now() } }
  return results and results[1], err
end

-- ---- one forsendelse ----------------------------------------------------------------------------

-- A statement of a receiver that is known to live: its rows. With SQLite there is no other.
local function alive(self, statement)
  local batch = { statement }
  if self.kind == "postgres" then
    table.insert(batch, 1, { ALIVE, self._receiver, check = 1 })
  end
  local results, err = self._store:batch(batch)
  if err and self.kind == "postgres" and err.code == "store.check" and err.statement == 1 then
    err = Error.new { kind = "io", code = "journal.connection", retryable = true, cause = err,
      message = "the connection to the journal in PostgreSQL was lost, and the server has not "
        .. "noticed yet: nothing is begun before it has, within a minute or so" }
  end
  return results and results[#batch], err
end

--- Makes a row this receiver's own, for a while.
---@param row fiks.svarinn.Row
---@return fiks.svarinn.Row? row as it is now; nil: another receiver has it, or had it meanwhile
---@return fiks.Error? err
function Journal:claim(row)
  if self.kind == "sqlite" then
    return row
  end
  local rows, err = alive(self, { CLAIM, row.account, row.id, self._receiver, now() })
  return rows and rows[1], err
end

--- Whether no other account has, or had, a forsendelse of the same id, whose files it may be that
--- lie in the folder of that name.
---@param row fiks.svarinn.Row
---@return true? alone
---@return fiks.Error? err code "same_id": another has
function Journal:has_id_alone(row)
  local results, err = self._store:batch { { [[SELECT account FROM fiks_svarinn
    WHERE id = $1 AND account <> $2 AND state <> 'gone' LIMIT 1]], row.id, row.account } }
  local other = results and results[1][1]
  if other then
    return nil, Error.new { kind = "conflict", code = "same_id", account = row.account,
      message = ("the account %s has a forsendelse %s, too, and what lies in the folder of that "
        .. "name may be its: receive the accounts into folders of their own"):format(
        other.account, row.id) }
  end
  return results and true, err
end

-- Changes a row that is this receiver's own. `$1` to `$3` are spoken for.
local function change(self, row, set, ...)
  return { "UPDATE fiks_svarinn SET " .. set .. MINE, row.account, row.id, self._receiver, ... }
end

--- The files are durable and verified, and the handler is about to see them.
---@return true? ok
---@return fiks.Error? err
function Journal:delivering(row)
  local statement = change(self, row,
    "state = 'delivering', fetched_at = coalesce(fetched_at, $4)", now())
  statement.check = 1
  local done, err = alive(self, statement) -- the download may have taken long, and the handler may
  if done then
    row.state = "delivering"
  end
  return done and true, err
end

--- The forsendelse is its receiver's: SvarInn may be told. The statements are committed with it.
---@param row fiks.svarinn.Row
---@param statements table[]? of fiks.store
---@return true? ok
---@return fiks.Error? err
function Journal:handed_over(row, statements)
  local at = now()
  local batch = copy(statements or {})
  local statement = change(self, row, [[state = 'handed_over',
    fetched_at = coalesce(fetched_at, $4), handed_over_at = $4, attempts = 0, next_try = 0,
    last_error = NULL, last_error_at = NULL]], at)
  statement.check = 1
  batch[#batch + 1] = statement
  local results, err = self._store:batch(batch)
  if results then
    row.state = "handed_over"
  end
  return results and true, err
end

--- SvarInn knows.
---@return true? ok
---@return fiks.Error? err
function Journal:acknowledged(row)
  local results, err = self._store:batch { change(self, row, [[state = 'acknowledged',
    receiver = NULL, acknowledged_at = $4, attempts = 0, next_try = 0, last_error = NULL,
    last_error_at = NULL]], now()) }
  return results and true, err
end

---@class fiks.svarinn.Failure
---@field err fiks.Error
---@field state string what the row's state is to be
---@field counts boolean it is the forsendelse's own fault: towards `park_after`, with back-off
---@field park_after integer? how many that count are too many; never, when absent
---@field after_ms integer? not before so long

--- Notes a failure, and when to try again; unless the row is in another state than was thought: a
--- commit that seemed to fail may have been done.
---@param row fiks.svarinn.Row gets `attempts`, and `parked_at` when it has failed too often
---@param failure fiks.svarinn.Failure
---@return true? ok
---@return fiks.Error? err
function Journal:failed(row, failure)
  local at = now()
  row.attempts = row.attempts + (failure.counts and 1 or 0)
  local pause = failure.counts and back_off(row.attempts) or 0
  row.next_try = at + math.max(pause, math.min(failure.after_ms or 0, HOUR))
  if failure.counts and failure.park_after and row.attempts >= failure.park_after then
    row.parked_at = at
  end
  local statement = change(self, row, [[state = $4, receiver = NULL, attempts = $5, next_try = $6,
    parked_at = $7, last_error = $8, last_error_at = $9]], failure.state, row.attempts,
    row.next_try, row.parked_at or core.null, text_of(failure.err), at, row.state)
  statement[1] = statement[1] .. " AND state = $10"
  local results, err = self._store:batch { statement }
  return results and true, err
end

--- It is no longer at SvarInn.
---@return true? ok
---@return fiks.Error? err
function Journal:gone(row, why)
  local at = now()
  local results, err = self._store:batch { change(self, row,
    GONE .. ", receiver = NULL, last_error = $4, last_error_at = $5", text_of(why), at) }
  return results and true, err
end

--- Lets go of a row whose handling was broken off.
function Journal:release(row)
  if self.kind == "postgres" then
    self._store:batch { change(self, row, "receiver = NULL") }
  end
end

--- Whether the sender may be told of a failure: once a day. The answer is noted first, so it is
--- told once at most.
---@return boolean? may
---@return fiks.Error? err
function Journal:may_report(row)
  local at = now()
  local statement = change(self, row, "reported_at = $4", at, at - DAY)
  statement[1] = statement[1]
    .. " AND (reported_at IS NULL OR reported_at <= $5 OR reported_at > $4)"
  local results, err = self._store:batch { statement }
  return results and results[1].changes == 1, err
end

--- Un-parks a forsendelse, and lets one that waits for its next try be tried at once.
---@param id string? all that are parked, when absent
---@param account string? any, when absent
---@return integer? found
---@return fiks.Error? err
function Journal:retry(id, account)
  local results, err = self._store:batch { { [[UPDATE fiks_svarinn
    SET parked_at = NULL, attempts = 0, next_try = 0 WHERE state NOT IN ('acknowledged', 'gone')
    AND (parked_at IS NOT NULL AND $3 = 1 OR id = $1) AND account = coalesce($2, account)]],
    id or core.null, account or core.null, id and 0 or 1 } }
  return results and results[1].changes, err
end

return Journal
