--- Who is calling? The three-part check the platform makes of every call: token, integrasjon,
--- privilege; and HTTP Basic for the SvarInn receivers.
local core = require("fiks.core")
local integrasjoner = require("sandbox.integrasjoner")
local jwt = require("sandbox.jwt")
local problem = require("sandbox.problem")
local settings = require("sandbox.settings")

local M = {}

local UUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

local password_headers = { maskinporten = "IntegrasjonPassord", idporten = "ServicePassword" }

--- Is this a UUID in its canonical lower-case form?
function M.is_uuid(text)
  return type(text) == "string" and text:find(UUID) ~= nil and text == text:lower()
end

local function log(...)
  if ngx then
    ngx.log(ngx.WARN, "sandbox: ", ...)
  end
end

local function has_word(text, word)
  for item in tostring(text or ""):gmatch("%S+") do
    if item == word then
      return true
    end
  end
  return false
end

local function issuer_of(claims)
  for _, issuer in pairs(settings.get().issuers) do
    if claims.iss == issuer.issuer then
      return issuer
    end
  end
  return nil
end

-- The issuer and claims of a good access token, or nil and why not.
local function check_token(request, now_s)
  local value, reason = request:header("Authorization")
  if not value then
    return nil, reason == "repeated" and "flere Authorization-headere" or "Authorization mangler"
  end
  local text = value:match("^[Bb][Ee][Aa][Rr][Ee][Rr] +(%S+)$")
  if not text then
    return nil, "ikke et Bearer-token"
  end
  local token = jwt.parse(text)
  if not token then
    return nil, "ikke et JWT"
  end
  local issuer = issuer_of(token.claims)
  if not issuer then
    return nil, "ukjent utsteder"
  elseif token.header.alg ~= "RS256" or token.header.kid ~= issuer.jwk.kid
    or not core.verify("RS256", issuer.jwk, token.signed, token.signature) then
    return nil, "signaturen stemmer ikke"
  elseif type(token.claims.exp) ~= "number" or token.claims.exp <= now_s then
    return nil, "utløpt"
  elseif not has_word(token.claims.scope, issuer.scope) then
    return nil, "mangler scope " .. issuer.scope
  end
  return issuer, token.claims
end

-- The organisation number the token speaks for.
local function consumer_of(issuer, claims)
  if issuer.name == "idporten" then
    return claims.client_orgno
  end
  local consumer = claims.consumer
  return type(consumer) == "table" and tostring(consumer.ID):match("^0192:(%d+)") or nil
end

-- The integrasjon of the call, or nil, the id given, and the reason (for the log only).
local function check_integrasjon(request, issuer, claims)
  local id, id_problem = request:header("IntegrasjonId")
  local name = password_headers[issuer.name]
  local password, password_problem = request:header(name)
  if not id then
    return nil, "(mangler)", "IntegrasjonId " .. id_problem
  elseif not M.is_uuid(id) then
    return nil, id:gsub("[^%w%-]", "?"):sub(1, 64), "IntegrasjonId is not a UUID"
  elseif not password then
    return nil, id, name .. " " .. password_problem
  end
  local integrasjon = integrasjoner.find(id)
  if not integrasjon then
    return nil, id, "no such integrasjon"
  elseif integrasjon.status ~= "AKTIV" then
    return nil, id, "integrasjon is revoked"
  elseif not integrasjoner.password_matches(integrasjon, password) then
    return nil, id, "wrong password"
  elseif consumer_of(issuer, claims) ~= integrasjon.autorisertOrganisasjon then
    return nil, id, "organisation in the token is not the authorised organisation"
  end
  return integrasjon
end

--- The integrasjon that makes this call, or nil and the answer to refuse with.
function M.integrasjon(request)
  local now_s = core.now() / 1000
  local issuer, claims = check_token(request, now_s)
  if not issuer then
    log("token refused: ", claims)
    return nil, problem.fiks(request, 401, "Klarte ikke å validere access_token: " .. claims)
  end
  local integrasjon, id, reason = check_integrasjon(request, issuer, claims)
  if not integrasjon then
    log("integrasjon refused: ", reason)
    return nil, problem.fiks(request, 401, "Autentisering feilet for integrasjon med id " .. id)
  end
  return integrasjon
end

--- Has the integrasjon this privilege? Otherwise nil and the 403.
function M.privilege(request, integrasjon, service, resource)
  if integrasjoner.has_privilege(integrasjon, service, resource) then
    return true
  end
  return nil, problem.fiks(request, 403, string.format(
    "Integrasjon %s har ikke privilegiet %s på ressurs %s", integrasjon.integrasjonId, service,
    resource))
end

local function unauthorized(request, message)
  local answer = problem.fiks(request, 401, message)
  answer.headers = { ["WWW-Authenticate"] = 'Basic realm="SvarInn"' }
  return nil, answer
end

--- The mottakersystem that makes this call (HTTP Basic), or nil and the 401.
function M.mottakersystem(request, find)
  local value = request:header("Authorization")
  local encoded = value and value:match("^[Bb][Aa][Ss][Ii][Cc] +(%S+)$")
  local pair = encoded and core.unbase64(encoded)
  local username, password = (pair or ""):match("^([^:]*):(.*)$")
  if not username then
    return unauthorized(request, "Brukernavn og passord mangler")
  end
  local system = find(username)
  if not system or not integrasjoner.hash_matches(system.salt, system.passord_hash, password) then
    log("mottakersystem refused: wrong user name or password")
    return unauthorized(request, "Feil brukernavn eller passord")
  end
  return system
end

return M
