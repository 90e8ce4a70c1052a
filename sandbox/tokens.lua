--- The two token issuers: Maskinporten as of today, and ID-porten's provider of 2018.
local core = require("fiks.core")
local grant = require("sandbox.grant")
local jwt = require("sandbox.jwt")
local klienter = require("sandbox.klienter")
local problem = require("sandbox.problem")
local settings = require("sandbox.settings")
local store = require("sandbox.store")

local M = {}

local GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
-- A grant is dead after 120 s and the clock tolerance; remembering it longer serves nothing.
local REPLAY_MEMORY_S = 300

local function unused(key, now_s)
  store.run("DELETE FROM brukt_jti WHERE utloper < ?", now_s)
  local hash = core.sha256(key)
  if store.row("SELECT 1 AS ja FROM brukt_jti WHERE nokkel = ?", hash) then
    return false
  end
  store.run("INSERT INTO brukt_jti VALUES (?, ?)", hash, now_s + REPLAY_MEMORY_S)
  return true
end

local function jti()
  return core.base64url(core.random(32))
end

local function organisation_id(number)
  return { authority = "iso6523-actorid-upis", ID = "0192:" .. number }
end

local function maskinporten_claims(client, claims, header)
  local token = {
    client_amr = header.kid and "private_key_jwt" or "virksomhetssertifikat",
    consumer = organisation_id(claims.consumer_org or client.organisasjonsnummer),
    pid = claims.pid,
    authorization_details = claims.authorization_details,
    aud = claims.resource,
  }
  if claims.consumer_org then
    token.supplier = organisation_id(client.organisasjonsnummer)
    token.delegation_source = "https://tt02.altinn.no/"
  end
  return token
end

local function idporten_claims(client, claims)
  return {
    aud = client.klientId,
    client_orgno = client.organisasjonsnummer,
    client_onbehalfof = claims.iss_onbehalfof,
    client_onbehalfof_orgno = claims.iss_onbehalfof,
  }
end

local function answer(issuer, client, claims, header, now_s)
  local make = issuer.name == "maskinporten" and maskinporten_claims or idporten_claims
  local token = make(client, claims, header)
  local lifetime = client.tokenLevetid
  token.iss = issuer.issuer
  token.client_id = client.klientId
  token.scope = claims.scope
  token.token_type = "Bearer"
  token.iat = now_s
  token.exp = now_s + lifetime
  token.jti = jti()
  return {
    status = 200,
    json = {
      access_token = jwt.sign(issuer, token),
      token_type = "Bearer",
      expires_in = math.max(lifetime - 1, 0),
      scope = claims.scope,
    },
    content_type = "application/json",
    headers = { ["Cache-Control"] = "no-store" },
  }
end

-- The form of the request as { grant_type, assertion }, or nil and what to refuse with.
local function read_form(request)
  local content_type = request:header("Content-Type") or ""
  if content_type:lower():match("^[^;]*"):gsub("%s", "") ~= "application/x-www-form-urlencoded" then
    return nil, { error = "invalid_request", description = "Content-Type must be "
      .. "application/x-www-form-urlencoded", status = 415 }
  end
  local form = request:form()
  local grant_type, assertion = form.grant_type, form.assertion
  if type(grant_type) == "table" or type(assertion) == "table" then
    return nil,
      { error = "invalid_request", description = "A parameter is repeated", mp = "MP-011" }
  elseif grant_type == nil then
    return nil, { error = "invalid_request", description = "grant_type is missing", mp = "MP-011" }
  elseif grant_type ~= GRANT_TYPE then
    return nil, { error = "unsupported_grant_type", description = "Unsupported grant type" }
  elseif type(assertion) ~= "string" or assertion == "" then
    return nil, { error = "invalid_request", description = "assertion is missing", mp = "MP-011" }
  end
  return assertion
end

local function token_endpoint(name)
  return function(request)
    local issuer = settings.get().issuers[name]
    local assertion, failure = read_form(request)
    if not assertion then
      return problem.oauth(issuer, failure)
    end
    local now_s = math.floor(core.now() / 1000)
    local function find_client(id)
      return klienter.find(name, id)
    end
    local function take(key)
      return unused(key, now_s)
    end
    local client, claims, header = grant.verify(assertion, issuer, find_client, take, now_s)
    if not client then
      return problem.oauth(issuer, claims)
    end
    return answer(issuer, client, claims, header, now_s)
  end
end

local function jwk(name)
  return function()
    local key = settings.get().issuers[name].jwk
    local public =
      { kty = key.kty, n = key.n, e = key.e, kid = key.kid, use = "sig", alg = "RS256" }
    return { status = 200, json = { keys = core.array({ public }) },
      content_type = "application/json" }
  end
end

local function metadata(name)
  return function()
    local issuer = settings.get().issuers[name]
    local today = name == "maskinporten"
    return {
      status = 200,
      content_type = "application/json",
      json = {
        issuer = issuer.issuer,
        token_endpoint = issuer.token_endpoint,
        jwks_uri = issuer.jwks_uri,
        token_endpoint_auth_methods_supported = core.array({ "private_key_jwt" }),
        grant_types_supported = core.array({ GRANT_TYPE }),
        token_endpoint_auth_signing_alg_values_supported =
          core.array(today and { "RS256", "RS384", "RS512" } or { "RS256" }),
        authorization_details_types_supported =
          today and core.array({ "urn:altinn:systemuser", "urn:altinn:consent" }) or nil,
      },
    }
  end
end

--- Adds the endpoints of both issuers.
function M.routes(route)
  route("POST", "/maskinporten/token", token_endpoint("maskinporten"))
  route("GET", "/maskinporten/jwk", jwk("maskinporten"))
  route("GET", "/maskinporten/.well-known/oauth-authorization-server", metadata("maskinporten"))
  route("POST", "/idporten-oidc-provider/token", token_endpoint("idporten"))
  route("GET", "/idporten-oidc-provider/jwk", jwk("idporten"))
  route("GET", "/idporten-oidc-provider/.well-known/openid-configuration", metadata("idporten"))
end

return M
