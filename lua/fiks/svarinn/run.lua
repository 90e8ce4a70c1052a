--- `svarinn:run`: receive, wait, receive, until it is stopped.

local core = require "fiks.core"
local Error = require "fiks.error"
local Reception = require "fiks.svarinn.reception"
local tasks = require "fiks.wait.coroutine"
local wait = require "fiks.wait"

local M = {}

local REFUSED_MS = 3600000 -- an account that was refused is asked for again so much later

local function jittered(ms, part)
  local random = core.random(2)
  local unit = (random:byte(1) * 256 + random:byte(2)) / 65535 -- 0 to 1
  return ms * (1 + part * (2 * unit - 1))
end

-- Gives way for a while: no longer than until `stop`, or a signal.
local function pause(svarinn, worker, ms)
  local timer, err = worker:timer(ms, wait.queue())
  if not timer then
    return nil, err
  end
  svarinn._pause = timer
  local fine, why = pcall(wait.await, timer)
  svarinn._pause = nil
  timer:close()
  if not fine then
    error(why, 0)
  end
  return true
end

-- Those that may be asked now: not while SvarInn has said to wait, nor soon again after it refused
-- the password, as that may lock the account.
local function willing(svarinn)
  local list, _, now = {}, core.now()
  for _, account in ipairs(svarinn._accounts) do
    if (account.not_before or 0) <= now then
      list[#list + 1] = account
    end
  end
  return list
end

local function all_refused(svarinn)
  for _, account in ipairs(svarinn._accounts) do
    if not account.refused then
      return nil
    end
  end
  return svarinn._accounts[1].refused
end

local function round(svarinn, settings, journal, stopping)
  local reception = Reception.new(willing(svarinn), journal, settings, stopping)
  reception:all()
  for _, account in ipairs(svarinn._accounts) do
    if account.refused and reception.summary.refused[account.name] then
      account.not_before = select(2, core.now()) + REFUSED_MS
    end
  end
  svarinn.backlog = reception.summary.backlog
  if settings.on_round then
    settings.on_round(reception.summary)
  end
end

local function rounds(svarinn, settings, journal, worker)
  local task = tasks.current() or {}
  local function stopping()
    return svarinn._stopped or core.stop_signal() ~= nil or task.cancelled
  end
  while not stopping() do
    round(svarinn, settings, journal, stopping)
    local refused = all_refused(svarinn)
    if refused then
      return nil, refused
    elseif not stopping() then
      local ok, err = pause(svarinn, worker, jittered(settings.every_ms, settings.jitter))
      if not ok then
        return nil, err
      end
    end
  end
  if task.cancelled then -- it can neither wait nor ask any more
    return nil, Error.new { kind = "cancelled", code = "cancelled",
      message = "svarinn:run: its task was cancelled" }
  end
  return true
end

--- See SvarInn:run.
---@param svarinn fiks.SvarInn
---@param settings table
---@param journal fiks.svarinn.Journal
---@return true? stopped
---@return fiks.Error? err
function M.run(svarinn, settings, journal)
  svarinn._stopped = false
  for _, account in ipairs(svarinn._accounts) do
    account.refused, account.not_before = nil, nil
  end
  local worker, err = core.worker()
  local ok = worker
  if ok and settings.signals then
    ok, err = core.stop_signals(true)
  end
  if not ok then
    return nil, err
  end
  local fine, result, why = pcall(rounds, svarinn, settings, journal, worker)
  worker:close()
  if settings.signals then
    core.stop_signals(false)
  end
  if not fine then
    error(result, 0)
  end
  return result, why
end

return M
