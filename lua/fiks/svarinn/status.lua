--- What a journal of receiving says, for a monitor: without network, beside a receiver at work.

local core = require "fiks.core"
local Error = require "fiks.error"
local Item = require "fiks.svarinn.item"
local Journal = require "fiks.svarinn.journal"
local schema = require "fiks.svarinn.schema"

---@class fiks.ReceiveStatus
---@field counts table<string, integer> forsendelser by state; a parked one counts as "parked" alone
---@field oldest_s integer? age of the oldest that is neither acknowledged nor gone, in seconds
---@field oldest { id: string, account: string, state: string }?
---@field backlog boolean a list was full (200) the last time
---@field parked fiks.ReceiveTrouble[]
---@field errors fiks.ReceiveTrouble[] latest first, 20 at most
---@field accounts { account: string, listed_s: integer?, waiting: integer?, backlog: boolean,
---error: string?, error_s: integer? }[] listed_s: seconds since the last list that was had

---@class fiks.ReceiveTrouble
---@field id string
---@field account string
---@field state string
---@field attempts integer
---@field error string?
---@field error_s integer? seconds ago
---@field parked_s integer? seconds ago

local M = {}

local UNSETTLED = " state NOT IN ('acknowledged', 'gone') "
--- What `counts` has, in the order of a forsendelse's way.
M.STATES = { "listed", "fetched", "delivering", "handed_over", "acknowledged", "gone",
  "parked" }

local QUERIES = {
  { [[SELECT CASE WHEN parked_at IS NOT NULL THEN 'parked' ELSE state END AS name,
      count(*) AS number FROM fiks_svarinn GROUP BY 1]] },
  { "SELECT id, account, state, listed_at FROM fiks_svarinn WHERE" .. UNSETTLED
    .. "ORDER BY listed_at, id LIMIT 1" },
  { "SELECT * FROM fiks_svarinn WHERE parked_at IS NOT NULL ORDER BY parked_at, id LIMIT 1000" },
  { [[SELECT * FROM fiks_svarinn WHERE last_error IS NOT NULL
      ORDER BY last_error_at DESC, id LIMIT 20]] },
  { "SELECT * FROM fiks_svarinn_account ORDER BY account" },
}

-- A journal that is not there is not made by looking at it.
local function open(target)
  if target.sqlite and not Item.exists(target.sqlite) then
    return nil, Error.new { kind = "config", code = "journal.missing",
      message = ("%s is not there: nothing was received with it yet"):format(
        schema.describe(target)) }
  end
  return Journal.open(target)
end

local function troubles(rows, ago)
  local list = {}
  for i, row in ipairs(rows) do
    list[i] = {
      id = row.id, account = row.account, state = row.state, attempts = row.attempts,
      error = row.last_error, error_s = ago(row.last_error_at), parked_s = ago(row.parked_at),
    }
  end
  return list
end

local function accounts(rows, ago)
  local list, backlog = {}, false
  for i, row in ipairs(rows) do
    list[i] = {
      account = row.account, listed_s = ago(row.listed_at), waiting = row.waiting,
      backlog = row.backlog == 1, error = row.last_error, error_s = ago(row.last_error_at),
    }
    backlog = backlog or list[i].backlog
  end
  return list, backlog
end

local function status_of(results)
  local now = core.now()
  local function ago(at)
    return at and math.max(0, math.floor((now - at) / 1000))
  end
  local counts = {}
  for _, name in ipairs(M.STATES) do
    counts[name] = 0
  end
  for _, row in ipairs(results[1]) do
    counts[row.name] = row.number
  end
  local oldest = results[2][1]
  local list, backlog = accounts(results[5], ago)
  return {
    counts = counts, oldest_s = oldest and ago(oldest.listed_at),
    oldest = oldest and { id = oldest.id, account = oldest.account, state = oldest.state },
    parked = troubles(results[3], ago), errors = troubles(results[4], ago), accounts = list,
    backlog = backlog,
  }
end

--- Reads a journal.
---@param target { sqlite: string } | { postgres: string }
---@return fiks.ReceiveStatus? status
---@return fiks.Error? err code "journal.missing": there is none
function M.read(target)
  local journal, err = open(target)
  if not journal then
    return nil, err
  end
  local results
  results, err = journal:query(QUERIES)
  journal:close()
  return results and status_of(results), err
end

--- Un-parks one forsendelse, or all that are parked.
---@param target { sqlite: string } | { postgres: string }
---@param id string?
---@return integer? found
---@return fiks.Error? err
function M.retry(target, id)
  local journal, err = open(target)
  if not journal then
    return nil, err
  end
  local found
  found, err = journal:retry(id)
  journal:close()
  return found, err
end

return M
