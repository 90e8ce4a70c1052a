--- For specs: spec/support/endpoint.py, started, told what to answer, and asked what it saw; and
--- clients of it. A test client has a client id of its own, so tests share no token.

local core = require "fiks.core"
local fiks = require "fiks"
local material = require "spec.support.material"

local M = {}
M.PASSORD = "pass ord:æøå^(}"
M.ID = "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01"

local Endpoint = {}
Endpoint.__index = Endpoint

local PREPARE = [[
self_signed kommune '/C=NO/O=STOREVIK KOMMUNE - 910753614/CN=Storevik' -days 300 \
  -addext keyUsage=digitalSignature
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.pem \
  -subj /CN=localhost -days 30 -addext subjectAltName=DNS:localhost,DNS:to.example,IP:127.0.0.1
mkfifo announced
]]

--- Starts one, with a folder of keys (`kommune`) in `material`. `stop` it.
function M.start()
  local made = material.new()
  made:sh(PREPARE)
  local self = setmetatable({ material = made, ids = 0 }, Endpoint)
  self.pipe = assert(io.popen(("LD_PRELOAD= /usr/bin/python3 spec/support/endpoint.py "
    .. "'%s' '%s' >'%s' 2>'%s'"):format(made:path("tls.pem"), made:path("tls.key"),
      made:path("announced"), made:path("endpoint.err")), "w"))
  local announced = assert(io.open(made:path("announced")))
  local ports = core.json_decode(announced:read("*l"))
  announced:close()
  self.url = ("http://127.0.0.1:%d"):format(ports.port)
  self.tls_url = ("https://localhost:%d"):format(ports.tls_port)
  self.deaf_url = ("http://127.0.0.1:%d"):format(ports.deaf_port)
  self.controller = assert(fiks.new {
    environment = { api = self.url }, allow_loopback_http = true,
  })
  return self
end

function Endpoint:stop()
  self.controller:close()
  self.pipe:close()
  self.material:remove()
end

local function control(self, method, path, json)
  local answer = fiks.check(self.controller:request {
    method = method, path = path, json = json, username = "u", password = "p",
  })
  return answer.json
end

--- The next requests to a path get these answers: see endpoint.py.
function Endpoint:answers(path, ...)
  control(self, "POST", "/_answers", { path = path, answers = core.array { ... } })
end

--- As `answers`, of the token endpoint.
function Endpoint:tokens(...)
  self:answers("/token", ...)
end

--- The server's clock goes this many seconds ahead of ours.
function Endpoint:clock(ahead_s)
  control(self, "POST", "/_clock", { ahead_s = ahead_s })
end

function Endpoint:forget()
  control(self, "POST", "/_forget", {})
end

--- The requests to a path, oldest first: method, target, headers, body, connection.
function Endpoint:seen(path)
  return control(self, "GET", "/_seen?" .. path)
end

local function decode(part)
  return assert(core.json_decode(assert(core.unbase64url(part))))
end

--- The grants that came: header, claims, signature, assertion.
function Endpoint:grants(path)
  local grants = {}
  for i, request in ipairs(self:seen(path or "/token")) do
    local assertion = request.body:match("assertion=([^&]+)")
    local header, claims, signature = assertion:match("^([^.]+)%.([^.]+)%.([^.]+)$")
    grants[i] = { header = decode(header), claims = decode(claims), assertion = assertion,
      signature = signature, body = request.body, request = request }
  end
  return grants
end

--- The values of a header in a request that was seen.
function M.header(request, name)
  local values = {}
  for _, header in ipairs(request.headers) do
    if header[1]:lower() == name:lower() then
      values[#values + 1] = header[2]
    end
  end
  return values
end

local function replace(options, replaced)
  for name, value in pairs(replaced or {}) do
    if type(value) == "table" and type(options[name]) == "table" and name ~= "certificate" then
      replace(options[name], value)
    else
      options[name] = value
    end
  end
  return options
end

--- The options of fiks.new; tables among `replaced` are merged, but for the certificate.
function Endpoint:options(replaced)
  local url, made = self.url, self.material
  self.ids = self.ids + 1
  return replace({
    environment = { api = url, issuer = url .. "/", token_endpoint = url .. "/token" },
    allow_loopback_http = true,
    certificate = { key = made:path("kommune.key"), pem = made:path("kommune.pem") },
    maskinporten = { client_id = ("klient-%d-%s"):format(self.ids, fiks.uuid()) },
    integrasjon = { id = M.ID, password = M.PASSORD },
  }, replaced)
end

function Endpoint:client(replaced)
  local client, err = fiks.new(self:options(replaced))
  return client or error(tostring(err), 2)
end

--- A new client's GET /x after the token endpoint was told its answers.
---@return fiks.Response? answer
---@return fiks.Error? err
---@return fiks.Client client
function Endpoint:call(answers, replaced)
  if answers then
    self:tokens((rawget(table, "unpack") or rawget(_G, "unpack"))(answers))
  end
  local client = self:client(replaced)
  local answer, err = client:request { method = "GET", path = "/x" }
  return answer, err, client
end

--- As `call`, which must fail.
function Endpoint:failure(answers, replaced)
  local answer, err, client = self:call(answers, replaced)
  if answer then
    error("the call succeeded", 2)
  end
  return err, client
end

--- How many token requests came since the last `forget`.
function Endpoint:token_requests()
  return #self:seen("/token")
end

return M
