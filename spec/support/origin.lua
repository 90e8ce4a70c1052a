--- For specs: nginx as the platform, over TLS, over IPv6 and on a Unix socket, under a CA of its
--- own. Every answer says what came: connection, host, credentials, the client's certificate.

local daemon = require "spec.support.daemon"
local fiks = require "fiks"
local material = require "spec.support.material"

local M = {}
M.HOST = "api.fiks.example"
M.OTHER = "annen.example"
M.ID = "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01"
M.PASSORD = "integrasjonens-hemmelige-passord"

-- Certificates: NAME SUBJECT SAN, valid or (before its time ran out) expired.
local PREPARE = [[
new="-newkey ec -pkeyopt ec_paramgen_curve:P-256"
ca() { openssl req -x509 $new -nodes -keyout $1.key -out $1.pem -subj "/CN=$1" -days 30; }
issue() { # CA NAME SUBJECT EXTENSION
  openssl req -new $new -nodes -keyout $2.key -out $2.csr -subj "$3"
  echo "${4:-keyUsage=digitalSignature}" >$2.ext
  openssl x509 -req -in $2.csr -CA $1.pem -CAkey $1.key -CAcreateserial -days 20 -out $2.pem \
    -extfile $2.ext
}
ca ca; ca fremmed
names=subjectAltName=DNS:api.fiks.example,DNS:annen.example,DNS:localhost,IP:127.0.0.1,IP:::1
issue ca server /CN=server $names
issue ca navnlos /CN=api.fiks.example
issue ca annet '/CN=api.fiks.example' subjectAltName=DNS:annen.example
issue fremmed ukjent /CN=ukjent $names
faketime '2021-03-01' bash -c "new='$new'
  $(declare -f issue); openssl req -x509 $new -nodes -keyout gammel-ca.key \
    -out gammel-ca.pem -subj /CN=gammel -days 9000
  issue gammel-ca utgaatt /CN=utgaatt $names"
openssl req -x509 $new -nodes -keyout selv.key -out selv.pem -subj /CN=selv -days 9 \
  -addext $names
cat gammel-ca.pem >>ca.pem
issue fremmed klient /CN=klient-en; issue fremmed klient2 /CN=klient-to
]]

local CONF = [[
load_module @modules@/ndk_http_module.so; load_module @modules@/ngx_http_lua_module.so;
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log nginx-error.log;
events { worker_connections 256; }
http {
  access_log off; keepalive_requests 10000; server_tokens off; default_type application/json;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4;
  scgi_temp_path t5;
  ssl_certificate server.pem; ssl_certificate_key server.key; ssl_protocols TLSv1.2 TLSv1.3;
  map $ssl_client_s_dn $klient { default $ssl_client_s_dn; "" "-"; }
  server {
    listen 127.0.0.1:@plain@; listen 127.0.0.1:@tls@ ssl http2; listen 127.0.0.1:@tls1@ ssl;
    listen 127.0.0.1:@other@ ssl; listen [::1]:@six@ ssl; listen unix:sock;
    location /til-annen { return 302 https://annen.example:@other@/x?fra=til; }
    location /til-selv { return 307 /x#del; }
    location /runde { return 302 /runde; }
    location /til-http { return 302 http://127.0.0.1:@plain@/x; }
    location /til-http-fjern { return 302 http://annen.example/x; }
    location /tilbake { return 302 https://api.fiks.example:@tls1@/x; }
    location /bort-og-hjem { return 302 https://annen.example:@other@/tilbake; }
    location /sent { # late: so that calls are on their way at the same time
      content_by_lua_block {
        ngx.sleep(0.2)
        ngx.print('{"connection":"', ngx.var.connection, '","session":"',
          ngx.var.ssl_session_reused, '","protocol":"', ngx.var.server_protocol, '"}')
      }
    }
    location /slutt { # the connection ends with the answer
      keepalive_timeout 0;
      return 200 '{"connection":"$connection","session":"$ssl_session_reused"}';
    }
    location / {
      return 200 '{"connection":"$connection","host":"$host","port":"$server_port",
        "authorization":"$http_authorization","id":"$http_integrasjonid",
        "passord":"$http_integrasjonpassord","service":"$http_servicepassword",
        "proxy":"$http_proxy_authorization","address":"$server_addr","uri":"$request_uri",
        "session":"$ssl_session_reused","protocol":"$server_protocol"}';
    }
  }
  server {
    listen 127.0.0.1:@mutual@ ssl; ssl_client_certificate fremmed.pem;
    ssl_verify_client optional; # so that it can be told what came
    location / {
      return 200 '{"connection":"$connection","klient":"$klient","verify":"$ssl_client_verify"}';
    }
  }
  @faults@
}
]]
local FAULTS = { "navnlos", "annet", "ukjent", "utgaatt", "selv" }

local Origin = {}
Origin.__index = Origin

--- Starts it. `port` has its ports by name; `stop` it.
function M.start()
  local self = setmetatable({ material = material.new(), port = {} }, Origin)
  self.material:sh(PREPARE)
  local names = { "plain", "tls", "tls1", "other", "six", "mutual" }
  for _, name in ipairs(FAULTS) do
    names[#names + 1] = name
  end
  local servers = {}
  for i, port in ipairs { daemon.ports(#names) } do
    self.port[names[i]] = port
  end
  for i, name in ipairs(FAULTS) do
    servers[i] = ("server { listen 127.0.0.1:%d ssl; ssl_certificate %s.pem; ssl_certificate_key "
      .. "%s.key; location / { return 200 '{}'; } }"):format(self.port[name], name, name)
  end
  self.port.faults = table.concat(servers, "\n  ")
  self.port.modules = os.getenv("FIKS_NGINX_MODULES") or "/usr/lib/nginx/modules"
  self.material:write("nginx.conf", (CONF:gsub("@(%w+)@", self.port)))
  local nginx = "/usr/sbin/nginx -p . -c nginx.conf -e nginx-error.log"
  self.daemon = daemon.start(self.material, "nginx", nginx, self.port.tls)
  self.socket = self.material:path("sock")
  return self
end

function Origin:stop()
  self.daemon:stop()
  self.material:remove()
end

function Origin:path(name)
  return self.material:path(name)
end

--- The options of a client whose platform is `https://api.fiks.example:<port>`, which `resolve`
--- leads to this machine; without a token, so calls carry a person's.
---@param port string by name
function Origin:options(port, replaced)
  local number = self.port[port]
  local options = {
    environment = { api = ("https://%s:%d"):format(M.HOST, number) },
    integrasjon = { id = M.ID, password = M.PASSORD },
    ca_file = self:path("ca.pem"),
    resolve = { [("%s:%d"):format(M.HOST, number)] = "127.0.0.1:" .. number,
      [("%s:%d"):format(M.HOST, self.port.tls1)] = "127.0.0.1:" .. self.port.tls1,
      [("%s:%d"):format(M.OTHER, self.port.other)] = "127.0.0.1:" .. self.port.other },
  }
  for name, value in pairs(replaced or {}) do
    options[name] = value or nil
  end
  return options
end

function Origin:client(port, replaced)
  local client, err = fiks.new(self:options(port, replaced))
  return client or error(tostring(err), 2)
end

--- GET, with a person's token and the integrasjon: what the server saw.
---@return table? seen
---@return fiks.Error? err
function M.get(client, path)
  local answer, err = client:request { method = "GET", path = path or "/x", person = "token-en" }
  return answer and answer.json, err
end

--- As `get` of a new client, which is closed.
function Origin:call(port, replaced, path)
  local client = self:client(port, replaced)
  local seen, err = M.get(client, path)
  client:close()
  return seen, err
end

--- As `call`, which must fail.
function Origin:failure(port, replaced, path)
  local seen, err = self:call(port, replaced, path)
  if seen then
    error("the call succeeded", 2)
  end
  return err
end

return M
