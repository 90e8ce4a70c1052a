-- The server of the HTTP rows: one nginx worker on the second processor, on loopback, over http,
-- https and h2. It answers a fixed JSON of about 300 bytes, and only to requests with the right
-- token, id and password, so a client that is fast because it forgets something fails.

local core = require "fiks.core"
local lib = require "bench.lib"

local M = {}

M.svarinn_username = "bench"
M.integrasjon_id = "5b1a8a3e-6f0e-4bb1-9d1f-3f0a4c2b7d11"
-- What the catalogue of Fiks IO says about an account: the small answer that clients ask for most.
M.answer = [[{"kontoId":"0b9f4a52-4c11-4f5e-8a55-2f1c37c1b1f0","kontoNavn":"Storevik arkiv",]]
  .. [["fiksOrgId":"fe88dc7b-3bae-4c43-8427-6df9e2555181","fiksOrgNavn":"Storevik kommune",]]
  .. [["isGyldigAvsender":true,"isGyldigMottaker":true,"antallKonsumenter":42,]]
  .. [["beskrivelse":"Saksarkivet på Blåbærøya","kommunenummer":null}]]

-- /answer: the rows call_*. With ?log=1 the length of what came goes into lengths.log.
-- /closing: closes the connection; says whether its TLS session was resumed ("r") or new (".").
-- /together?run=X&count=N: answers when N requests of the run X are there at once.
-- SvarInn's downloads: of "file-N" the file forsendelse-N.cms; "made-N", of N MiB, is made and
-- encrypted while it is sent.
local config = [[
user root;
worker_processes 1;
worker_cpu_affinity ${cpu};
worker_rlimit_nofile 16384;
pid ${here}/nginx.pid;
error_log ${here}/nginx.log warn;
load_module ${modules}/ndk_http_module.so;
load_module ${modules}/ngx_http_lua_module.so;
events { worker_connections 8192; }
http {
  log_format lengths '$scheme $request_method $request_length $http_user_agent';
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 600;
  http2_max_concurrent_streams 1000;
  client_body_temp_path ${here}/tmp;
  proxy_temp_path ${here}/tmp; fastcgi_temp_path ${here}/tmp;
  uwsgi_temp_path ${here}/tmp; scgi_temp_path ${here}/tmp;
  lua_shared_dict together 64k;
  server {
    listen 127.0.0.1:${http} backlog=4096;
    listen 127.0.0.1:${https} ssl backlog=4096;
    listen 127.0.0.1:${h2} ssl http2 backlog=4096;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.3;
    default_type application/json;
    location = /token {
      return 200 '{"access_token":"${token}","token_type":"Bearer",${lifetime}}';
    }
    location = /answer {
      access_log ${here}/lengths.log lengths if=$arg_log;
      if ($http_authorization != "Bearer ${token}") { return 401; }
      if ($http_integrasjonid != "${id}") { return 400; }
      if ($http_integrasjonpassord != "${password}") { return 403; }
      return 200 '${answer}';
    }
    location = /closing {
      keepalive_timeout 0;
      return 200 '{"session":"$ssl_session_reused"}';
    }
    location ~ ^/api/svarinn/v2/forsendelser/file-(?<mib>[0-9]+)$ {
      if ($http_authorization != "Basic ${svarinn}") { return 401; }
      default_type application/octet-stream;
      alias ${here}/forsendelse-$mib.cms;
    }
    location ~ ^/api/svarinn/v2/forsendelser/made-(?<mib>[0-9]+)$ {
      if ($http_authorization != "Basic ${svarinn}") { return 401; }
      default_type application/octet-stream;
      content_by_lua_block {
        local make = io.popen("${here}/make_zip " .. ngx.var.mib .. " /dev/null | ${encrypt}")
        for piece in function() return make:read(65536) end do
          ngx.print(piece)
          ngx.flush(true)
        end
        make:close()
      }
    }
    location = /together {
      content_by_lua_block {
        local run, wanted = ngx.var.arg_run, tonumber(ngx.var.arg_count)
        local here = ngx.shared.together:incr(run, 1, 0)
        for _ = 1, 600 do
          if here >= wanted then break end
          ngx.sleep(0.1)
          here = ngx.shared.together:get(run)
        end
        ngx.say('{"together":', here, '}')
      }
    }
  }
}
]]

-- Shaped like a token of Maskinporten, about 700 bytes, and opaque to the client.
local function make_token()
  return (lib.sh("openssl rand -base64 525"):gsub("%s", ""):gsub("[+/=]", "x"))
end

local function write_config(values)
  lib.sh(lib.command("mkdir", "-p", values.here .. "/tmp"))
  local text = config:gsub("%${(%w+)}", function(name) return assert(values[name], name) end)
  lib.write(lib.dir .. "/nginx.conf", text)
end

--- Starts it once; afterwards M.urls, M.ca_file, M.token_file and M.password_file are set. What is
--- encrypted is for lib.certificate("recipient").
function M.start()
  if M.urls then return M end
  local here = lib.sh("pwd"):gsub("%s+$", "") .. "/" .. lib.dir
  local key, certificate = lib.certificate("server")
  local _, recipient = lib.certificate("recipient")
  M.token, M.password = make_token(), lib.sh("openssl rand -hex 16"):gsub("%s", "")
  for attempt = 1, 8 do
    local port = math.random(20000, 30000)
    write_config {
      lifetime = '"expires_in":3600,"scope":"ks:fiks"',
      here = here, cpu = lib.on_cpu(1) ~= "" and "10" or "auto", http = port, https = port + 1,
      h2 = port + 2, certificate = here .. "/" .. lib.base_name(certificate),
      key = here .. "/" .. lib.base_name(key), token = M.token, id = M.integrasjon_id,
      password = M.password, answer = M.answer,
      svarinn = core.base64(M.svarinn_username .. ":" .. M.password),
      encrypt = lib.encrypt(here .. "/" .. lib.base_name(recipient)),
      modules = os.getenv("FIKS_NGINX_MODULES") or "/usr/lib/nginx/modules",
    }
    local ok, message = pcall(lib.sh, lib.command("nginx", "-p", here, "-c", here .. "/nginx.conf"))
    if ok then
      M.urls = {
        http = ("http://localhost:%d"):format(port),
        https = ("https://localhost:%d"):format(port + 1),
        h2 = ("https://localhost:%d"):format(port + 2),
      }
      break
    end
    if attempt == 8 then error(message, 0) end
  end
  M.url, M.ca_file = M.urls.https, certificate
  M.token_file, M.password_file = lib.dir .. "/token", lib.dir .. "/password"
  lib.write(M.token_file, M.token .. "\n")
  lib.write(M.password_file, M.password .. "\n")
  return M
end

return M
