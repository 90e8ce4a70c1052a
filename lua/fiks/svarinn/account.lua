--- One mottakersystem of SvarInn: its calls, with its own user name and password, in v1 and v2.
--- What belongs to one account is never asked for, nor acknowledged, with another's credentials.

local content = require "fiks.svarinn.content"
local core = require "fiks.core"
local Error = require "fiks.error"
local model = require "fiks.svarinn.model"
local Stream = require "fiks.stream"

---@class fiks.svarinn.Account
---@field name string the user name
---@field version 1|2
---@field refused fiks.Error? its user name or password was not accepted the last time
---@field not_before number? monotonic, ms: SvarInn is not to be asked before
local Account = {}
Account.__index = Account
Account.__name = "fiks.svarinn.Account"

local PAGE = 200 -- the list has no paging: items leave it only when they are acknowledged

local function fail(kind, code, message, ...)
  return nil, Error.new { kind = kind, code = code, message = message:format(...) }
end

---@return string
function Account:__tostring()
  return ("fiks.svarinn.Account (v%d, %s)"):format(self.version, self.name)
end

---@param client fiks.Client
---@param version 1|2
---@param how { legacy_ciphers: boolean?, rename_duplicates: boolean? }?
---@return fiks.svarinn.Account
function Account.new(client, version, how)
  return setmetatable({ version = version, _client = client, _how = how or {} }, Account)
end

--- Takes user name, password and keys into use.
---@param found { username: string, password: string, keys: fiks.Key[]? }
function Account:equip(found)
  local password = found.password
  self.name, self._keys = found.username, found.keys
  self.refused, self.not_before = nil, nil
  self._password = function() -- not as a field, which a dump of the table would show
    return password
  end
end

local function call(self, operation, opts)
  opts.username, opts.password = self.name, self._password()
  local response, err = self._client:_call(("svarinn.v%d.%s"):format(self.version, operation), opts)
  if err and err.account == nil then
    err.account = self.name
  end
  return response, err
end

-- ---- the list -----------------------------------------------------------------------------------

-- The start of an unexpected answer, on one line.
local function excerpt(body)
  return (body:sub(1, 200):gsub("[%c%s]+", " "))
end

local function parse_list(body)
  local items, err = core.json_decode((body:gsub("^\239\187\191", "")))
  if err then
    return fail("protocol", "json", "SvarInn's list is not JSON (%s): %s", err.message,
      excerpt(body))
  end
  local is_list = type(items) == "table" and getmetatable(items) == core.array_mt
  if not is_list then
    return fail("protocol", "list", "SvarInn's list is not a JSON array: %s", excerpt(body))
  end
  return items
end

-- What the answer to the list says of the settings.
local HINTS = {
  auth = " - user name or password of the mottakersystem is not accepted; SvarInn may lock an "
    .. "account that keeps trying",
  denied = " - the mottakersystem has no access",
  not_found = " - the base URL may be wrong: SvarInn v1 is under /tjenester, v2 under /api",
}

local function explain(self, err)
  local hint = HINTS[err.kind]
  if hint then
    err.message = ("%s%s (user name %s%s)"):format(err.message, hint, self.name,
      err.url and ", " .. err.url or "")
  end
  return err
end

--- The new forsendelser, normalised; those that cannot be handled have `problem`, an error.
---@return fiks.Forsendelse[]? list
---@return boolean|fiks.Error full the page is full, there may be more behind it; or the error
function Account:list()
  local response, err = call(self, "list", {})
  if not response then
    return nil, explain(self, err)
  end
  local items
  items, err = parse_list(response.body)
  if not items then
    return nil, err
  end
  local list, seen = {}, {}
  for _, raw in ipairs(items) do
    local f, problem = model.forsendelse(raw)
    f.problem, f.account = problem, self.name
    if problem or not seen[f.id] then -- a repeated id is one forsendelse
      list[#list + 1] = f
      seen[f.id or f] = true
    end
  end
  return list, #items >= PAGE
end

-- ---- one forsendelse ----------------------------------------------------------------------------

local function following(forsendelse, progress)
  local stream = Stream.new()
  stream.progress = function(now)
    return progress(forsendelse, now.received, now.received_total)
  end
  return stream
end

local function host_of(url)
  return url and url:match("^%a+://[^/]*@([^/]*)") or url and url:match("^%a+://([^/]*)") or "?"
end

local function explain_download(self, err, forsendelse)
  if err.kind == "auth" or err.kind == "denied" then
    err.message = ("%s - it was asked for with the credentials of %s: is it another account's?")
      :format(err.message, self.name)
  elseif err.code == "foreign_host" then
    err.message = ("%s - it is on %s, and this client speaks to %s: are these two environments, "
      .. "such as test and production?"):format(err.message, host_of(forsendelse.url),
      host_of(self._client._settings.svarut_url))
  end
  return err
end

local function download_once(self, forsendelse, folder, progress, raw)
  local sink, err = content.sink(forsendelse, folder,
    self._keys or { self._client._settings.key }, self._how, raw)
  if not sink then
    return nil, err
  end
  local response, failure = call(self, "download", {
    params = { id = forsendelse.id, url = forsendelse.url }, sink = sink,
    stream = progress and following(forsendelse, progress) or nil,
    progress = progress and true or nil,
  })
  sink:close() -- the call's, unless it could not be started
  if not response then
    failure.id = forsendelse.id
    content.describe(failure.files or {}, forsendelse)
    return nil, explain_download(self, failure, forsendelse)
  end
  return { folder = folder, files = content.describe(response.files or {}, forsendelse),
    key = response.key }
end

--- Receives one forsendelse as a folder. What is not what was sent, or not all of it, may have
--- suffered on its way: it is fetched once more.
---@param forsendelse fiks.Forsendelse
---@param folder string that is not there
---@param progress fun(f: fiks.Forsendelse, received: integer, total: integer?)?
---@param raw boolean? an archive is not unpacked
---@return { folder: string, files: fiks.ReceivedFile[], key: integer? }? received
---@return fiks.Error? err
function Account:download(forsendelse, folder, progress, raw)
  local received, err = download_once(self, forsendelse, folder, progress, raw)
  if not received and content.may_have_suffered(err) then
    return download_once(self, forsendelse, folder, progress, raw)
  end
  return received, err
end

-- Proxies that know no PATCH answer for SvarInn.
local function explain_patch(self, err)
  if err and self.version == 2 and (err.status == 405 or err.status == 501) then
    err.message = err.message .. " - a proxy on the way does not let PATCH through: open it for "
      .. "PATCH, or use SvarInn's version = 1, which acknowledges with POST"
  end
  return err
end

--- Tells SvarInn that it is safely received.
---@param id string
---@return true? ok
---@return fiks.Error? err
function Account:acknowledge(id)
  local response, err
  if self.version == 1 then
    response, err = call(self, "acknowledge", { params = { id = id } })
  else
    response, err = call(self, "status", {
      params = { id = id }, body = "{\"status\":\"MOTTATT\"}", idempotent = true,
    })
  end
  return response and true or nil, explain_patch(self, err)
end

--- Tells SvarInn that it could not be received.
---@param id string
---@param feil { feilmelding: string, permanent: boolean }
---@return true? ok
---@return fiks.Error? err
function Account:fail(id, feil)
  local body, err = core.json_encode(self.version == 1 and feil
    or { status = "FEILET", feil = feil })
  if not body then
    return nil, err
  end
  local response
  response, err = call(self, self.version == 1 and "fail" or "status", {
    params = { id = id }, body = body,
  })
  return response and true or nil, explain_patch(self, err)
end

return Account
