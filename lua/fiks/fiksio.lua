--- Fiks IO, sending: one encrypted case from an account to another ("SvarInn 2" in 2018).
--
-- The files go into a signed ASiC-E container, which is encrypted for the receiver's key, so that
-- nobody between can read it. Container and message are built in memory: for cases of hundreds of
-- megabytes count on three times their size.

local core = require "fiks.core"
local config = require "fiks.config"
local Error = require "fiks.error"
local options = require "fiks.options"

---@class fiks.FiksIO
---@field konto_id string the sending account
local FiksIO = {}

local mt = { __index = FiksIO, __name = "fiks.FiksIO" }

local NEW = { "konto", "key" }
local SEND = { "to", "type", "files", "svar_paa", "ttl", "headers", "klient_melding_id" }
local FILE = { "name", "data", "path" }

---@class fiks.FiksIOOptions
---@field konto string id of the sending account
---@field key (table|fiks.Key)? signs the container; default: the client's own

local function fail(kind, code, message, ...)
  return nil, Error.new { kind = kind, code = code, message = message:format(...) }
end

local function uuid(value)
  return type(value) == "string"
    and value:find("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$")
    and value:lower() or nil
end

---@return string
function mt:__tostring()
  return ("fiks.FiksIO (konto %s)"):format(self.konto_id)
end

--- Made by `client:fiksio`.
---@param client fiks.Client
---@param given fiks.FiksIOOptions
---@param level integer as for `error`, seen from the calling function
---@return fiks.FiksIO? fiksio
---@return fiks.Error? err
function FiksIO.new(client, given, level)
  given = options.check(given, NEW, "client:fiksio", level)
  config.check_key_names(given.key, "client:fiksio: key", level)
  local konto = uuid(given.konto)
  if not konto then
    return fail("config", "fiksio.konto", "option 'fiksio.konto' must be the UUID of the sending "
      .. "account")
  end
  local fiksio = setmetatable({
    konto_id = konto, _client = client,
    _given = function() -- not as a field, which a dump of the table would show
      return given.key
    end,
  }, mt)
  local commit, err = fiksio:_prepare_reload(client._family and client._family.watched or {})
  if not commit then
    return nil, err
  end
  commit()
  return fiksio
end

-- For client:reload: its own key read anew, and a function that takes it into use. The client's
-- key, when it has none of its own, is looked up when it is used.
function FiksIO:_prepare_reload(watched)
  local given, key = self._given(), nil
  if given ~= nil then
    local err
    key, err = config.key(given, "fiksio.key", watched)
    if not key then
      return nil, err
    end
  end
  return function()
    self._key = key
  end
end

local function lookup(self, operation, konto)
  local id = uuid(konto)
  if not id then
    return fail("invalid", "konto_id", "the id of an account must be a UUID")
  end
  local response, err = self._client:_call("fiksio." .. operation, { params = { kontoId = id } })
  if not response then
    err.id = id
    return nil, err
  end
  local answer, bad = core.json_decode(response.body)
  if bad or type(answer) ~= "table" then
    return fail("protocol", "json", "the catalogue's answer about account %s is not a JSON object",
      id)
  end
  return answer
end

--- An account as the catalogue knows it.
---@param konto string
---@return table? konto fiksOrgId, kontoNavn, status ...
---@return fiks.Error? err
function FiksIO:konto(konto)
  return lookup(self, "konto", konto)
end

--- Whether an account may send and receive, and how many consumers it has.
---@param konto string
---@return table? status
---@return fiks.Error? err
function FiksIO:status(konto)
  return lookup(self, "status", konto)
end

--- The public key of an account.
---@param konto string
---@return table? nokkel nokkel (PEM), validFrom, validTo, serial ...
---@return fiks.Error? err
function FiksIO:offentlig_nokkel(konto)
  return lookup(self, "offentlig_nokkel", konto)
end

local function read_file(path, name)
  if path:find("\0", 1, true) then
    return fail("invalid", "files", "fiksio:send: the path of a file holds a NUL byte")
  end
  local file, why = io.open(path, "rb")
  local data = file and file:read("*a")
  if file then
    file:close()
  end
  if not data then
    return fail("io", "file", "cannot read %s: %s", path, why or "it is not a file")
  end
  return { name = name or path:match("[^/]+$") or path, data = data }
end

local function one_file(given, index)
  if type(given) == "string" then
    return read_file(given)
  elseif type(given) ~= "table" then
    error(("fiksio:send: files[%d] must be a path or { name =, data = }, not a %s"):format(
      index, type(given)), 4)
  end
  options.check(given, FILE, ("fiksio:send: files[%d]"):format(index), 4)
  if given.path ~= nil and given.data ~= nil then
    return fail("invalid", "files", "fiksio:send: files[%d] has both data and path: give one of "
      .. "them", index)
  elseif type(given.path) == "string" then
    return read_file(given.path, given.name)
  elseif type(given.name) ~= "string" or given.name == "" or type(given.data) ~= "string" then
    return fail("invalid", "files", "fiksio:send: files[%d] needs name and data, or path", index)
  end
  return { name = given.name, data = given.data }
end

-- The files with their content. A name twice is refused before anybody is asked for a key.
local function all_files(given)
  if #given == 0 then
    return fail("invalid", "files", "fiksio:send: the list of files is empty; leave files out to "
      .. "send a message without content")
  end
  local files, seen = {}, {}
  for i, item in ipairs(given) do
    local file, err = one_file(item, i)
    if not file then
      return nil, err
    elseif file.name:find("\0", 1, true) then
      return fail("invalid", "files", "fiksio:send: the name of files[%d] holds a NUL byte", i)
    elseif seen[file.name] then
      return fail("invalid", "files", "fiksio:send: files[%d] and files[%d] are both named \"%s\"",
        seen[file.name], i, file.name)
    end
    files[i], seen[file.name] = file, i
  end
  return files
end

local function headers(given, klient_melding_id)
  local out = {}
  for name, value in pairs(given or {}) do
    if type(name) ~= "string" or type(value) ~= "string" then
      return fail("invalid", "headers", "fiksio:send: headers must be strings by name")
    end
    out[name] = value
  end
  out.klientMeldingId = klient_melding_id
  return out
end

-- The metadata part as a table, or what is wrong with the arguments.
local function metadata(self, given)
  local to, svar_paa = uuid(given.to), core.null
  if not to then
    return fail("invalid", "to", "fiksio:send: to must be the UUID of the receiving account")
  elseif type(given.type) ~= "string" or given.type == "" then
    return fail("invalid", "type", "fiksio:send: type is missing, such as "
      .. "\"no.ks.fiks.arkiv.v1.arkivering.arkivmelding.opprett\"")
  elseif given.type:find("%c") then
    return fail("invalid", "type", "fiksio:send: type holds a line break or another control "
      .. "character")
  elseif given.svar_paa ~= nil then
    svar_paa = uuid(given.svar_paa)
    if not svar_paa then
      return fail("invalid", "svar_paa", "fiksio:send: svar_paa must be the UUID of a message")
    end
  end
  local ttl = given.ttl
  if ttl ~= nil and (type(ttl) ~= "number" or ttl ~= math.floor(ttl) or ttl < 1000
      or ttl > 9007199254740991) then
    return fail("invalid", "ttl", "fiksio:send: ttl is in milliseconds, a whole number from 1000 "
      .. "up")
  end
  local klient_melding_id = uuid(given.klient_melding_id or core.uuid())
  if not klient_melding_id then
    return fail("invalid", "klient_melding_id", "fiksio:send: klient_melding_id must be a UUID")
  end
  local headere, err = headers(given.headers, klient_melding_id)
  if not headere then
    return nil, err
  end
  return {
    avsenderKontoId = self.konto_id, mottakerKontoId = to, meldingType = given.type,
    svarPaMelding = svar_paa, ttl = ttl or core.null, headere = headere,
  }
end

local function receiver_certificate(self, to)
  local nokkel, err = self:offentlig_nokkel(to)
  if not nokkel and err.kind == "not_found" then
    return fail("not_found", "no_public_key", "account %s does not exist or has no public key: "
      .. "nothing can be encrypted for it, so nothing was sent", to)
  elseif not nokkel then
    return nil, err
  elseif type(nokkel.nokkel) ~= "string" then
    return fail("protocol", "public_key", "the catalogue's answer about account %s holds no key",
      to)
  elseif nokkel.valid == false then
    return fail("invalid", "public_key", "the public key of account %s is not valid: %s", to,
      tostring(nokkel.statusMessage))
  end
  return nokkel.nokkel
end

-- The encrypted container.
local function payload(self, files, to)
  local key = self._key or self._client._settings.key
  if not key then
    return fail("config", "fiksio.key", "option 'fiksio.key' is missing: the container is signed "
      .. "with a key, and the client has none")
  end
  local certificate, err = receiver_certificate(self, to)
  if not certificate then
    return nil, err
  end
  files.key = key
  local container
  container, err = core.asice(files)
  if not container then
    return nil, err
  end
  return core.cms_encrypt(container, { certificate })
end

local function receipt(response, sent)
  local answer = core.json_decode(response.body)
  if response.status > 202 or type(answer) ~= "table" or type(answer.meldingId) ~= "string" then
    return nil, Error.new {
      kind = "protocol", code = "sent_id_unknown", status = response.status,
      operation = "fiksio.send", id = sent.headere.klientMeldingId,
      message = "the message was taken, but the answer does not say under which id. Do not send "
        .. "it anew with another klient_melding_id",
    }
  end
  local function plain(value)
    if value == core.null then
      return nil
    end
    return value
  end
  return {
    melding_id = answer.meldingId,
    type = plain(answer.meldingType) or sent.meldingType,
    from = plain(answer.avsenderKontoId) or sent.avsenderKontoId,
    to = plain(answer.mottakerKontoId) or sent.mottakerKontoId,
    ttl = plain(answer.ttl),
    dokumentlager_id = plain(answer.dokumentlagerId),
    svar_paa = plain(answer.svarPaMelding),
    klient_melding_id = sent.headere.klientMeldingId,
  }
end

---@class fiks.FiksIOFile
---@field name string? needed with data; default: the path's last part
---@field data string? the content, or:
---@field path string?

---@class fiks.FiksIOMessage
---@field to string id of the receiving account
---@field type string the message type
---@field files (string|fiks.FiksIOFile)[]? paths or files; none: a message without content
---@field svar_paa string? id of the message this answers
---@field ttl integer? milliseconds until it lapses; default: the platform's (7 days)
---@field headers table<string, string>?
---@field klient_melding_id string? UUID; give the same when sending again after a timeout

---@class fiks.FiksIOReceipt
---@field melding_id string
---@field klient_melding_id string
---@field type string
---@field from string
---@field to string
---@field ttl integer?
---@field dokumentlager_id string? when the platform stored the content there
---@field svar_paa string?

--- Sends one message. It is not repeated when its fate is unknown (kinds "timeout", "network",
--- "server"): send it again with the same klient_melding_id (`err.id`), by which the receiver
--- knows it.
---@param given fiks.FiksIOMessage
---@return fiks.FiksIOReceipt? receipt
---@return fiks.Error? err
function FiksIO:send(given)
  given = options.check(given, SEND, "fiksio:send", 2)
  for _, name in ipairs { "files", "headers" } do
    if given[name] ~= nil and type(given[name]) ~= "table" then
      error(("fiksio:send: %s must be a table, such as %s, not a %s"):format(name,
        name == "files" and "{ \"brev.pdf\" }" or "{ navn = \"verdi\" }", type(given[name])), 2)
    end
  end
  local sent, err = metadata(self, given)
  if not sent then
    return nil, err
  end
  local parts = { { name = "metadata", content_type = "application/json" } }
  parts[1].data, err = core.json_encode(sent)
  if not parts[1].data then
    return nil, err
  end
  if given.files ~= nil then
    local files, data
    files, err = all_files(given.files)
    if files then
      data, err = payload(self, files, sent.mottakerKontoId)
    end
    if not data then
      return nil, err
    end
    parts[2] = {
      name = "data", filename = core.uuid(), content_type = "application/octet-stream", data = data,
    }
  end
  local operation = self._client.contract == "2018" and "fiksio.2018.send" or "fiksio.send"
  local response
  response, err = self._client:_call(operation, { parts = parts, idempotent = false })
  if not response then
    err.id = sent.headere.klientMeldingId
    return nil, err
  end
  return receipt(response, sent)
end

return FiksIO
