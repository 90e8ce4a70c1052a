--- Compact JWS: taking it apart and making it. The RSA work is the C module's.
local core = require("fiks.core")

local M = {}

local function decode_object(part)
  local text = core.unbase64url(part)
  if not text then
    return nil
  end
  local value = core.json_decode(text)
  if type(value) ~= "table" or getmetatable(value) == core.array_mt then
    return nil
  end
  return value
end

--- Takes a token apart without judging it: { header, claims, signed, signature }, or nil.
function M.parse(text)
  local head, body, signature = text:match("^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$")
  if not head then
    return nil
  end
  local parsed = {
    header = decode_object(head),
    claims = decode_object(body),
    signed = head .. "." .. body,
    signature = core.unbase64url(signature),
  }
  if not (parsed.header and parsed.claims and parsed.signature) then
    return nil
  end
  return parsed
end

--- A token over `claims`, signed with RS256 by an issuer.
function M.sign(issuer, claims)
  local header = core.json_encode({ kid = issuer.jwk.kid, alg = "RS256" })
  local signed = core.base64url(header) .. "." .. core.base64url(assert(core.json_encode(claims)))
  return signed .. "." .. core.base64url(assert(issuer.key:sign("RS256", signed)))
end

return M
