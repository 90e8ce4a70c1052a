--- What this sandbox is: its folder, address, keys. Written by `seed` at start, read by nginx.
local core = require("fiks.core")

local M = {}

local loaded

local function read_file(path)
  local file, message = io.open(path, "rb")
  if not file then
    error("sandbox: " .. message)
  end
  local text = file:read("*a")
  file:close()
  return text
end

local function issuer(settings, name, path, scope)
  local key, err = core.key({ file = settings.directory .. "/certs/" .. name .. "-issuer.key" })
  if not key then
    error("sandbox: issuer key: " .. tostring(err and err.message))
  end
  return {
    name = name,
    issuer = settings.base_url .. path,
    token_endpoint = settings.base_url .. path .. "token",
    jwks_uri = settings.base_url .. path .. "jwk",
    scope = scope,
    key = key,
    jwk = core.jwk(key),
  }
end

--- Loads the settings of the sandbox in `directory`. Called in nginx's master, before any request.
function M.load(directory)
  local settings = assert(core.json_decode(read_file(directory .. "/state/settings.json")))
  settings.directory = directory
  settings.issuers = {
    maskinporten = issuer(settings, "maskinporten", "/maskinporten/", "ks:fiks"),
    idporten = issuer(settings, "idporten", "/idporten-oidc-provider/", "ks"),
  }
  settings.virksomhet_root = read_file(directory .. "/certs/virksomhet-root.crt")
  settings.virksomhet_intermediate = read_file(directory .. "/certs/virksomhet-intermediate.crt")
  loaded = settings
  return settings
end

--- The settings loaded before.
function M.get()
  return loaded or error("sandbox: settings are not loaded")
end

M.read_file = read_file

return M
