--- What `receive` and `run` do: lists, page by page and account by account, and the forsendelser in
--- them, one after the other or some side by side.

local core = require "fiks.core"
local Error = require "fiks.error"
local Item = require "fiks.svarinn.item"
local Journal = require "fiks.svarinn.journal"
local log = require "fiks.log"
local tasks = require "fiks.wait.coroutine"

---@class fiks.svarinn.Work what a forsendelse of one account is received with
---@field account fiks.svarinn.Account
---@field journal fiks.svarinn.Journal
---@field folder string the folder of folders
---@field spooled boolean the folders go once SvarInn has been told
---@field handler fun(f: fiks.Forsendelse, tx: fiks.Transaction)?
---@field progress fun(f: fiks.Forsendelse, received: integer, total: integer?)?
---@field report boolean?
---@field park_after integer

---@class fiks.ReceiveSummary
---@field received integer handed over now
---@field acknowledged integer of these and of earlier ones
---@field failed integer
---@field parked integer
---@field waiting integer for their next try, or other receivers'
---@field backlog boolean a page was full and brought no progress: newer ones are hidden behind it
---@field pages integer lists that were had
---@field refused table<string, fiks.Error> accounts whose list could not be had

local Reception = {}
Reception.__index = Reception
Reception.__name = "fiks.svarinn.Reception"

local HOUR_MS = 3600000

local function summary()
  return { received = 0, acknowledged = 0, failed = 0, parked = 0, waiting = 0, backlog = false,
    pages = 0, refused = {} }
end

--- The folder, the journal, and this process alone at both.
---@param accounts fiks.svarinn.Account[]
---@param settings table of arguments.receive
---@return fiks.svarinn.Journal? journal
---@return fiks.Error? err
function Reception.open(accounts, settings)
  if not settings.spooled and not Item.is_folder(settings.folder) then -- not mounted, perhaps
    return nil, Error.new { kind = "io", code = "folder",
      message = ("svarinn: there is no folder %s: make it first"):format(settings.folder) }
  end
  local journal, err = Journal.open(settings.target)
  if not journal then
    return nil, err
  end
  local fine = true
  if settings.spooled then
    fine, err = core.make_folder(settings.folder)
  end
  for _, account in ipairs(accounts) do
    if fine then
      fine, err = journal:lock(account.name)
    end
  end
  if not fine then
    journal:close()
    return nil, err
  end
  return journal
end

--- Begins with the first account.
---@param accounts fiks.svarinn.Account[]
---@param journal fiks.svarinn.Journal open, and locked for them
---@param settings table folder, spooled, handler, progress, report, park_after, concurrency,
---max_rounds, on_error
---@param stopping fun(): boolean no new forsendelse is to be begun
---@return fiks.svarinn.Reception
function Reception.new(accounts, journal, settings, stopping)
  return setmetatable({
    _accounts = accounts, _journal = journal, _settings = settings, _stopping = stopping,
    _at = 0, _left = {}, summary = summary(),
  }, Reception)
end

local function work_of(self, account)
  local settings = self._settings
  return {
    account = account, journal = self._journal, folder = settings.folder,
    spooled = settings.spooled, handler = settings.handler, progress = settings.progress,
    report = settings.report, park_after = settings.park_after,
  }
end

-- ---- pages --------------------------------------------------------------------------------------

---@class fiks.svarinn.Page
---@field work fiks.svarinn.Work
---@field list fiks.Forsendelse[]
---@field rows table<string, fiks.svarinn.Row>
---@field full boolean
---@field settled integer how many have left SvarInn's list since

local function warn(text, ...)
  log.line("warning", "svarinn: " .. text, ...)
end

-- Notes the list of an account; nil and an error when it could not be had.
local function open_page(self, account)
  local list, full = account:list()
  if not list then
    self._journal:not_listed(account.name, full)
    if full.status == 401 or full.status == 403 then -- SvarInn's own: a proxy's may pass
      account.refused = full
    end
    account.not_before = select(2, core.now()) + math.min(full.retry_after_ms or 0, HOUR_MS)
    return nil, full
  end
  account.refused, account.not_before = nil, nil
  local ids = {}
  for _, f in ipairs(list) do
    if f.id and not (f.problem and f.problem.code == "forsendelse_id") then
      ids[#ids + 1] = f.id
    end
  end
  local rows, gone = self._journal:listed(account.name, ids, full)
  if not rows then
    return nil, gone
  end
  local work = work_of(self, account)
  for _, row in ipairs(gone) do
    warn("%s is gone: SvarInn lists it no longer", row.id)
    if work.spooled then
      core.remove_folder(work.folder .. "/" .. row.id)
    end
  end
  return { work = work, list = list, rows = rows, full = full, settled = 0 }
end

-- Notes that one has left SvarInn's list. What is listed again all the same has not: counted once,
-- so that it is no reason to ask for the next page again and again.
local function settle(self, page, id)
  local key = page.work.account.name .. "/" .. id
  if not self._left[key] then
    self._left[key] = true
    page.settled = page.settled + 1
  end
end

-- What was handed over before and is not in the list, perhaps because of what hides it there.
local function acknowledge_rest(self, page)
  for _, row in ipairs(self._journal:unacknowledged(page.work.account.name) or {}) do
    local own = not page.rows[row.id] and not self._stopping() and self._journal:claim(row)
    if own and Item.acknowledge(page.work, own) then
      settle(self, page, own.id)
      self.summary.acknowledged = self.summary.acknowledged + 1
    end
  end
end

-- Ends a page. Whether the account is to be listed once more, at once: what is behind a full page
-- shows only when something has left it, and a page of bad ones is no reason to hurry.
local function close_page(self, page)
  acknowledge_rest(self, page)
  if not page.full then
    return false
  elseif page.settled == 0 then
    self.summary.backlog = true
    warn("%s: the list is full (%d) and none of it could be acknowledged: newer forsendelser are "
      .. "hidden behind these; see svarinn:status", page.work.account.name, #page.list)
    return false
  end
  warn("%s: the list is full (%d), there may be more behind it", page.work.account.name,
    #page.list)
  self._rounds = self._rounds + 1
  return self._rounds < (self._settings.max_rounds or math.huge)
end

--- The next page. One that was left is closed first.
---@return fiks.svarinn.Page|false|nil page nil: that was all; false: an account could not be listed
---@return fiks.Error? err
---@return fiks.svarinn.Account? account
function Reception:next_page()
  if self._stopping() then
    return nil
  end
  local again = self._page and close_page(self, self._page)
  self._page = nil
  if not again then
    self._at, self._rounds = self._at + 1, 0
  end
  local account = self._accounts[self._at]
  if not account then
    return nil
  end
  local page, err = open_page(self, account)
  if not page then
    self.summary.refused[account.name] = err
    return false, err, account
  end
  self.summary.pages = self.summary.pages + 1
  self._page = page
  return page
end

-- ---- forsendelser -------------------------------------------------------------------------------

local function count(self, page, f, err, id)
  local sum = self.summary
  if f.acknowledged then
    sum.acknowledged = sum.acknowledged + 1
  end
  if f.acknowledged or f.gone then
    settle(self, page, id)
  end
  if err then
    sum.failed = sum.failed + 1
    sum.parked = sum.parked + (f.parked and 1 or 0)
  end
end

--- Brings one forsendelse of a page as far as it goes.
---@param page fiks.svarinn.Page
---@param f fiks.Forsendelse
---@return boolean show it was received now, or may not have been seen, or has failed
---@return fiks.Error? err
function Reception:receive(page, f)
  local row = page.rows[f.id]
  if not row then -- an id that is not safe to use
    f.acknowledged, f.files = false, {}
    count(self, page, f, f.problem)
    return true, f.problem
  end
  local begun, err, new = Item.receive(page.work, f, row)
  if not begun then
    self.summary.waiting = self.summary.waiting + 1
    self.summary.parked = self.summary.parked + (f.parked and 1 or 0)
    return false
  end
  count(self, page, f, err, row.id)
  if not err and new then
    self.summary.received = self.summary.received + 1
  end
  return err ~= nil or new or f.redelivered or false, err
end

--- A stand-in for what could not be listed, to be given beside the error.
local function unlisted(account)
  return { account = account.name, filer = {}, files = {}, acknowledged = false }
end

local function tell(self, f, err)
  local on_error = self._settings.on_error
  if on_error then
    on_error(f, err)
  else
    warn("%s%s", f.id and f.id .. ": " or "", tostring(err))
  end
end

local function receive_page(self, page)
  local function one(f)
    if self._stopping() then
      return
    end
    local _, err = self:receive(page, f)
    if err then
      tell(self, f, err)
    end
  end
  if self._settings.concurrency > 1 then
    tasks.map(page.list, { concurrency = self._settings.concurrency }, one)
  else -- in the caller's own coroutine, so that a handler may yield as it likes
    for _, f in ipairs(page.list) do
      one(f)
    end
  end
end

--- All of it, for a handler.
---@return fiks.ReceiveSummary? summary
---@return fiks.Error? err no account could be listed
function Reception:all()
  local page, err, account = self:next_page()
  local first
  while page ~= nil do
    if page then
      receive_page(self, page)
    else
      first = first or err
      tell(self, unlisted(account), err)
    end
    page, err, account = self:next_page()
  end
  if first and self.summary.pages == 0 then
    return nil, first
  end
  return self.summary
end

--- An iterator over all of it: one is received when it is asked for.
---@param closing fun() called once, at its end
---@return (fun(): fiks.Forsendelse?, fiks.Error?)? iterator
---@return fiks.Error? err the only account could not be listed
function Reception:each(closing)
  local page, err, account = self:next_page()
  if page == false and #self._accounts == 1 then
    closing()
    return nil, err
  end
  local at, on_error = 0, self._settings.on_error
  -- The next one, or the error that stands for an account; false: there was nothing to show.
  local function step()
    if not page then
      local f, problem = unlisted(account), err
      page, err, account = self:next_page()
      return f, problem
    end
    at = at + 1
    local f = not self._stopping() and page.list[at]
    if f then
      local show, problem = self:receive(page, f)
      return show and f, problem
    end
    at = 0
    page, err, account = self:next_page()
    return false
  end
  return function()
    while page ~= nil do
      local f, problem = step()
      if f and problem and on_error then
        on_error(f, problem)
      elseif f then
        return f, problem
      end
    end
    closing()
    return nil
  end
end

return Reception
