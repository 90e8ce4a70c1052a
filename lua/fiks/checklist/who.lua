--- Who must do what when a line of the checklist fails.

local M = {}

local OPERATOR = "whoever runs this program: "
M.OPERATOR = OPERATOR

local BY_CODE = {
  ["MP-011"] = OPERATOR .. "look for line breaks and typing errors in the settings",
  ["MP-012"] = OPERATOR .. "try again; if it stays, something between here and Maskinporten sends "
    .. "requests twice",
  ["MP-100"] = OPERATOR .. "check maskinporten.client_id, and that it is of this environment",
  ["MP-110"] = OPERATOR .. "check the issuer (test or prod, slash at its end)",
  ["MP-120"] = OPERATOR .. "use a virksomhetssertifikat of this environment",
  ["MP-121"] = OPERATOR .. "register the key anew at Digdir; it lives for a year",
  ["MP-122"] = OPERATOR .. "use the certificate of the organisation that owns the client, or the "
    .. "client of the certificate's organisation",
  ["MP-123"] = "the makers of lua-fiks: report it, with the trace id; meanwhile register the key "
    .. "at Digdir and set certificate.kid",
  ["MP-124"] = OPERATOR .. "check that certificate, key and environment belong together",
  ["MP-130"] = OPERATOR .. "set the clock (NTP)",
  ["MP-200"] = OPERATOR .. "add the scope to the client, at Digdir's Samarbeidsportal",
  ["MP-201"] = OPERATOR .. "the client's kind of integration cannot have this scope; ask Digdir",
  ["MP-250"] = "KS: grant your organisation the scope; ask the support of KS Fiks",
  ["MP-251"] = "the organisation you act for: delegate the scope to yours, in Altinn",
  ["MP-301"] = OPERATOR .. "correct the type in maskinporten.authorization_details",
  ["MP-302"] = OPERATOR .. "remove what Maskinporten does not know from "
    .. "maskinporten.authorization_details",
  ["MP-303"] = OPERATOR .. "correct the value in maskinporten.authorization_details",
  proxy_auth = OPERATOR .. "ask who runs the proxy for user name and password",
  proxy_denied = "who runs the proxy: allow connections to the address",
  client_certificate = OPERATOR .. "ask who runs the server which client certificate it wants",
  scope = OPERATOR .. "add the scope to the client, at Digdir's Samarbeidsportal",
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

M.SET_CLOCK = BY_KIND.clock
M.ADD_SCOPE = BY_CODE.scope
M.BETWEEN = OPERATOR .. "is the address the platform's, and does a proxy, a firewall or a login "
  .. "page stand in between?"

--- Who must act on an error.
---@param err fiks.Error
---@return string
function M.must_act(err)
  return BY_CODE[err.mp_code or ""] or BY_CODE[err.code or ""] or BY_KIND[err.kind]
    or OPERATOR .. "see docs/errors.md"
end

--- Whether it was not Fiks that answered a call: a page, or a refusal that is not in its own form.
---@param err fiks.Error
---@return boolean
function M.is_stranger(err)
  local status = err.status
  return status ~= nil and status < 500 and status ~= 429 and not err.platform
    and err.operation ~= "token"
end

return M
