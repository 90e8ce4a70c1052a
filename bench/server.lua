-- The server of the HTTP rows: one nginx worker on the second processor, https on loopback. It
-- answers a fixed JSON of about 300 bytes, and only to requests with the right token, id and
-- password, so a client that is fast because it forgets something fails.

local lib = require "bench.lib"

local M = {}

M.integrasjon_id = "5b1a8a3e-6f0e-4bb1-9d1f-3f0a4c2b7d11"
-- What the catalogue of Fiks IO says about an account: the small answer that clients ask for most.
M.answer = [[{"kontoId":"0b9f4a52-4c11-4f5e-8a55-2f1c37c1b1f0","kontoNavn":"Storevik arkiv",]]
  .. [["fiksOrgId":"fe88dc7b-3bae-4c43-8427-6df9e2555181","fiksOrgNavn":"Storevik kommune",]]
  .. [["isGyldigAvsender":true,"isGyldigMottaker":true,"antallKonsumenter":42,]]
  .. [["beskrivelse":"Saksarkivet på Blåbærøya","kommunenummer":null}]]

local config = [[
user root;
worker_processes 1;
worker_cpu_affinity %s;
pid %s/nginx.pid;
error_log %s/nginx.log warn;
events { worker_connections 256; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 600;
  client_body_temp_path %s/tmp;
  proxy_temp_path %s/tmp; fastcgi_temp_path %s/tmp; uwsgi_temp_path %s/tmp; scgi_temp_path %s/tmp;
  server {
    listen 127.0.0.1:%d ssl;
    ssl_certificate %s;
    ssl_certificate_key %s;
    ssl_protocols TLSv1.3;
    default_type application/json;
    location = /token {
      return 200 '{"access_token":"%s","token_type":"Bearer","expires_in":3600,"scope":"ks:fiks"}';
    }
    location = /answer {
      if ($http_authorization != "Bearer %s") { return 401; }
      if ($http_integrasjonid != "%s") { return 400; }
      if ($http_integrasjonpassord != "%s") { return 403; }
      return 200 '%s';
    }
  }
}
]]

-- Shaped like a token of Maskinporten, about 700 bytes, and opaque to the client.
local function make_token()
  return (lib.sh("openssl rand -base64 525"):gsub("%s", ""):gsub("[+/=]", "x"))
end

local function write_config(port, key, certificate)
  local here = lib.sh("pwd"):gsub("%s+$", "") .. "/" .. lib.dir
  local absolute = function(path) return (path:gsub("^" .. lib.dir, (here:gsub("%%", "%%%%")))) end
  local cpu = lib.on_cpu(1) ~= "" and "10" or "auto"
  lib.sh(lib.command("mkdir", "-p", lib.dir .. "/tmp"))
  lib.write(lib.dir .. "/nginx.conf", config:format(cpu, here, here, here, here, here, here, here,
    port, absolute(certificate), absolute(key), M.token, M.token, M.integrasjon_id, M.password,
    M.answer))
  return here
end

--- Starts it once; afterwards M.url, M.ca_file, M.token_file and M.password_file are set.
function M.start()
  if M.url then return M end
  local key, certificate = lib.certificate("server")
  M.token, M.password = make_token(), lib.sh("openssl rand -hex 16"):gsub("%s", "")
  for attempt = 1, 8 do
    local port = math.random(20000, 30000)
    local here = write_config(port, key, certificate)
    local ok, message = pcall(lib.sh, lib.command("nginx", "-p", here, "-c", here .. "/nginx.conf"))
    if ok then
      M.url, M.ca_file = ("https://localhost:%d"):format(port), certificate
      break
    end
    if attempt == 8 then error(message, 0) end
  end
  M.token_file, M.password_file = lib.dir .. "/token", lib.dir .. "/password"
  lib.write(M.token_file, M.token .. "\n")
  lib.write(M.password_file, M.password .. "\n")
  return M
end

return M
