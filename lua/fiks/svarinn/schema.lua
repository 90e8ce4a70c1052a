--- The tables of the journal of receiving (fiks.svarinn.journal), made and checked. They may lie in
--- a database that has others, so their names begin with fiks_svarinn.

local Error = require "fiks.error"

local M = {}

local VERSION = 1

local TABLES = {
  [[CREATE TABLE IF NOT EXISTS fiks_svarinn (
      account TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, receiver TEXT,
      attempts BIGINT NOT NULL DEFAULT 0, next_try BIGINT NOT NULL DEFAULT 0, parked_at BIGINT,
      last_error TEXT, last_error_at BIGINT, reported_at BIGINT, listed_at BIGINT NOT NULL,
      seen_at BIGINT NOT NULL, fetched_at BIGINT, handed_over_at BIGINT, acknowledged_at BIGINT,
      PRIMARY KEY (account, id))]],
  [[CREATE INDEX IF NOT EXISTS fiks_svarinn_state ON fiks_svarinn (account, state)]],
  [[CREATE TABLE IF NOT EXISTS fiks_svarinn_account (
      account TEXT NOT NULL PRIMARY KEY, listed_at BIGINT, waiting BIGINT, backlog BIGINT,
      last_error TEXT, last_error_at BIGINT)]],
}

-- Every column that is used, so that a table of somebody else is found out.
local PROBES = {
  [[SELECT account, id, state, receiver, attempts, next_try, parked_at, last_error, last_error_at,
      reported_at, listed_at, seen_at, fetched_at, handed_over_at, acknowledged_at
      FROM fiks_svarinn WHERE 1 = 0]],
  [[SELECT account, listed_at, waiting, backlog, last_error, last_error_at
      FROM fiks_svarinn_account WHERE 1 = 0]],
}

-- One of several processes that begin at once makes the tables.
local ALONE = { postgres = "SELECT pg_advisory_xact_lock(hashtextextended('fiks_svarinn', 0))",
  sqlite = "SELECT 1" }

local function describe(target)
  return target.sqlite and "the journal " .. target.sqlite or "the journal in PostgreSQL"
end

local function fail(code, message, ...)
  return nil, Error.new { kind = "config", code = code, message = message:format(...) }
end

-- SQL that fits our tables and fails: they are not ours.
local function foreign(target, err)
  if err.kind ~= "internal" then
    return nil, err
  end
  return fail("journal.foreign", "%s has tables named fiks_svarinn that lua-fiks did not make "
    .. "(%s): give another journal", describe(target), err.message)
end

--- What errors call a journal. Never its password.
---@param target { sqlite: string } | { postgres: string }
M.describe = describe

--- Makes the tables when they are not there.
---@param opened fiks.Store
---@param target { sqlite: string } | { postgres: string }
---@return true? ok
---@return fiks.Error? err code "journal.foreign" or "journal.version", or the store's own
function M.prepare(opened, target)
  local results, err = opened:batch {
    { ALONE[opened.kind] },
    { "CREATE TABLE IF NOT EXISTS fiks_svarinn_schema (version BIGINT NOT NULL)" },
    { [[INSERT INTO fiks_svarinn_schema (version) SELECT CAST($1 AS BIGINT)
        WHERE NOT EXISTS (SELECT 1 FROM fiks_svarinn_schema)]], VERSION },
    { "SELECT version FROM fiks_svarinn_schema" },
  }
  if not results then
    return foreign(target, err)
  end
  local version = results[4][1] and tonumber(results[4][1].version)
  if version ~= VERSION then
    return fail("journal.version", "%s has version %s, and this lua-fiks knows up to %d: use the "
      .. "lua-fiks that wrote it, or a newer one", describe(target), tostring(version), VERSION)
  end
  local statements = { { ALONE[opened.kind] } }
  for _, text in ipairs(TABLES) do
    statements[#statements + 1] = { text }
  end
  for _, text in ipairs(PROBES) do
    statements[#statements + 1] = { text }
  end
  results, err = opened:batch(statements)
  if not results then
    return foreign(target, err)
  end
  return true
end

return M
