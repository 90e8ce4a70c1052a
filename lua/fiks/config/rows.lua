--- Every option of `fiks.new`: its name, the environment variable that may give it, its default,
--- and what the core calls it. fiks.config is driven by this table, and docs/configuration.md is
--- checked against it.
--
-- Fields of a row: [1] the option; `variable` one name or several; `default`; `core` its name in
-- core.client; `is` "text" (when absent), "secret" (text, or { file = "path" }; a variable NAME may
-- be given as NAME_FILE too), "path" (text; relative to the settings file when it stands there),
-- "flag" (true or false), "number", "value" (checked elsewhere).

local M = {}

M.rows = {
  { "file", variable = "FIKS_CONFIG" },
  { "environment_variables", is = "flag", default = "false" },
  { "environment", variable = "FIKS_ENVIRONMENT", is = "value" },
  { "environment.api", variable = "FIKS_API_URL", core = "api_url" },
  { "environment.svarut", variable = "FIKS_SVARUT_URL", core = "svarut_url" },
  { "environment.issuer", variable = "FIKS_ISSUER", core = "issuer" },
  { "environment.token_endpoint", variable = "FIKS_TOKEN_ENDPOINT", core = "token_endpoint" },
  { "environment.ca_file", core = "ca_file", is = "path" },
  { "contract", variable = "FIKS_CONTRACT", default = "current", is = "value" },
  { "certificate", is = "value" },
  { "certificate.pkcs12", variable = "FIKS_PKCS12", is = "path" },
  { "certificate.pem", variable = "FIKS_CERTIFICATE", is = "path" },
  { "certificate.key", variable = "FIKS_KEY", is = "path" },
  { "certificate.data", is = "value" },
  { "certificate.jwk", is = "value" },
  { "certificate.password", variable = { "FIKS_PKCS12_PASSWORD", "FIKS_KEY_PASSWORD" },
    is = "secret" },
  { "certificate.alias", variable = "FIKS_ALIAS" },
  { "certificate.kid", variable = "FIKS_KID", core = "kid" },
  { "certificate.name" },
  { "certificate.allow_expired", variable = "FIKS_ALLOW_EXPIRED", is = "flag", default = "false",
    core = "allow_expired_certificate" },
  { "certificate.allow_weak", variable = "FIKS_ALLOW_WEAK_KEY", is = "flag", default = "false" },
  { "maskinporten", is = "value" },
  { "maskinporten.client_id", variable = "FIKS_CLIENT_ID", core = "client_id" },
  { "maskinporten.scope", variable = "FIKS_SCOPE", core = "scope" },
  { "maskinporten.consumer_org", variable = "FIKS_CONSUMER_ORG", core = "consumer_org" },
  { "maskinporten.kid", core = "kid" },
  { "maskinporten.alg", variable = "FIKS_ALG", core = "alg", default = "RS256" },
  { "maskinporten.x5c", variable = "FIKS_X5C", core = "x5c", default = "chain" },
  { "maskinporten.resource", variable = "FIKS_RESOURCE", core = "resource" },
  { "maskinporten.pid", core = "pid" },
  { "maskinporten.authorization_details", is = "value", core = "authorization_details" },
  { "maskinporten.accept_fewer_scopes", variable = "FIKS_ACCEPT_FEWER_SCOPES", is = "flag",
    core = "accept_fewer_scopes", default = "false" },
  { "maskinporten.clock_correction", variable = "FIKS_CLOCK_CORRECTION", is = "flag",
    core = "clock_correction", default = "false" },
  { "integrasjon", is = "value" },
  { "integrasjon.id", variable = "FIKS_INTEGRASJON_ID", core = "integrasjon_id" },
  { "integrasjon.password", variable = "FIKS_INTEGRASJON_PASSORD", is = "secret",
    core = "integrasjon_passord" },
  { "fiks_organisasjon", variable = "FIKS_ORGANISASJON", is = "value" },
  { "ca_file", variable = "FIKS_CA_FILE", is = "path", core = "ca_file" },
  { "ca_dir", variable = "FIKS_CA_DIR", is = "path" },
  { "ca_pem", is = "value" },
  { "client_certificate", is = "value" },
  { "client_certificate.pkcs12", variable = "FIKS_TLS_PKCS12", is = "path" },
  { "client_certificate.pem", variable = "FIKS_TLS_CERTIFICATE", is = "path" },
  { "client_certificate.key", variable = "FIKS_TLS_KEY", is = "path" },
  { "client_certificate.data", is = "value" },
  { "client_certificate.password", variable = "FIKS_TLS_PASSWORD", is = "secret" },
  { "client_certificate.alias" },
  { "proxy", variable = "FIKS_PROXY", is = "secret" },
  { "proxy_username", variable = "FIKS_PROXY_USERNAME", is = "secret" },
  { "proxy_password", variable = "FIKS_PROXY_PASSWORD", is = "secret" },
  { "no_proxy", variable = "FIKS_NO_PROXY" },
  { "unix_socket", variable = "FIKS_UNIX_SOCKET", is = "path" },
  { "resolve", is = "value" },
  { "redirects", variable = "FIKS_REDIRECTS", is = "number", default = "0" },
  { "allow_loopback_http", variable = "FIKS_ALLOW_LOOPBACK_HTTP", is = "flag", default = "false",
    core = "allow_loopback_http" },
  { "traceparent", core = "traceparent" },
  { "correlation_id", core = "correlation_id" },
  { "hooks", is = "value" },
  { "timeouts", is = "value" },
  { "timeouts.total_ms", variable = "FIKS_TIMEOUT_MS", is = "number", core = "timeout_ms" },
  { "timeouts.connect_ms", variable = "FIKS_CONNECT_TIMEOUT_MS", is = "number", default = "5000",
    core = "connect_timeout_ms" },
  { "timeouts.first_byte_ms", variable = "FIKS_FIRST_BYTE_TIMEOUT_MS", is = "number",
    core = "first_byte_timeout_ms" },
  { "timeouts.idle_ms", variable = "FIKS_IDLE_TIMEOUT_MS", is = "number",
    core = "idle_timeout_ms" },
  { "timeouts.min_bytes_per_s", variable = "FIKS_MIN_BYTES_PER_S", is = "number",
    default = "1000", core = "min_bytes_per_s" },
}

--- Top-level names, in the order of the table.
M.top = {}
--- Group -> the names in it.
M.groups = {}
--- The core's name of a setting -> the option, for names that are no words of a sentence.
M.option_of = {}

for _, row in ipairs(M.rows) do
  local group, name = row[1]:match("^([^.]+)%.(.+)$")
  row.group, row.name, row.is = group, name or row[1], row.is or "text"
  if group then
    M.groups[group] = M.groups[group] or {}
    table.insert(M.groups[group], name)
  else
    M.top[#M.top + 1] = row[1]
  end
  if row.core and row.core:find("_", 1, true) and (not M.option_of[row.core] or not group) then
    M.option_of[row.core] = row[1]
  end
end

--- The variables of a row, strongest first.
---@param row table
---@return string[]
function M.variables(row)
  return type(row.variable) == "table" and row.variable or { row.variable }
end

return M
