--- A client: one integrasjon, and how its calls are made.

local config = require "fiks.config"
local core = require "fiks.core"
local Error = require "fiks.error"
local Family = require "fiks.family"
local log = require "fiks.log"
local options = require "fiks.options"
local person = require "fiks.person"
local request = require "fiks.request"
local wait = require "fiks.wait"

---@class fiks.Client
---@field contract "current"|"2018"
---@field fiks_organisasjon string? the one that calls are about when they name none
local Client = {}

local mt = { __index = Client, __name = "fiks.Client" }

-- Raises when the client is closed; `level` as for `error`, seen from the calling function.
local function open(self, level)
  local handle = self and self._core
  if not handle then
    error(getmetatable(self) == mt and "the fiks client is closed"
      or "expected a fiks client: call its methods with ':'", level + 1)
  end
  return handle
end

---@return string
function mt:__tostring()
  local settings = self._settings
  return ("fiks.Client (%s, contract %s, integrasjon %s%s)"):format(
    settings.environment or settings.api_url or settings.svarut_url, settings.contract,
    settings.integrasjon_id or "none", self._core and "" or ", closed")
end

--- Makes a client from the options of `fiks.new`.
---@param given table
---@param level integer as for `error`, seen from the calling function
---@return fiks.Client? client
---@return fiks.Error? err
function Client.new(given, level)
  local settings, watched = config.resolve(given, level + 1)
  if not settings then
    return nil, watched
  end
  return Family.new(given, watched):create(settings, {}, mt)
end

-- Adds the person's token to a call that would carry the integrasjon's own.
local function add_bearer(self, spec)
  local who = spec.person or self._person
  spec.person = nil
  if not who or spec.username or spec.operation == "token" then
    return true
  end
  local token, err = who:token()
  spec.bearer = token
  return token ~= nil, err, who
end

-- Waits for the end of a call that has nothing to say before (no stream, no hooks) and no files.
local function conclude_plain(self, call, place)
  self._in_flight[place] = call
  local ok, why = pcall(wait.await, call)
  self._in_flight[place] = nil
  if not ok then -- an interrupt, say
    call:close()
    error(why, 0)
  end
  local response, failure, refused = call:result(true)
  if failure then
    failure.error_json = Error.decode_json(failure.error_json)
  end
  return response, failure, refused
end

-- Returns when the call has ended. What it has to say before that is for the stream and the hooks.
local function follow(call, stream, hooking)
  repeat
    wait.await(call)
    local said = call:notes()
    if hooking then
      hooking:serve(call)
    end
    if stream and said then
      stream:serve(call)
    end
  until call:finished()
end

-- Waits for the end of a call and closes it.
local function conclude(self, call, place, spec, stream, hooking)
  if not (stream or hooking or spec.sink) then
    return conclude_plain(self, call, place)
  end
  self._in_flight[place] = call
  local ok, why = pcall((stream or hooking) and follow or wait.await, call, stream, hooking)
  local response, failure, refused
  if ok then
    response, failure, refused = call:result()
  end
  if ok and stream and (response or stream.failure) then
    ok, why = pcall(stream.finish, stream, call)
  end
  self._in_flight[place] = nil
  local files, key
  if ok and spec.sink then
    files, key = call:files()
  end
  call:close()
  if not ok then -- an interrupt, or a function of the program raised
    error(why, 0)
  elseif why then
    response, failure = nil, why
  end
  if response then
    response.files, response.key = files, key
    return response
  end
  failure.files = files
  failure.error_json = Error.decode_json(failure.error_json)
  return nil, failure, refused
end

--- Makes one call and waits for its end. For the service modules.
---@param operation string? a built-in operation's name, or nil with method and path
---@param opts table? what core.client:call takes
---@return fiks.Response? response
---@return fiks.Error? err
---@return fiks.Response? response of the refusal, when there was an answer
---With a forsendelse sink, `files` of the response or the error are what it has seen.
function Client:_call(operation, opts)
  open(self, 3)
  local spec = { operation = operation }
  for name, value in pairs(opts or {}) do
    spec[name] = value
  end
  local ready, err, who = add_bearer(self, spec)
  if not ready then
    return nil, err
  end
  local stream, hooks = spec.stream, self._settings.hooks
  spec.stream = nil
  local hooking = hooks and require("fiks.hooks").begin(hooks, spec)
  local handle, response, refused = open(self, 3) -- the person's function may have closed it
  local call, failure = handle:call(spec, wait.queue()) -- or its place
  if call then
    response, failure, refused = conclude(self, call, failure, spec, stream, hooking)
  end
  if who and failure and failure.kind == "auth" then
    who:refused()
  end
  if hooking then
    hooking:finish(response, failure)
  end
  log.deliver()
  return response, failure, refused
end

--- Any call to the platform, with token, headers, retries and deadline as for the built-in ones.
---@param given fiks.Request
---@return fiks.Response? answer `json` holds the decoded body when it is JSON
---@return fiks.Error? err
---@return fiks.Response? answer of a refusal
function Client:request(given)
  local handle = open(self, 2)
  local call, answer, err, refused = false, nil, nil, nil
  if not (self._person or self._settings.hooks) then
    local json = type(given) == "table" and given.json
    call, err = handle:begin(given, wait.queue(), json and core.json_encode(json))
  end
  if call then
    answer, err, refused = conclude_plain(self, call, err) -- which was its place
  elseif call == false then -- no plain request
    local spec
    spec, err = request.read(given, 2)
    if spec then
      answer, err, refused = self:_call(nil, spec)
    end
  end
  if not answer then
    return nil, err, request.add_json(refused) or refused
  end
  return request.add_json(answer)
end

--- A client for another integrasjon, fiks-organisasjon or consumer_org with the same settings, key,
--- tokens and connections: for a supplier that works for many municipalities.
---@param given fiks.WithOptions
---@return fiks.Client? client
---@return fiks.Error? err
function Client:with(given)
  open(self, 2)
  given = options.check(given, config.WITH, "client:with", 2)
  local changes = { integrasjon = given.integrasjon, maskinporten = given.maskinporten,
    fiks_organisasjon = given.fiks_organisasjon, traceparent = given.traceparent,
    correlation_id = given.correlation_id }
  local who = given.person ~= nil and person.new(given.person, "client:with", 2) or self._person
  local client, err = self._family:derive(self, changes, mt, 2)
  if not client then
    return nil, err
  end
  client._person = who
  return client
end

--- A client whose calls carry a logged-in person's access token from ID-porten instead of the
--- integrasjon's own (integrasjon-person); id and password of the integrasjon go along as always.
---@param source string|fun(): string?, any the token; or a function, asked before a call, that
---returns it and perhaps when it ends (seconds since 1970; it is kept until then), or nil and an
---error. It runs in the caller's coroutine and may make calls itself.
---@return fiks.Client? client
---@return fiks.Error? err
function Client:as_person(source)
  open(self, 2)
  local who = person.new(source, "client:as_person", 2)
  local client, err = self._family:derive(self, {}, mt, 2)
  if not client then
    return nil, err
  end
  client._person = who
  return client
end

--- Reads certificate, key, passwords and the settings file anew, for this client and all that were
--- made with `with` of the same one. Only when everything is right does anything change, and at
--- once; calls under way keep what they started with.
---@return true? ok
---@return fiks.Error? err the old settings stay
function Client:reload()
  open(self, 2)
  return self._family:reload()
end

--- As `reload`, when a file has changed since it was read: to be called now and then.
---@return boolean? reloaded
---@return fiks.Error? err the old settings stay; the next call tries again
function Client:reload_if_changed()
  open(self, 2)
  if not self._family:changed() then
    return false
  end
  return self._family:reload()
end

--- What should be looked at before it fails, such as a certificate that soon expires.
---@return string[]
function Client:warnings()
  return open(self, 2):warnings()
end

--- How far this machine's clock is ahead of Maskinporten's (negative: behind), by its last answer,
--- about a second exact.
---@return number? milliseconds nil before the first answer
function Client:clock_skew()
  return open(self, 2):clock_skew()
end

--- The platform's checklist, run for real with calls that change nothing: see fiks.checklist.
---@param given fiks.CheckOptions?
---@return fiks.CheckReport
function Client:check(given)
  open(self, 2)
  local report = require("fiks.checklist").run(self, given, 3)
  return report -- not a tail call: raises count levels
end

--- The access token in use, fetched when there is none. Calls get theirs without this: it is for
--- looking at, and for services that this library does not speak to. Treat it as a secret.
---@param given table? scope, consumer_org, resource, pid, authorization_details: other than the
---client's
---@return { access_token: string, expires_at: number }? token seconds since 1970
---@return fiks.Error? err
function Client:token(given)
  open(self, 2)
  given = options.check(given, request.GRANT, "client:token", 2)
  if self._person then
    local token, expiry = self._person:token()
    if not token then
      return nil, expiry
    end
    return { access_token = token, expires_at = expiry }
  end
  local wanted, wrong = request.grant(given)
  if not wanted then
    return nil, wrong
  end
  for _ = 1, 3 do -- more than once only when it is reloaded meanwhile
    local token, err = open(self, 2):token(wanted)
    if token or err then
      return token, err
    end
    local fetched
    fetched, err = self:_call("token", wanted)
    if not fetched then
      return nil, err
    end
  end
  return nil, Error.new {
    kind = "protocol", code = "token",
    message = "the token that came cannot be kept: its life is too short",
  }
end

-- Who makes the calls of a service, and its own options: a client that acts for `consumer_org`,
-- when that is among them.
local function acting(self, given)
  if type(given) ~= "table" or given.consumer_org == nil then
    return self, given
  end
  local rest = {}
  for name, value in pairs(given) do
    rest[name] = value
  end
  rest.consumer_org = nil
  local client, err = self:with { maskinporten = { consumer_org = given.consumer_org } }
  return client, client and rest or err
end

--- Meldingsboks, the 2018 contract: see fiks.meldingsboks.
function Client:meldingsboks(given)
  open(self, 2)
  local client, rest = acting(self, given)
  if not client then
    return nil, rest
  end
  local meldingsboks, err = require("fiks.meldingsboks").new(client, rest)
  return meldingsboks, err -- not a tail call: raises count levels
end

--- Fiks Innsyn, the current contract: see fiks.innsyn.
function Client:innsyn(given)
  open(self, 2)
  local client, rest = acting(self, given)
  if not client then
    return nil, rest
  end
  local innsyn, err = require("fiks.innsyn").new(client, rest)
  return innsyn, err -- not a tail call: raises count levels
end

--- SvarInn, receiving: see fiks.svarinn.
---@param given fiks.SvarInnOptions
---@return fiks.SvarInn? svarinn
---@return fiks.Error? err
function Client:svarinn(given)
  open(self, 2)
  local svarinn, err = require("fiks.svarinn").new(self, given, 3)
  if svarinn then
    self._family.services[svarinn] = true
  end
  return svarinn, err -- not a tail call: raises count levels
end

--- Fiks IO, sending: see fiks.fiksio.
---@param given fiks.FiksIOOptions
---@return fiks.FiksIO? fiksio
---@return fiks.Error? err
function Client:fiksio(given)
  open(self, 2)
  local client, rest = acting(self, given)
  if not client then
    return nil, rest
  end
  local fiksio, err = require("fiks.fiksio").new(client, rest, 3)
  if fiksio then
    self._family.services[fiksio] = true
  end
  return fiksio, err -- not a tail call: raises count levels
end

--- Ends the client: calls in flight (of other tasks) end with "cancelled", later use raises.
--- Closing twice is fine. A client that is only dropped frees what it holds as well.
function Client:close()
  if not self._core then
    return
  end
  for _, call in pairs(self._in_flight) do
    call:cancel()
  end
  self._core:close()
  self._core = nil
end

mt.__close = Client.close

return Client
