--- What the functions of fiks.svarinn are given, checked. `level` is as for `error`, seen from the
--- calling function; misuse raises there, what may come with data is nil and an error.

local Error = require "fiks.error"
local model = require "fiks.svarinn.model"
local options = require "fiks.options"

local M = {}

local RECEIVE = { "into", "handler", "journal", "spool", "report_mismatch", "on_error", "progress",
  "concurrency", "park_after", "max_rounds" }
local RUN = { "every", "jitter", "signals", "on_round" }
local JOURNAL = { "into", "journal" }
local FAIL = { "feilmelding", "permanent", "account" }

for _, name in ipairs(RECEIVE) do
  RUN[#RUN + 1] = name
end

local function fail(code, message, ...)
  return nil, Error.new { kind = "invalid", code = code, message = message:format(...) }
end

local function expect(value, wanted, what, level)
  if value ~= nil and type(value) ~= wanted then
    error(("svarinn:%s must be a %s, not a %s"):format(what, wanted, type(value)), level + 1)
  end
end

--- The id of a forsendelse, or the id itself.
---@param forsendelse fiks.Forsendelse|string
---@param what string the function
---@param level integer
---@return string? id
---@return fiks.Error? err
function M.id(forsendelse, what, level)
  local id = type(forsendelse) == "table" and forsendelse.id or forsendelse
  if type(forsendelse) ~= "table" and type(forsendelse) ~= "string" then
    error(("svarinn:%s: expected a forsendelse or its id, got %s"):format(
      what, type(forsendelse)), level + 1)
  end
  if not model.valid_id(id) then
    return fail("forsendelse_id", "svarinn:%s: the id of a forsendelse is 1 to 64 of "
      .. "0-9 A-Z a-z -", what)
  end
  return id
end

--- The folder to receive into, without slashes at its end.
---@param given { into: string }
---@param what string the function
---@param level integer
---@return string? folder
---@return fiks.Error? err
function M.folder(given, what, level)
  if type(given.into) ~= "string" or given.into == "" then
    error(("svarinn:%s needs into, the folder to receive into"):format(what), level + 1)
  elseif given.into:find("\0", 1, true) then
    return fail("into", "svarinn:%s: into holds a NUL byte", what)
  end
  return given.into == "/" and "" or (given.into:gsub("/+$", ""))
end

--- Raises unless it is a forsendelse as the list has them, or one made alike.
---@param forsendelse fiks.Forsendelse
---@param level integer
---@return true? ok
---@return fiks.Error? err
function M.forsendelse(forsendelse, level)
  if type(forsendelse) ~= "table" then
    error("svarinn:download: expected a forsendelse of the list, got " .. type(forsendelse),
      level + 1)
  elseif forsendelse.problem then
    return nil, forsendelse.problem
  elseif type(forsendelse.filer) ~= "table" then
    error("svarinn:download: expected a forsendelse of the list: it has filer, what it consists of",
      level + 1)
  end
  expect(forsendelse.url, "string", "download: url", level + 1)
  for i, file in ipairs(forsendelse.filer) do
    local what = ("download: filer[%d]"):format(i)
    if type(file) ~= "table" or type(file.navn) ~= "string" then
      error(("svarinn:%s must be a table with navn, such as the list has"):format(what), level + 1)
    end
    expect(file.sha256, "string", what .. ".sha256", level + 1)
    expect(file.size, "number", what .. ".size", level + 1)
    if (file.navn .. (file.sha256 or "")):find("\0", 1, true) then
      return fail("filer", "svarinn:%s holds a NUL byte", what)
    end
  end
  if (forsendelse.url or ""):find("\0", 1, true) then
    return fail("url", "svarinn:download: url holds a NUL byte")
  end
  return true
end

--- What svarinn:fail tells.
---@param given table
---@param level integer
---@return { feilmelding: string, permanent: boolean } feil
function M.feil(given, level)
  given = options.check(given, FAIL, "svarinn:fail", level + 1)
  if type(given.feilmelding) ~= "string" or given.feilmelding == "" then
    error("svarinn:fail needs feilmelding, a text for the sender", level + 1)
  elseif given.permanent ~= nil and type(given.permanent) ~= "boolean" then
    error("svarinn:fail: permanent must be true or false, not a " .. type(given.permanent),
      level + 1)
  end
  return { feilmelding = given.feilmelding, permanent = given.permanent == true }
end

-- A whole number from 1 up, or a default.
local function count(value, default, what, level)
  if value ~= nil and (type(value) ~= "number" or value < 1 or value ~= math.floor(value)) then
    error(("svarinn:%s must be a whole number from 1 up"):format(what), level + 1)
  end
  return value or default
end

-- True when `into` is absent or may be a folder; nil and an error.
local function check_into(given, what, level)
  if given.into == nil then
    return true
  end
  local folder, err = M.folder(given, what, level + 1)
  return folder and true, err
end

-- What fiks.store opens.
local function target_of(given, what, level)
  local journal = given.journal
  if journal == nil then
    return given.into and { sqlite = M.folder(given, what, level + 1) .. "/.fiks-journal.db" }
  elseif type(journal) == "string" and journal ~= "" and not journal:find("%z") then
    return { sqlite = journal }
  elseif type(journal) ~= "table" then
    error(("svarinn:%s: journal must be the path of an SQLite file, or { postgres = conninfo }")
      :format(what), level + 1)
  end
  options.check(journal, { "postgres", "sqlite" }, ("svarinn:%s: journal"):format(what), level + 1)
  if (type(journal.postgres) == "string") == (type(journal.sqlite) == "string") then
    error(("svarinn:%s: journal has either sqlite, a path, or postgres, a conninfo"):format(what),
      level + 1)
  end
  return journal
end

--- The journal that is meant; nil when none is named.
---@param given { into: string?, journal: fiks.JournalOption? }?
---@param what string the function
---@param level integer
---@return { sqlite: string } | { postgres: string } | nil target
---@return fiks.Error? err
function M.journal(given, what, level)
  given = options.check(given, JOURNAL, "svarinn:" .. what, level + 1)
  local ok, err = check_into(given, what, level + 1)
  if not ok then
    return nil, err
  end
  return target_of(given, what, level + 1)
end

-- Where the files go, and whether they stay there.
local function place(given, target, what, level)
  if given.into ~= nil then
    return M.folder(given, what, level + 1), false
  elseif given.spool ~= nil then
    expect(given.spool, "string", what .. ": spool", level + 1)
    return given.spool, true
  elseif not target.sqlite then
    error(("svarinn:%s: with a journal in PostgreSQL give into, or spool, a folder of this host")
      :format(what), level + 1)
  end
  return target.sqlite .. ".spool", true
end

--- The options of svarinn:receive and svarinn:run, as a reception takes them.
---@param given fiks.ReceiveOptions
---@param what "receive"|"run"
---@param level integer
---@return table? settings
---@return fiks.Error? err
function M.receive(given, what, level)
  given = options.check(given, what == "run" and RUN or RECEIVE, "svarinn:" .. what, level + 1)
  for name, wanted in pairs { on_error = "function", handler = "function", progress = "function",
    on_round = "function", report_mismatch = "boolean", signals = "boolean" } do
    expect(given[name], wanted, what .. ": " .. name, level + 1)
  end
  local ok, err = check_into(given, what, level + 1)
  if not ok then
    return nil, err
  end
  local target = target_of(given, what, level + 1)
  if not given.into and not given.handler then
    error(("svarinn:%s needs into, the folder to receive into, or handler, a function that takes "
      .. "them"):format(what), level + 1)
  elseif not target then
    error(("svarinn:%s without into needs journal, the path of its SQLite file"):format(what),
      level + 1)
  elseif given.concurrency and not given.handler and what == "receive" then
    error("svarinn:receive: a loop gets one at a time: concurrency goes with handler", level + 1)
  end
  local folder, spooled = place(given, target, what, level + 1)
  return {
    target = target, folder = folder, spooled = spooled, handler = given.handler,
    on_error = given.on_error, on_round = given.on_round, progress = given.progress,
    report = given.report_mismatch == true, signals = given.signals == true,
    concurrency = count(given.concurrency, 1, what .. ": concurrency", level + 1),
    park_after = count(given.park_after, 10, what .. ": park_after", level + 1),
    max_rounds = count(given.max_rounds, nil, what .. ": max_rounds", level + 1),
  }
end

--- How often svarinn:run asks.
---@param given { every: number?, jitter: number? }
---@param level integer
---@return number every_ms
---@return number jitter a part of it
function M.pace(given, level)
  local every, jitter = given.every or 900, given.jitter or 0.1
  if type(every) ~= "number" or not (every > 0 and every <= 86400) then
    error("svarinn:run: every is a number of seconds, up to 86400", level + 1)
  elseif type(jitter) ~= "number" or not (jitter >= 0 and jitter <= 1) then
    error("svarinn:run: jitter is a part of every, from 0 to 1", level + 1)
  end
  return every * 1000, jitter
end

return M
