--- client:check: the platform's checklist, run for real, one verdict per line.
--
-- The calls it makes change nothing and store nothing: a token is fetched, when none is cached, and
-- the Fiks IO catalogue is asked about an account; fiks.checklist.privilege says what shows a
-- privilege.

local core = require "fiks.core"
local formats = require "fiks.schema.formats"
local options = require "fiks.options"
local privilege = require "fiks.checklist.privilege"

local M = {}

local NAMES = { "tjeneste", "fiks_organisasjon", "konto" }
local WARN_DAYS = 30
local WARN_SKEW_MS = 5000
local KONTO = "/fiks-io/katalog/api/v1/kontoer/{konto}"

---@class fiks.CheckOptions
---@field tjeneste "innsyn"|"meldingsboks"|"fiks-io"|nil the service whose privilege is looked at
---@field fiks_organisasjon string? innsyn, meldingsboks: UUID of the fiks-organisasjon
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

local function add(report, name, ok, message, who)
  local verdict = { name = name, ok = ok, message = message, who = who }
  report[#report + 1] = verdict
  if ok == false then
    report.ok = false
  end
  return verdict
end

-- ---- who must act -------------------------------------------------------------------------------

local OPERATOR = "whoever runs this program: "
local BY_CODE = {
  ["MP-100"] = OPERATOR .. "check maskinporten.client_id, and that it is of this environment",
  ["MP-110"] = OPERATOR .. "check the issuer (test or prod, slash at its end)",
  ["MP-120"] = OPERATOR .. "use a virksomhetssertifikat of this environment",
  ["MP-121"] = OPERATOR .. "register the key anew at Digdir; it lives for a year",
  ["MP-122"] = OPERATOR .. "the certificate is of another organisation than the client",
  ["MP-124"] = OPERATOR .. "check that certificate, key and environment belong together",
  ["MP-130"] = OPERATOR .. "set the clock (NTP)",
  ["MP-200"] = OPERATOR .. "add the scope to the client, at Digdir's Samarbeidsportal",
  ["MP-201"] = OPERATOR .. "the client's kind of integration cannot have this scope; ask Digdir",
  ["MP-250"] = "KS: grant your organisation the scope; ask the support of KS Fiks",
  proxy_auth = OPERATOR .. "ask who runs the proxy for user name and password",
  proxy_denied = "who runs the proxy: allow connections to the address",
  client_certificate = OPERATOR .. "ask who runs the server which client certificate it wants",
  ["MP-251"] = "the organisation you act for: delegate the scope to yours, in Altinn",
}
local BY_KIND = {
  config = OPERATOR .. "correct the setting",
  credentials = OPERATOR .. "correct the certificate, the key or their password",
  clock = OPERATOR .. "set the clock (NTP)",
  network = OPERATOR .. "let this machine reach the address: name, firewall, proxy",
  tls = OPERATOR .. "set ca_file when the address has a certificate of a private CA",
  timeout = OPERATOR .. "try again; then look at firewall and proxy",
  server = "nobody here: try again later; see the platform's status page",
  rate_limited = "nobody here: try again later",
  denied = OPERATOR .. "ask Digdir, with the trace id",
  auth = "the person: log in again",
}

local function who_for(err)
  return BY_CODE[err.mp_code or ""] or BY_CODE[err.code or ""] or BY_KIND[err.kind]
    or OPERATOR .. "see docs/errors.md"
end

local function failed(report, name, err)
  add(report, name, false, tostring(err), who_for(err)).err = err
end

-- ---- the steps ----------------------------------------------------------------------------------

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
      or ""), not person and OPERATOR .. "give certificate and maskinporten" or nil)
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
    return add(report, "certificate", false, text .. ": not valid today",
      OPERATOR .. "get a valid one (Buypass, Commfides), or set the clock")
  end
  local verdict = add(report, "certificate", true, text)
  local days = math.floor((certificate.not_after - now) / 86400)
  if days < WARN_DAYS then
    verdict.warning = true
    verdict.message = ("%s: %d days left"):format(text, days)
    verdict.who = OPERATOR .. "order the next one now"
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
    add(report, "scope", false, ("the token has \"%s\", not \"%s\""):format(
      tostring(claims.scope or ""), wanted), BY_CODE["MP-200"])
  end
  local consumer = party(claims.consumer) or claims.client_orgno
  local supplier = party(claims.supplier)
  local expected = settings.consumer_org or report.organisation
  if not consumer then
    add(report, "organisation", nil, "the token names none")
  elseif expected and expected ~= consumer and not client._person then
    add(report, "organisation", false, ("the token is for %s, not for %s"):format(
      tostring(consumer), expected), OPERATOR .. "check certificate and maskinporten.consumer_org")
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
      math.abs(ahead) / 1000, ahead > 0 and "ahead of" or "behind"), BY_KIND.clock)
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

-- One answer tells of the integrasjon: whatever is not a 401 was given to an authenticated caller.
local function check_integrasjon(report, client, konto)
  local id = client._settings.integrasjon_id
  if not id then
    add(report, "integrasjon", false, "none is set",
      OPERATOR .. "give integrasjon.id and integrasjon.password")
    return nil
  end
  local answer, err = client:request { method = "GET", path = KONTO, params = { konto = konto } }
  local status = answer and answer.status or err.status
  if err and status == 401 and err.message:find("validere access_token", 1, true) then
    add(report, "integrasjon", false, tostring(err), OPERATOR
      .. "the platform refuses the token: is it of the same environment?").err = err
    return nil
  elseif err and status == 401 then
    add(report, "integrasjon", false, ("%s is not accepted: %s"):format(id, tostring(err)),
      ("who administers the integrasjon, in fiks-konfigurasjon: is the password the present one, "
      .. "the id of this environment, and the authorised organisation %s?"):format(
      tostring(report.consumer or "the token's"))).err = err
    return nil
  elseif err and (not status or status >= 500 or status == 429) then
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
      OPERATOR .. "check the id of the account, and its environment").err = konto_err
    return
  end
  local what, err = privilege.probe(client, given)
  if not err then
    add(report, "privilege", true, what)
  elseif err.kind == "denied" then
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
