--- Durable places for what must not be lost: batches of SQL, each done as a whole or not at all.
--
--     local store = fiks.check(store.open { sqlite = "/var/lib/arkiv/journal.db" })
--     local results, err = store:batch {
--       { "UPDATE sak SET tilstand = $2 WHERE id = $1", id, "hentet", check = 1 },
--       { "SELECT count(*) AS antall FROM sak" },
--     }
--
-- The database's work is done by a thread of the core's own, so tasks (fiks.all) and event loops go
-- on meanwhile. One store works on one batch at a time, first come first served.

local core = require "fiks.core"
local Error = require "fiks.error"
local options = require "fiks.options"
local wait = require "fiks.wait"

local M = {}

---@class fiks.Store
---@field kind "sqlite" | "postgres"
local Store = {}
Store.__index = Store
Store.__name = "fiks.Store"

local KINDS = { "sqlite", "postgres" }

---@class fiks.StoreOptions one of the two
---@field sqlite string? path of the file, which is made when it is not there
---@field postgres string? "host=... dbname=..." or "postgresql://..."; may hold a password

---@class fiks.Statement
---@field [1] string one statement of SQL, with placeholders $1, $2 ...
---@field check integer? how many rows it must touch or return, else nothing is done

---@class fiks.Rows
---@field [integer] table<string, any> a row: its columns by name; no entry for NULL
---@field changes integer rows touched

-- Waits for a job of the core and gives what its method `how` gives.
local function conclude(how, job, err)
  if not job then
    return nil, err
  end
  local ok, why = pcall(wait.await, job)
  local value, failure
  if ok then
    value, failure = job[how](job)
  end
  job:close()
  if not ok then -- an interrupt, say
    error(why, 0)
  end
  return value, failure
end

local function handle(self, level)
  local core_store = type(self) == "table" and rawget(self, "_core")
  if not core_store then
    error(getmetatable(self) == Store and "the store is closed"
      or "call it as store:method(...), on what store.open gave", level + 1)
  end
  return core_store
end

local function driver(kind)
  local ok, module = pcall(require, "fiks." .. kind)
  if ok then
    return module
  end
  return nil, Error.new { kind = "config", code = "store.driver",
    message = ("the module fiks.%s does not load; it needs %s: %s"):format(kind,
      kind == "sqlite" and "libsqlite3" or "libpq", tostring(module)) }
end

--- Opens a store: the file, or the connection, is there when it returns.
--
-- "config" for a target that cannot be (no such folder, password refused), "io" for one that is not
-- there now.
---@param given fiks.StoreOptions
---@return fiks.Store? store
---@return fiks.Error? err
function M.open(given)
  options.check(given, KINDS, "fiks.store.open")
  local kind = given and (given.sqlite and "sqlite" or given.postgres and "postgres")
  if not kind or (given.sqlite and given.postgres) then
    error("fiks.store.open takes sqlite = path or postgres = connection string", 2)
  end
  local target = given[kind]
  if type(target) ~= "string" or target:find("\0", 1, true) then
    error(("fiks.store.open: %s must be a string without NUL bytes"):format(kind), 2)
  end
  local module, err = driver(kind)
  if not module then
    return nil, err
  end
  local made
  made, err = core.store(module, target)
  if not made then
    return nil, err
  end
  local opened
  opened, err = conclude("done", made:open(wait.queue()))
  if opened == nil then
    made:close()
    return nil, err
  end
  return setmetatable({ kind = kind, _core = made }, Store)
end

local VALUES = { ["nil"] = true, boolean = true, number = true, string = true }

-- One statement as the core takes it: with the number of its values, as some may be nil.
local function statement(given, index, level)
  local where = ("store:batch: statement %d"):format(index)
  if type(given) ~= "table" or type(given[1]) ~= "string" then
    error(where .. " must be a table that begins with its SQL", level + 1)
  end
  local copy, last = { check = given.check }, 1
  for key, value in pairs(given) do
    if type(key) == "number" and key >= 1 and key == math.floor(key) then
      if not VALUES[type(value)] and value ~= core.null then
        error(("%s: a %s is no value for a store"):format(where, type(value)), level + 1)
      end
      copy[key], last = value, math.max(last, key)
    elseif key ~= "check" then
      error(("%s: unknown option '%s', did you mean 'check'?"):format(where, tostring(key)),
        level + 1)
    end
  end
  local check = given.check
  if check ~= nil and (type(check) ~= "number" or check < 0 or check ~= math.floor(check)) then
    error(where .. ": check must be a whole number of rows", level + 1)
  end
  copy.n = last - 1
  return copy
end

--- Does all statements or none, in one transaction.
--
-- Values are strings of UTF-8 without NUL bytes, numbers, booleans (1 and 0 where the database has
-- no booleans), nil and fiks.null. Integers beyond 2^53 are strings of digits on LuaJIT.
--
-- "conflict" when a check fails (code "store.check"), something is there already ("store.unique")
-- or another rule of the table is broken ("store.constraint"); err.statement is the statement's
-- number. "io", retryable, when disk or server are not there or the database stays locked; with
-- err.uncertain the batch may have been done all the same. "invalid" for values that a store cannot
-- keep, "internal" for SQL that is wrong.
---@param statements fiks.Statement[]
---@return fiks.Rows[]? results of each statement
---@return fiks.Error? err
function Store:batch(statements)
  local core_store = handle(self, 2)
  if type(statements) ~= "table" or #statements == 0 then
    error("store:batch takes a list of statements", 2)
  end
  local copies = {}
  for index, given in ipairs(statements) do
    copies[index] = statement(given, index, 2)
  end
  return conclude("rows", core_store:batch(copies, wait.queue()))
end

--- Takes a lock of this name among all processes that open the same database, and holds it until
--- the store is closed or the process ends. Does not wait for it.
---@param name string letters, digits, "_" and "-"
---@return boolean? got false: another has it
---@return fiks.Error? err
function Store:lock(name)
  local core_store = handle(self, 2)
  if type(name) ~= "string" or not name:find("^[%w_-]+$") or #name > 64 then
    error("store:lock takes a name of 1 to 64 letters, digits, _ and -", 2)
  end
  return conclude("done", core_store:lock(name, wait.queue()))
end

--- Ends it after the batches that were given to it, and lets go of its locks. Once is enough.
function Store:close()
  local core_store = rawget(self, "_core")
  if core_store then
    self._core = nil
    conclude("done", core_store:finish(wait.queue()))
    core_store:close()
  end
end

Store.__close = Store.close

--- The kind alone: a connection string may hold a password.
function Store:__tostring()
  return ("fiks.Store (%s%s)"):format(self.kind, rawget(self, "_core") and "" or ", closed")
end

return M
