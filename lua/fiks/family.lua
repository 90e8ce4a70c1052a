--- A client and those made of it with `with` and `as_person`: what they share, and how all of them
--- are read anew.

local config = require "fiks.config"
local core = require "fiks.core"
local rows = require "fiks.config.rows"
local sources = require "fiks.config.sources"

---@class fiks.Family
local Family = {}
Family.__index = Family
Family.__name = "fiks.Family"

local WEAK, WEAK_VALUES = { __mode = "k" }, { __mode = "v" }
local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local function deep_copy(value)
  if type(value) ~= "table" or getmetatable(value) then
    return value
  end
  local copy = {}
  for name, inner in pairs(value) do
    copy[name] = deep_copy(inner)
  end
  return copy
end

local function core_client(settings)
  local handle, err = core.client(settings)
  if not handle then
    err.message = err.message:gsub("[%a_]+", rows.option_of)
    return nil, err
  end
  return handle
end

local SECRET = { "integrasjon_passord", "pid", "authorization_details", "proxy", "proxy_username",
  "proxy_password" }

-- Gives a member its settings and its core client. What is secret is not a field: a program that
-- dumps its tables must not print it.
local function equip(member, settings, handle)
  local secrets = {}
  for _, name in ipairs(SECRET) do
    secrets[name], settings[name] = settings[name], nil
  end
  member.contract = settings.contract
  member.fiks_organisasjon = settings.fiks_organisasjon
  member._settings = settings
  member._secrets = function()
    return secrets
  end
  member._core = handle
end

--- A family of none yet.
---@param given table? what fiks.new was given
---@param watched table the files that were read for it
function Family.new(given, watched)
  local kept = deep_copy(given or {})
  return setmetatable({
    watched = watched,
    members = setmetatable({}, WEAK),
    services = setmetatable({}, WEAK),
    given = function()
      return kept
    end,
  }, Family)
end

--- Makes a client of the family.
---@param settings table of the core
---@param changes table[] what `with` was given on the way to it
---@param mt table the class
---@return fiks.Client? client
---@return fiks.Error? err
function Family:create(settings, changes, mt)
  local handle, err = core_client(settings)
  if not handle then
    return nil, err
  end
  local member = setmetatable({
    _family = self,
    _changes = function()
      return changes
    end,
    _in_flight = setmetatable({}, WEAK_VALUES), -- by place (call:place)
  }, mt)
  equip(member, settings, handle)
  self.members[member] = true
  return member
end

--- A client like `parent` with some settings replaced.
---@param parent fiks.Client
---@param given table
---@param mt table the class
---@param level integer as for `error`, seen from the calling function
---@return fiks.Client? client
---@return fiks.Error? err
function Family:derive(parent, given, mt, level)
  local settings, watched = config.override(parent._settings, parent._secrets(), given, level + 1)
  if not settings then
    return nil, watched
  end
  sources.add(self.watched, watched)
  local changes = parent._changes()
  if next(given) ~= nil then
    changes = { unpack(changes) }
    changes[#changes + 1] = deep_copy(given)
  end
  return self:create(settings, changes, mt)
end

-- The settings of a member whose family's are new.
local function settings_of(member, settings, watched)
  local own = settings
  for _, given in ipairs(member._changes()) do
    local changed, more = config.override(own, {}, given, 1)
    if not changed then
      return nil, more
    end
    own = changed
    sources.add(watched, more)
  end
  return own == settings and deep_copy(settings) or own
end

-- member -> { settings, core client }, or nil and the first error.
local function prepare_members(self, settings, watched)
  local ready = {}
  for member in pairs(self.members) do
    if member._core then
      local own, err = settings_of(member, settings, watched)
      local handle
      if own then
        handle, err = core_client(own)
      end
      if not handle then
        for _, made in pairs(ready) do
          made[2]:close()
        end
        return nil, err
      end
      ready[member] = { own, handle }
    end
  end
  return ready
end

-- Functions that give the services' own keys and passwords to them, or nil and the first error.
local function prepare_services(self, watched)
  local commits = {}
  for service in pairs(self.services) do
    local commit, err = service:_prepare_reload(watched)
    if not commit then
      return nil, err
    end
    commits[#commits + 1] = commit
  end
  return commits
end

--- Reads everything anew, and changes over only when all of it is right. Nothing here yields, so no
--- call sees half of it; calls under way keep what they started with.
---@return true? ok
---@return fiks.Error? err the old settings stay
function Family:reload()
  local settings, watched = config.resolve(self.given(), 1)
  if not settings then
    return nil, watched
  end
  local commits, err = prepare_services(self, watched)
  local ready
  if commits then
    ready, err = prepare_members(self, settings, watched)
  end
  if not ready then
    return nil, err
  end
  for member, made in pairs(ready) do
    local old = member._core
    equip(member, made[1], made[2])
    old:close()
  end
  for _, commit in ipairs(commits) do
    commit()
  end
  self.watched = watched
  return true
end

--- Whether a file that was read is no longer as it was.
---@return boolean
function Family:changed()
  return sources.changed(self.watched)
end

return Family
