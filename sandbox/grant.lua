--- The rules a JWT-bearer grant must pass, as Maskinporten (and ID-porten in 2018) document them.
--- Pure: gets the assertion, the issuer, the client register and the time; answers the client and
--- the claims, or what to refuse with. Keeps no state; replay is judged by the caller.
local core = require("fiks.core")
local jwt = require("sandbox.jwt")
local settings = require("sandbox.settings")

local M = {}

local CLOCK_TOLERANCE_S = 10
local MAX_LIFE_S = 120

local algorithms = {
  maskinporten = { RS256 = true, RS384 = true, RS512 = true },
  idporten = { RS256 = true },
}

local known_claims = {
  maskinporten = {
    aud = true, iss = true, scope = true, iat = true, exp = true, jti = true, consumer_org = true,
    resource = true, pid = true, authorization_details = true, iss_onbehalfof = true,
  },
  idporten = {
    aud = true, iss = true, scope = true, iat = true, exp = true, jti = true, iss_onbehalfof = true,
  },
}

local function refuse(description, mp, err, status)
  return nil,
    { error = err or "invalid_grant", description = description, mp = mp, status = status }
end

local function is_array(value)
  return type(value) == "table" and getmetatable(value) == core.array_mt
end

-- The certificates of the x5c header as { der, ... }, or nil and the refusal.
local function read_x5c(x5c)
  if not is_array(x5c) or #x5c == 0 then
    return refuse("Invalid x5c header: not an array of certificates", "MP-123")
  end
  local chain = {}
  for index = 1, #x5c do
    local text = x5c[index]
    local der = type(text) == "string" and #text % 4 == 0 and core.unbase64(text)
    if not der or not core.certificate(der) then
      return refuse("Invalid x5c header: element " .. index - 1 .. " is no certificate", "MP-123")
    end
    chain[index] = der
  end
  return chain
end

-- A client may send its leaf alone, the leaf with the intermediate, or the root as well.
local function complete_chain(chain)
  local config = settings.get()
  local intermediate = core.certificate(config.virksomhet_intermediate).der
  local root = core.certificate(config.virksomhet_root).der
  local complete = {}
  for index = 1, #chain do
    if chain[index] ~= root then
      complete[#complete + 1] = chain[index]
    end
  end
  if #complete == 1 and complete[1] ~= intermediate then
    complete[2] = intermediate
  end
  return complete
end

-- The key that must have signed, when the client authenticates by certificate.
local function key_of_certificate(header, client, now_s)
  local chain, failure = read_x5c(header.x5c)
  if not chain then
    return nil, failure
  end
  local complete = complete_chain(chain)
  if #complete == 0
    or not core.verify_chain(complete, { settings.get().virksomhet_root }, now_s) then
    return refuse("Certificate is not a valid virksomhetssertifikat", "MP-120")
  end
  local leaf = core.certificate(chain[1])
  if leaf.organisasjonsnummer ~= client.organisasjonsnummer then
    return refuse("Organisation number in certificate is not the one of the client", "MP-122")
  end
  return chain[1]
end

local function key_by_kid(kid, client, now_s)
  for _, key in ipairs(client.nokler) do
    if key.kid == kid then
      if key.utloper and key.utloper <= now_s then
        return refuse("The registered key has expired", "MP-121")
      end
      return key.jwk or key.sertifikat
    end
  end
  return refuse("Unknown key identifier (kid) for client")
end

local function signing_key(header, client, issuer, now_s)
  if issuer.name == "idporten" then
    if header.kid ~= nil then
      return refuse("Header kid is not supported, use x5c")
    end
    return key_of_certificate(header, client, now_s)
  end
  if header.kid ~= nil then
    if type(header.kid) ~= "string" or not header.kid:find("^[%w._-]+$") then
      return refuse("Malformed key identifier (kid)", "MP-011", "invalid_request")
    end
    if header.x5c ~= nil and not is_array(header.x5c) then
      return refuse("Invalid x5c header: not an array of certificates", "MP-123")
    end
    return key_by_kid(header.kid, client, now_s)
  end
  if #client.nokler > 0 then
    return refuse("Client authentication requires pre-registered jwk and no key identifier (kid) "
      .. "provided")
  end
  return key_of_certificate(header, client, now_s)
end

local function check_times(claims, now_s)
  local iat, exp = claims.iat, claims.exp
  if type(iat) ~= "number" or type(exp) ~= "number" then
    return refuse("Invalid assertion. iat and exp must be numbers", "MP-011", "invalid_request")
  elseif iat > now_s + CLOCK_TOLERANCE_S then
    return refuse("Issue time is after now")
  elseif exp <= iat or exp - iat > MAX_LIFE_S then
    return refuse("Invalid assertion. exp must be at most 120 seconds after iat")
  elseif exp < now_s - CLOCK_TOLERANCE_S then
    return refuse("Grant has expired", "MP-130")
  elseif iat < now_s - CLOCK_TOLERANCE_S then
    return refuse("Grant was issued too long ago", "MP-130")
  end
  return true
end

local function check_optional(claims)
  if claims.jti ~= nil and (type(claims.jti) ~= "string" or claims.jti == "") then
    return refuse("Invalid assertion. jti must be a string", "MP-011", "invalid_request")
  elseif claims.pid ~= nil and not (type(claims.pid) == "string"
    and claims.pid:find("^%d%d%d%d%d%d%d%d%d%d%d$")) then
    return refuse("Invalid assertion. pid must be 11 digits", "MP-011", "invalid_request")
  elseif claims.resource ~= nil and not (type(claims.resource) == "string"
    or is_array(claims.resource)) then
    return refuse("Invalid assertion. resource must be an array", "MP-011", "invalid_request")
  end
  local details = claims.authorization_details
  if details ~= nil then
    local first = is_array(details) and #details == 1 and details[1]
    if type(first) ~= "table" then
      return refuse("authorization_details must be an array of one object", "MP-303")
    elseif first.type ~= "urn:altinn:systemuser" and first.type ~= "urn:altinn:consent" then
      return refuse("Unknown type in authorization_details", "MP-301")
    end
  end
  return true
end

local function contains(list, value)
  for _, item in ipairs(list or {}) do
    if item == value then
      return true
    end
  end
  return false
end

local function check_scope(claims, client)
  if type(claims.scope) ~= "string" or not claims.scope:find("%S") then
    return refuse("Invalid assertion. scope is missing", "MP-011", "invalid_request")
  end
  for scope in claims.scope:gmatch("%S+") do
    if contains(client.sperredeScopes, scope) then
      return refuse("Consumer has no access to scope " .. scope, "MP-250", "access_denied", 403)
    elseif not contains(client.scopes, scope) then
      return refuse("Invalid scope, the client is not registered with it", "MP-200",
        "invalid_scope")
    end
  end
  return true
end

local function check_delegation(claims, client)
  local customer = claims.consumer_org or claims.iss_onbehalfof
  if customer == nil then
    return true
  elseif claims.consumer_org ~= nil and claims.iss_onbehalfof ~= nil then
    return refuse("Invalid assertion. consumer_org and iss_onbehalfof exclude each other")
  elseif type(customer) ~= "string" or (claims.consumer_org
    and not customer:find("^%d%d%d%d%d%d%d%d%d$")) then
    return refuse("Invalid assertion. consumer_org must be nine digits", "MP-011",
      "invalid_request")
  elseif customer == client.organisasjonsnummer then
    return refuse("Invalid assertion. The combination consumer_org in claim and delegation scope "
      .. "on client is invalid")
  elseif not contains(client.delegeringer, customer) then
    return refuse("Consumer has not delegated access to the scope to this supplier", "MP-251",
      "access_denied", 403)
  end
  return true
end

-- Who claims to be calling: the header and the claims the later rules rest on.
local function read(assertion, issuer)
  local token = jwt.parse(assertion)
  if not token then
    return refuse("Malformed assertion", "MP-011", "invalid_request")
  elseif not algorithms[issuer.name][token.header.alg] then
    return refuse("Invalid assertion. Unsupported signature algorithm")
  end
  if type(token.claims.iss) ~= "string" then
    return refuse("Invalid assertion. iss is missing", "MP-100")
  end
  return token
end

local function check_claims(token, issuer, client, now_s)
  local claims = token.claims
  for name in pairs(claims) do
    if not known_claims[issuer.name][name] then
      return refuse("Invalid assertion")
    end
  end
  if claims.aud ~= issuer.issuer then
    return refuse("Invalid audience", "MP-110")
  end
  for _, rule in ipairs({
    function() return check_times(claims, now_s) end,
    function() return check_optional(claims) end,
    function() return check_scope(claims, client) end,
    function() return check_delegation(claims, client) end,
  }) do
    local ok, failure = rule()
    if not ok then
      return nil, failure
    end
  end
  return true
end

--- Judges a grant. `find_client(id)` answers the registered client or nil; `unused(key, exp)` is
--- true once for every key. Answers client, claims, or nil and what to refuse with
--- ({ error, description, mp, status }).
function M.verify(assertion, issuer, find_client, unused, now_s)
  local token, failure = read(assertion, issuer)
  if not token then
    return nil, failure
  end
  local client = find_client(token.claims.iss)
  if not client then
    return refuse("Invalid client: unknown client_id", "MP-100")
  end
  local key
  key, failure = signing_key(token.header, client, issuer, now_s)
  if not key then
    return nil, failure
  elseif not core.verify(token.header.alg, key, token.signed, token.signature) then
    return refuse("Signature does not verify", "MP-124")
  end
  local ok
  ok, failure = check_claims(token, issuer, client, now_s)
  if not ok then
    return nil, failure
  end
  local id = token.claims.jti or core.sha256(assertion)
  if not unused(client.klientId .. "\n" .. id, token.claims.exp) then
    return refuse("Grant has been used before", "MP-012")
  end
  return client, token.claims, token.header
end

return M
