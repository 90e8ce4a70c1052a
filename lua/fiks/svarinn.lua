--- SvarInn: receiving forsendelser, v1 and v2.
--
-- `receive` does the whole job. What it promises:
--   1. A forsendelse is downloaded, decrypted, unpacked and checked in one pass. Only when every
--      check passed and every byte is on the disk does the folder <into>/<id> appear, as a whole.
--      That folder is the hand-over.
--   2. Only then is it acknowledged, and then given to the loop. `f.acknowledged` is false, with
--      `f.ack_error`, when the acknowledgement did not get through: SvarInn lists it again.
--   3. When it is listed again and the folder is there, nothing is downloaded: its files are held
--      against their hashes once more, and only the acknowledgement is sent again. It is given to
--      the loop once more, with `f.redelivered`, as an earlier run may have ended before its loop
--      saw it. So the loop sees each at least once. (Move a folder away and it is received anew, if
--      SvarInn still lists it.)
--   4. A bad one is given to the loop beside its error, is never acknowledged, and stops no other.
--      What does not match its hash is fetched a second time before that.

local access = require "fiks.svarinn.access"
local arguments = require "fiks.svarinn.arguments"
local config = require "fiks.config"
local core = require "fiks.core"
local Error = require "fiks.error"
local model = require "fiks.svarinn.model"
local options = require "fiks.options"

---@class fiks.SvarInn
---@field version 1|2
---@field backlog boolean? the last list was full (200): there may be more behind it
local SvarInn = {}

local mt = { __index = SvarInn, __name = "fiks.SvarInn" }

local PAGE = 200 -- the list has no paging: items leave it only when they are acknowledged
local NEW = { "username", "password", "version", "keys" }

---@class fiks.SvarInnOptions
---@field username string the mottakersystem's
---@field password fiks.Secret
---@field version 1|2? default by contract: 1 in 2018, 2 in current
---@field keys (table|fiks.Key)[]? private keys, tried in turn; default: the client's own

local function fail(kind, code, message, ...)
  return nil, Error.new { kind = kind, code = code, message = message:format(...) }
end

---@return string
function mt:__tostring()
  return ("fiks.SvarInn (v%d, %s)"):format(self.version, self._username)
end

--- Made by `client:svarinn`.
---@param client fiks.Client
---@param given fiks.SvarInnOptions
---@param level integer as for `error`, seen from the calling function
---@return fiks.SvarInn? svarinn
---@return fiks.Error? err
function SvarInn.new(client, given, level)
  given = options.check(given, NEW, "client:svarinn", level)
  for i, key in ipairs(type(given.keys) == "table" and given.keys or {}) do
    config.check_key_names(key, ("client:svarinn: keys[%d]"):format(i), level)
  end
  local version = given.version or (client.contract == "2018" and 1 or 2)
  if version ~= 1 and version ~= 2 then
    return fail("config", "svarinn.version", "option 'svarinn.version' must be 1 or 2")
  end
  local svarinn = setmetatable({
    version = version, _client = client,
    _given = function() -- not as a field, which a dump of the table would show
      return given
    end,
  }, mt)
  local commit, err = svarinn:_prepare_reload(client._family and client._family.watched or {})
  if not commit then
    return nil, err
  end
  commit()
  return svarinn
end

-- For client:reload: user name, password and keys read anew, and a function that takes them into
-- use.
function SvarInn:_prepare_reload(watched)
  local found, err = access.read(self._given(), self._client, watched)
  if not found then
    return nil, err
  end
  local password = found.password
  return function()
    self._username, self._keys = found.username, found.keys
    self._password = function()
      return password
    end
  end
end

local function call(self, operation, opts)
  opts.username, opts.password = self._username, self._password()
  return self._client:_call(("svarinn.v%d.%s"):format(self.version, operation), opts)
end

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

--- The new forsendelser, normalised; those that cannot be handled have `problem`, an error.
---@return fiks.Forsendelse[]? list
---@return fiks.Error? err
function SvarInn:list()
  local response, err = call(self, "list", {})
  if not response then
    return nil, err
  end
  local items
  items, err = parse_list(response.body)
  if not items then
    return nil, err
  end
  self.backlog = #items >= PAGE
  local list, seen = {}, {}
  for _, raw in ipairs(items) do
    local f, problem = model.forsendelse(raw)
    f.problem = problem
    if problem or not seen[f.id] then -- a repeated id is one forsendelse
      list[#list + 1] = f
      seen[f.id or f] = true
    end
  end
  return list
end

local function expected_files(forsendelse)
  local expected = {}
  for i, file in ipairs(forsendelse.filer) do
    expected[i] = { name = file.navn, sha256 = file.sha256, size = file.size }
  end
  return expected
end

local function download_once(self, forsendelse, folder)
  local sink, err = core.forsendelse_sink {
    folder = folder, keys = self._keys or { self._client._settings.key },
    expected = expected_files(forsendelse),
  }
  if not sink then
    return nil, err
  end
  local response, failure = call(self, "download", {
    params = { id = forsendelse.id, url = forsendelse.url }, sink = sink,
  })
  sink:close() -- the call's, unless it could not be started
  if not response then
    failure.id = forsendelse.id
    return nil, failure
  end
  return { folder = folder, files = response.files or {} }
end

-- What is not what was sent may have suffered on its way: it is fetched once more.
local function download(self, forsendelse, folder)
  local received, err = download_once(self, forsendelse, folder)
  if not received and err.kind == "integrity" then
    return download_once(self, forsendelse, folder)
  end
  return received, err
end

--- Receives one forsendelse into <into>/<id>, without acknowledging it.
---@param forsendelse fiks.Forsendelse one of the list
---@param given { into: string }
---@return { folder: string, files: fiks.ReceivedFile[] }? received
---@return fiks.Error? err `files` holds what was seen, with verdicts; code "mismatch": a wrong hash
function SvarInn:download(forsendelse, given)
  given = options.check(given, { "into" }, "svarinn:download", 2)
  local into, err = arguments.folder(given, "download", 2)
  if not into then
    return nil, err
  end
  local fine
  fine, err = arguments.forsendelse(forsendelse, 2)
  if not fine then
    return nil, err
  end
  local id
  id, err = arguments.id(forsendelse, "download", 2)
  if not id then
    return nil, err
  end
  return download(self, forsendelse, into .. "/" .. id)
end

local function acknowledge(self, id)
  if self.version == 1 then
    return call(self, "acknowledge", { params = { id = id } })
  end
  return call(self, "status", {
    params = { id = id }, body = "{\"status\":\"MOTTATT\"}", idempotent = true,
  })
end

--- Tells SvarInn that a forsendelse is safely received: it leaves the list for good.
---@param forsendelse fiks.Forsendelse|string or its id
---@return true? ok
---@return fiks.Error? err
function SvarInn:acknowledge(forsendelse)
  local id, err = arguments.id(forsendelse, "acknowledge", 2)
  if not id then
    return nil, err
  end
  local response
  response, err = acknowledge(self, id)
  return response and true or nil, err
end

--- Tells SvarInn (and the sender's log: no personal data) that a forsendelse could not be received.
--- `permanent = true` cannot be undone: it goes on by Altinn or paper and leaves the list.
---@param forsendelse fiks.Forsendelse|string or its id
---@param given { feilmelding: string, permanent: boolean? } default: not permanent, it stays listed
---@return true? ok
---@return fiks.Error? err
function SvarInn:fail(forsendelse, given)
  local feil = arguments.feil(given, 2)
  local id, err = arguments.id(forsendelse, "fail", 2)
  if not id then
    return nil, err
  end
  local body
  body, err = core.json_encode(self.version == 1 and feil or { status = "FEILET", feil = feil })
  if not body then
    return nil, err
  end
  local response
  response, err = call(self, self.version == 1 and "fail" or "status", {
    params = { id = id }, body = body,
  })
  return response and true or nil, err
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

local function is_folder(path)
  return exists(path .. "/.") -- a folder can be opened, if not read
end

-- The folder is durable: SvarInn may forget the forsendelse.
local function acknowledge_received(self, f)
  local response, err = acknowledge(self, f.id)
  local settled = err and (err.kind == "not_found" or err.kind == "conflict")
  f.acknowledged = response ~= nil or settled or false
  if not f.acknowledged then
    f.ack_error = err
  end
end

local function report_mismatch(self, f)
  local wrong = 0
  for _, file in ipairs(f.files) do
    wrong = wrong + (file.verdict == "mismatch" and 1 or 0)
  end
  f.reported, f.report_error = self:fail(f, {
    feilmelding = ("Kontrollsummen (SHA-256) stemmer ikke for %d av %d filer. Forsendelsen er "
      .. "ikke lest inn."):format(wrong, #f.files),
    permanent = false,
  })
end

local function receive_one(self, f, into, report)
  if f.problem then
    return f.problem
  end
  local folder = into .. "/" .. f.id
  if is_folder(folder) then
    f.redelivered, f.acknowledged, f.files = true, false, {}
    local files, changed = core.forsendelse_verify { folder = folder, expected = expected_files(f) }
    if not files then
      return changed
    end
    f.folder, f.files = folder, files
    acknowledge_received(self, f)
    return nil
  end
  local received, err = download(self, f, folder)
  if received then
    f.folder, f.files = received.folder, received.files
    acknowledge_received(self, f)
    return nil
  end
  f.acknowledged, f.files = false, err.files or {}
  if report and err.code == "mismatch" then
    report_mismatch(self, f)
  end
  return err
end

---@class fiks.ReceiveOptions
---@field into string a folder that exists; each forsendelse becomes the folder <into>/<id>
---@field report_mismatch boolean? tell SvarInn (mottakFeilet, never permanent) of a wrong hash
---@field on_error fun(f: fiks.Forsendelse, err: fiks.Error)? gets the bad ones; the loop does not

--- Receives all that is listed: `for f, err in fiks.check(svarinn:receive { into = "inn" }) do`.
--- See the top of this file for what is promised. When `err` is set, `f` was not received.
---@param given fiks.ReceiveOptions
---@return (fun(): fiks.Forsendelse?, fiks.Error?)? iterator nil when the list could not be had
---@return fiks.Error? err
function SvarInn:receive(given)
  given = arguments.receive(given, 2)
  local on_error = given.on_error
  local into, wrong = arguments.folder(given, "receive", 2)
  if not into then
    return nil, wrong
  end
  if not is_folder(into) then -- a disk that is not mounted, perhaps
    return fail("io", "folder", "svarinn:receive: there is no folder %s: make it first", into)
  end
  local list, err = self:list()
  if not list then
    return nil, err
  end
  local at = 0
  return function()
    while true do
      at = at + 1
      local f = list[at]
      if not f then
        return nil
      end
      local problem = receive_one(self, f, into, given.report_mismatch == true)
      if not problem or not on_error then
        return f, problem
      end
      on_error(f, problem)
    end
  end
end

return SvarInn
