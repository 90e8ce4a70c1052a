--- SvarInn: receiving forsendelser, v1 and v2. What is promised is in docs/svarinn.md; in short:
--
--   1. A forsendelse is downloaded, decrypted, unpacked and checked in one pass. Only when every
--      check passed and every byte is on the disk does its folder appear, as a whole.
--   2. Then it is handed over: to the folder `into`, or to a handler, which has taken it when it
--      has returned true. The journal (fiks.svarinn.journal) holds that before SvarInn is told.
--   3. What was handed over is never handed over again: when it is listed once more, only the
--      acknowledgement is sent. A repeat is possible only between the handler's return and the
--      journal's commit, and is marked `redelivered`.
--   4. A bad one stops no other, is never acknowledged, is tried again later and later, and parked
--      in the end. Nothing is given up for good unless the program says so.

local access = require "fiks.svarinn.access"
local Account = require "fiks.svarinn.account"
local arguments = require "fiks.svarinn.arguments"
local Error = require "fiks.error"
local options = require "fiks.options"
local Reception = require "fiks.svarinn.reception"

---@class fiks.SvarInn
---@field version 1|2
---@field backlog boolean? a list was full (200) the last time: there may be more behind it
local SvarInn = {}

local mt = { __index = SvarInn, __name = "fiks.SvarInn" }

local NEW = { "username", "password", "version", "keys", "accounts", "legacy_ciphers",
  "rename_duplicates" }

local function fail(kind, code, message, ...)
  return nil, Error.new { kind = kind, code = code, message = message:format(...) }
end

---@return string
function mt:__tostring()
  local count = #self._accounts
  return ("fiks.SvarInn (v%d, %s)"):format(self.version,
    count == 1 and self._accounts[1].name or count .. " accounts")
end

--- Made by `client:svarinn`.
---@param client fiks.Client
---@param given fiks.SvarInnOptions
---@param level integer as for `error`, seen from the calling function
---@return fiks.SvarInn? svarinn
---@return fiks.Error? err
function SvarInn.new(client, given, level)
  given = options.check(given, NEW, "client:svarinn", level)
  access.check_names(given, level)
  local version = given.version or (client.contract == "2018" and 1 or 2)
  if version ~= 1 and version ~= 2 then
    return fail("config", "svarinn.version", "option 'svarinn.version' must be 1 or 2")
  end
  local how, err = access.how(given)
  if not how then
    return nil, err
  end
  local accounts = {}
  for i = 1, given.accounts and #given.accounts or 1 do
    accounts[i] = Account.new(client, version, how)
  end
  local svarinn = setmetatable({
    version = version, _client = client, _accounts = accounts,
    _given = function() -- not as a field, which a dump of the table would show
      return given
    end,
  }, mt)
  local commit, wrong = svarinn:_prepare_reload(client._family and client._family.watched or {})
  if not commit then
    return nil, wrong
  end
  commit()
  return svarinn
end

-- For client:reload: user names, passwords and keys read anew, and a function that takes them into
-- use.
function SvarInn:_prepare_reload(watched)
  local found, err = access.read(self._given(), self._client, watched)
  if not found then
    return nil, err
  end
  return function()
    for i, account in ipairs(self._accounts) do
      account:equip(found[i])
    end
  end
end

-- The account that a forsendelse belongs to.
local function account_of(self, name, what)
  if name == nil and #self._accounts == 1 then
    return self._accounts[1]
  end
  for _, account in ipairs(self._accounts) do
    if account.name == name then
      return account
    end
  end
  if name == nil then
    return fail("invalid", "account", "svarinn:%s: there are several accounts: give the "
      .. "forsendelse itself, which knows its own, or account", what)
  end
  return fail("invalid", "account", "svarinn:%s: the forsendelse belongs to the account %s, which "
    .. "is none of these", what, tostring(name))
end

-- ---- by hand ------------------------------------------------------------------------------------

--- The new forsendelser of all accounts, normalised; those that cannot be handled have `problem`,
--- an error.
---@return fiks.Forsendelse[]? list with several accounts, its `errors` are of those that refused
---@return fiks.Error? err of the first account, when none answered
function SvarInn:list()
  local list, first, backlog, answered = {}, nil, false, 0
  for _, account in ipairs(self._accounts) do
    local own, full = account:list()
    if own then
      answered, backlog = answered + 1, backlog or full
      for _, f in ipairs(own) do
        list[#list + 1] = f
      end
    else
      list.errors = list.errors or {}
      list.errors[account.name], first = full, first or full
    end
  end
  if answered == 0 then
    return nil, first
  end
  self.backlog = backlog
  return list
end

--- The forsendelse with an id, if it waits.
---@param id string
---@return fiks.Forsendelse? forsendelse
---@return fiks.Error? err kind "not_found", code "not_listed": it is not among those listed
function SvarInn:get(id)
  local wanted, err = arguments.id(id, "get", 2)
  if not wanted then
    return nil, err
  end
  local list
  list, err = self:list()
  for _, f in ipairs(list or {}) do
    if f.id == wanted then
      return f
    end
  end
  if not list then
    return nil, err
  end
  local _, refused = next(list.errors or {})
  if refused then
    return nil, refused -- it may be among those
  end
  return fail("not_found", "not_listed", "svarinn:get: %s is not listed%s", wanted,
    self.backlog and ": the list is full (200), so it may be behind it" or "")
end

--- Receives one forsendelse into <into>/<id>, without acknowledging it.
---@param forsendelse fiks.Forsendelse one of the list
---@param given { into: string, progress: function?, raw: boolean? } raw: an archive is not unpacked
---@return { folder: string, files: fiks.ReceivedFile[], key: integer? }? received; `key` is the
---number of the key that opened it
---@return fiks.Error? err `files` holds what was seen, with verdicts; code "mismatch": a wrong hash
function SvarInn:download(forsendelse, given)
  given = options.check(given, { "into", "progress", "raw" }, "svarinn:download", 2)
  if given.raw ~= nil and type(given.raw) ~= "boolean" then
    error("svarinn:download: raw must be true or false, not a " .. type(given.raw), 2)
  end
  local into, err = arguments.folder(given, "download", 2)
  if not into then
    return nil, err
  end
  local fine
  fine, err = arguments.forsendelse(forsendelse, 2)
  if not fine then
    return nil, err
  end
  local id, account
  id, err = arguments.id(forsendelse, "download", 2)
  if id then
    account, err = account_of(self, forsendelse.account, "download")
  end
  if not account then
    return nil, err
  end
  return account:download(forsendelse, into .. "/" .. id, given.progress, given.raw)
end

-- Id and account of what `acknowledge` and `fail` are given.
local function named(self, forsendelse, name, what)
  local id, err = arguments.id(forsendelse, what, 3)
  if not id then
    return nil, err
  end
  local account
  account, err = account_of(self,
    type(forsendelse) == "table" and forsendelse.account or name, what)
  return account and id, account or err
end

--- Tells SvarInn that a forsendelse is safely received: it leaves the list for good.
---@param forsendelse fiks.Forsendelse|string or its id
---@param given { account: string }? whose it is, when there are several and only the id is known
---@return true? ok
---@return fiks.Error? err
function SvarInn:acknowledge(forsendelse, given)
  given = options.check(given, { "account" }, "svarinn:acknowledge", 2)
  local id, account = named(self, forsendelse, given.account, "acknowledge")
  if not id then
    return nil, account
  end
  return account:acknowledge(id)
end

--- Tells SvarInn (and the sender's log: no personal data) that a forsendelse could not be received.
--- `permanent = true` cannot be undone: it goes on by Altinn or paper and leaves the list.
---@param forsendelse fiks.Forsendelse|string or its id
---@param given { feilmelding: string, permanent: boolean?, account: string? } default: not
---permanent, it stays listed
---@return true? ok
---@return fiks.Error? err
function SvarInn:fail(forsendelse, given)
  local feil = arguments.feil(given, 2)
  local id, account = named(self, forsendelse, given.account, "fail")
  if not id then
    return nil, account
  end
  return account:fail(id, feil)
end

-- ---- receiving ----------------------------------------------------------------------------------

local function open_reception(self, settings)
  local journal, err = Reception.open(self._accounts, settings)
  self._target = journal and settings.target or self._target
  return journal, err
end

-- Closes what an earlier loop, which was left before its end, holds open.
local function end_left_loop(self)
  local left = self._loop
  if left then
    left.close()
  end
end

local function iterate(self, settings, journal)
  local loop = { closed = false }
  function loop.close()
    if not loop.closed then
      loop.closed = true
      journal:close()
      if self._loop == loop then
        self._loop = nil
      end
    end
  end
  local reception = Reception.new(self._accounts, journal, settings, function()
    return loop.closed
  end)
  local fine, each, err = pcall(reception.each, reception, loop.close)
  if not (fine and each) then
    loop.close()
    if not fine then
      error(each, 0)
    end
    return nil, err
  end
  self._loop = loop
  return function()
    local well, f, problem = pcall(each)
    if not well then
      loop.close()
      error(f, 0)
    end
    return f, problem
  end, nil, nil, setmetatable({}, { __close = loop.close })
end

--- Receives all that is listed. In a loop, into a folder:
--- `for f, err in fiks.check(svarinn:receive { into = "inn" }) do`; when `err` is set, `f` was not
--- received. Or by a handler: `svarinn:receive { handler = function(f, tx) ... return true end }`.
---@param given fiks.ReceiveOptions
---@return (fun(): fiks.Forsendelse?, fiks.Error?)|fiks.ReceiveSummary|nil result an iterator, with
---a handler the summary; nil when the list could not be had
---@return fiks.Error? err
function SvarInn:receive(given)
  local settings, err = arguments.receive(given, "receive", 2)
  if not settings then
    return nil, err
  end
  end_left_loop(self)
  local journal
  journal, err = open_reception(self, settings)
  if not journal then
    return nil, err
  elseif not settings.handler then
    return iterate(self, settings, journal)
  end
  self._stopped = false
  local reception = Reception.new(self._accounts, journal, settings, function()
    return self._stopped
  end)
  local fine, result, why = pcall(reception.all, reception)
  journal:close()
  if not fine then
    error(result, 0)
  end
  self.backlog = result and result.backlog
  return result, why
end

--- Receives again and again until it is stopped: by `stop`, or a signal. What is under way then is
--- finished; nothing new is begun.
---@param given fiks.RunOptions
---@return true? stopped
---@return fiks.Error? err it could not begin, or every account is refused
function SvarInn:run(given)
  local settings, err = arguments.receive(given, "run", 2)
  if not settings then
    return nil, err
  end
  settings.every_ms, settings.jitter = arguments.pace(given, 2)
  end_left_loop(self)
  local journal
  journal, err = open_reception(self, settings)
  if not journal then
    return nil, err
  end
  local fine, ok, why = pcall(require("fiks.svarinn.run").run, self, settings, journal)
  journal:close()
  if not fine then
    error(ok, 0)
  end
  return ok, why
end

--- Ends `run`, or a `receive` with a handler, from another task or from the handler: nothing new is
--- begun.
function SvarInn:stop()
  self._stopped = true
  if self._pause then
    self._pause:cancel()
  end
end

-- ---- looking ------------------------------------------------------------------------------------

-- Has `f(journal, ...)` look into the journal that is meant.
local function look(self, given, what, f, ...)
  local journal, err = arguments.journal(given, what, 3)
  if err then
    return nil, err
  end
  return f(journal or self._target
    or error(("svarinn:%s: give into or journal: which journal?"):format(what), 3), ...)
end

--- What a monitor needs, from the journal alone: works without network, and while a receiver runs.
---@param given { into: string?, journal: fiks.JournalOption? }? default: as last received with
---@return fiks.ReceiveStatus? status
---@return fiks.Error? err
function SvarInn:status(given)
  return look(self, given, "status", require("fiks.svarinn.status").read)
end

--- Lets a parked forsendelse be tried again, from the next round on.
---@param id string? default: all that are parked
---@param given { into: string?, journal: fiks.JournalOption? }? default: as last received with
---@return integer? found how many
---@return fiks.Error? err
function SvarInn:retry(id, given)
  if id ~= nil and not arguments.id(id, "retry", 2) then
    return 0
  end
  return look(self, given, "retry", require("fiks.svarinn.status").retry, id)
end

return SvarInn
