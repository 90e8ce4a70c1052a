--- client:check: the platform's checklist, run for real, one verdict per line.
--
-- The calls it makes change nothing and store nothing: a token is fetched, when none is cached, and
-- the Fiks IO catalogue is asked about an account; fiks.checklist.privilege says what shows a
-- privilege.

local core = require "fiks.core"
local Error = require "fiks.error"
local formats = require "fiks.schema.formats"
local options = require "fiks.options"
local privilege = require "fiks.checklist.privilege"
local who = require "fiks.checklist.who"

local M = {}

local NAMES = { "tjeneste", "fiks_organisasjon", "konto" }
local WARN_DAYS = 30
local WARN_SKEW_MS = 5000
local KONTO = "/fiks-io/katalog/api/v1/kontoer/{konto}"

---@class fiks.CheckOptions
---@field tjeneste "innsyn"|"meldingsboks"|"fiks-io"|nil the service whose privilege is looked at
---@field fiks_organisasjon string? innsyn, meldingsboks: its UUID; default: the client's
---@field konto string? fiks-io: UUID of an account of yours

---@class fiks.CheckVerdict
---@field name string certificate, token, scope, organisation, integrasjon, privilege ...
---@field ok boolean? nil: open, it could not be tried
---@field message string
---@field who string? who must do what; nil when nobody has to
---@field warning boolean? fine today
---@field err fiks.Error? the error behind it

---@class fiks.CheckReport list of verdicts; tostring prints it
---@field ok boolean nothing failed
local Report = { __name = "fiks.CheckReport" }

---@return string
function Report:__tostring()
  local lines = {}
  for _, verdict in ipairs(self) do
    local mark = verdict.ok and (verdict.warning and "soon" or "ok")
      or verdict.ok == nil and "?" or "FAIL"
    lines[#lines + 1] = ("%-5s %-13s %s"):format(mark, verdict.name, verdict.message)
    if verdict.who then
      lines[#lines + 1] = (" "):rep(20) .. "-> " .. verdict.who
    end
  end
  return table.concat(lines, "\n")
end

local function add(report, name, ok, message, hint)
  local verdict = { name = name, ok = ok, message = message, who = hint }
  report[#report + 1] = verdict
  if ok == false then
    report.ok = false
  end
  return verdict
end

-- ---- the steps ----------------------------------------------------------------------------------

local function failed(report, name, err)
  add(report, name, false, tostring(err), who.must_act(err)).err = err
end

-- A proxy, a login page ...: that says nothing about the integrasjon.
local function stranger(report, name, err)
  add(report, name, false, "something else than Fiks answered: " .. tostring(err),
    who.BETWEEN).err = err
end

local function day(seconds)
  return os.date("!%Y-%m-%d", math.floor(seconds))
end

local function holder(certificate)
  local subject = certificate.subject or ""
  return subject:match("CN%s*=%s*([^,/]+)") or subject:match("O%s*=%s*([^,/]+)") or subject
end

local function check_certificate(report, client)
  local key = client._settings.key
  if not key then
    local person = client._person ~= nil
    return add(report, "certificate", nil, "none" .. (person and ": the token is the person's"
      or ""), not person and who.OPERATOR .. "give certificate and maskinporten" or nil)
  end
  local der = key:certificates()[1]
  local certificate, err
  if der then
    certificate, err = core.certificate(der)
  end
  if err then
    return failed(report, "certificate", err)
  elseif not certificate then
    return add(report, "certificate", true, "a key without one, registered as kid "
      .. (client._settings.kid or key:thumbprint()))
  end
  local now = core.now() / 1000
  local text = ("%s, organisation %s, valid %s to %s"):format(holder(certificate),
    certificate.organisasjonsnummer or "unknown", day(certificate.not_before),
    day(certificate.not_after))
  report.organisation = certificate.organisasjonsnummer
  if now > certificate.not_after or now < certificate.not_before then
    -- By kid it is not sent, and the client was told to go on otherwise: then calls work.
    local used = client._settings.kid or client._settings.allow_expired_certificate
    local verdict = add(report, "certificate", used ~= nil and used ~= false,
      text .. ": not valid today",
      who.OPERATOR .. "get a valid one (Buypass, Commfides), or set the clock")
    verdict.warning = verdict.ok or nil
    return
  end
  local verdict = add(report, "certificate", true, text)
  local days = math.floor((certificate.not_after - now) / 86400)
  if days < WARN_DAYS then
    verdict.warning = true
    verdict.message = ("%s: %d days left"):format(text, days)
    verdict.who = who.OPERATOR .. "order the next one now"
  end
end

--- The claims of an access token, unverified; nil when it is not a readable JWT.
---@param token string
---@return table?
function M.claims(token)
  local payload = token:match("^[%w_%-]+%.([%w_%-]+)%.[%w_%-]+$")
  local text = payload and core.unbase64url(payload)
  local claims = text and core.json_decode(text)
  return type(claims) == "table" and claims or nil
end

local function has_word(text, word)
  return (" " .. tostring(text) .. " "):find(" " .. word .. " ", 1, true) ~= nil
end

local function party(claim)
  local id = type(claim) == "table" and claim.ID
  return type(id) == "string" and (id:match("^0192:(%d+)") or id) or nil
end

local function check_claims(report, client, claims)
  local settings = client._settings
  local wanted = settings.scope or (settings.contract == "2018" and "ks" or "ks:fiks")
  local all = true
  for scope in wanted:gmatch("%S+") do
    all = all and has_word(claims.scope, scope)
  end
  if all then
    add(report, "scope", true, tostring(claims.scope))
  else
    local accepted = settings.accept_fewer_scopes == true
    add(report, "scope", accepted, ("the token has \"%s\", not \"%s\""):format(
      tostring(claims.scope or ""), wanted), who.ADD_SCOPE).warning = accepted or nil
  end
  local consumer = party(claims.consumer) or claims.client_orgno
  local supplier = party(claims.supplier)
  local expected = settings.consumer_org or report.organisation
  if not consumer then
    add(report, "organisation", nil, "the token names none")
  elseif expected and expected ~= consumer and not client._person then
    add(report, "organisation", false, ("the token is for %s, not for %s"):format(
      tostring(consumer), expected), who.OPERATOR
      .. "check certificate and maskinporten.consumer_org")
  else
    add(report, "organisation", true, tostring(consumer)
      .. (supplier and ", by the supplier " .. supplier or "")
      .. ": it must be the integrasjon's authorised organisation")
  end
  report.consumer = consumer
end

-- A grant tolerates about ten seconds.
local function check_clock(report, client)
  local ahead = client:clock_skew()
  if ahead and math.abs(ahead) > WARN_SKEW_MS then
    local verdict = add(report, "clock", true, ("%.0f seconds %s Maskinporten's"):format(
      math.abs(ahead) / 1000, ahead > 0 and "ahead of" or "behind"), who.SET_CLOCK)
    verdict.warning = true
  end
end

-- What the core noticed when the client was made; the certificate's end has its own line.
local function add_warnings(report, client)
  for _, warning in ipairs(client:warnings()) do
    if not warning:find("expires in", 1, true) then
      local verdict = add(report, "settings", true, warning)
      verdict.warning = true
    end
  end
end

local function add_proxy(report, client)
  local proxy, from = client._core:proxy()
  if proxy then
    add(report, "proxy", true, ("%s, from %s"):format(proxy, from))
  end
end

-- Whether calls can be made at all.
local function check_token(report, client)
  local token, err = client:token()
  if not token then
    failed(report, "token", err)
    return false
  end
  local claims = M.claims(token.access_token)
  if not claims then
    add(report, "token", false, "not a JWT (opaque): the platform cannot read it",
      "whoever registered the client at Digdir: choose self-contained tokens")
    return false
  end
  add(report, "token", true, ("from %s, until %s UTC"):format(tostring(claims.iss),
    token.expires_at and os.date("!%H:%M:%S", math.floor(token.expires_at)) or "it says not when"))
  check_clock(report, client)
  check_claims(report, client, claims)
  return true
end

-- A good answer is JSON, as all of the catalogue's are.
local function check_json(answer)
  if answer and type(answer.json) ~= "table" then
    return nil, Error.new { kind = "protocol", code = "json", status = answer.status,
      message = "the answer is not JSON, but " .. (answer.content_type or "of no type") }
  end
  return answer
end

-- One answer tells of the integrasjon: what Fiks answers but 401 it answers to who is
-- authenticated.
local function check_integrasjon(report, client, konto)
  local id = client._settings.integrasjon_id
  if not id then
    add(report, "integrasjon", false, "none is set",
      who.OPERATOR .. "give integrasjon.id and integrasjon.password")
    return nil
  end
  local answer, err = client:request { method = "GET", path = KONTO, params = { konto = konto } }
  if answer then
    answer, err = check_json(answer)
  end
  if err and who.is_stranger(err) then
    stranger(report, "integrasjon", err)
    return nil
  elseif err and err.status == 401 and err.message:find("validere access_token", 1, true) then
    add(report, "integrasjon", false, tostring(err), who.OPERATOR
      .. "the platform refuses the token: is it of the same environment?").err = err
    return nil
  elseif err and err.status == 401 then
    add(report, "integrasjon", false, ("%s is not accepted: %s"):format(id, tostring(err)),
      ("who administers the integrasjon, in fiks-konfigurasjon: is the password the present one, "
      .. "the id of this environment, and the authorised organisation %s?"):format(
      tostring(report.consumer or "the token's"))).err = err
    return nil
  elseif err and (not err.platform or err.status >= 500 or err.status == 429) then
    failed(report, "integrasjon", err)
    return nil
  end
  add(report, "integrasjon", true, id .. ": id, password and organisation are accepted")
  return answer, err
end

-- ---- the whole ----------------------------------------------------------------------------------

-- `konto_err`: what the catalogue said of the account.
local function check_privilege(report, client, given, konto_err)
  if given.konto and konto_err then
    add(report, "privilege", false, tostring(konto_err),
      who.OPERATOR .. "check the id of the account, and its environment").err = konto_err
    return
  end
  local what, err = privilege.probe(client, given)
  if not err then
    add(report, "privilege", true, what)
  elseif who.is_stranger(err) then
    stranger(report, "privilege", err)
  elseif err.kind == "denied" and err.platform then
    add(report, "privilege", false, tostring(err), ("an administrator of the municipality, in "
      .. "fiks-konfigurasjon: grant the integrasjon the privilege for %s"):format(what)).err = err
  else
    failed(report, "privilege", err)
  end
end

local function misuse(level, message, ...)
  error("client:check: " .. message:format(...), level)
end

local function check_given(given, level)
  local known = given.tjeneste == nil or privilege.needs[given.tjeneste] ~= nil
  if not known then
    misuse(level + 1, "unknown tjeneste '%s', did you mean '%s'?", tostring(given.tjeneste),
      options.nearest(tostring(given.tjeneste), privilege.tjenester))
  end
  for _, name in ipairs { "fiks_organisasjon", "konto" } do
    local value = given[name]
    if value ~= nil and (type(value) ~= "string" or not formats.uuid(value)) then
      misuse(level + 1, "%s must be a UUID", name)
    end
  end
  local needed = given.tjeneste and privilege.needs[given.tjeneste]
  if needed and not given[needed] then
    misuse(level + 1, "%s needs %s: privileges are per %s", given.tjeneste, needed,
      needed == "konto" and "account" or "fiks-organisasjon")
  end
end

--- For client:check.
---@param client fiks.Client
---@param given fiks.CheckOptions?
---@param level integer as for `error`, seen from the calling function
---@return fiks.CheckReport
function M.run(client, given, level)
  given = options.check(given, NAMES, "client:check", level)
  given = { tjeneste = given.tjeneste, konto = given.konto,
    fiks_organisasjon = given.fiks_organisasjon or client.fiks_organisasjon }
  check_given(given, level + 1)
  local report = setmetatable({ ok = true }, Report)
  check_certificate(report, client)
  add_warnings(report, client)
  add_proxy(report, client)
  if not check_token(report, client) then
    add(report, "integrasjon", nil, "not tried: there is no token")
    return report
  end
  local answer, err = check_integrasjon(report, client, given.konto or core.uuid())
  if not given.tjeneste then
    return report
  elseif not answer and not err then
    add(report, "privilege", nil, "not tried: the integrasjon is not accepted")
  else
    check_privilege(report, client, given, err)
  end
  return report
end

return M
