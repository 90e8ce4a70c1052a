-- Peer of the rows call_* (bench/clients.lua has the arguments): lua-http, kept connections,
-- lua-cjson. Debian has it for Lua 5.1 to 5.3 and LuaJIT; its files also run on 5.4. Several in
-- flight: a coroutine of cqueues and a connection each.

local cjson = require "cjson"
local connect = require("http.client").connect
local context = require "openssl.ssl.context"
local cqueues = require "cqueues"
local http_tls = require "http.tls"
local new_headers = require("http.headers").new
local store = require "openssl.x509.store"

local url, ca_file, requests, warm, in_flight, token_file, id, password_file =
  (table.unpack or unpack)(arg) -- luacheck: ignore 113
requests, warm, in_flight = tonumber(requests), tonumber(warm), tonumber(in_flight)
local token, password = io.lines(token_file)(), io.lines(password_file)()
local scheme, port, path = url:match("^(%a+)://localhost:(%d+)(.*)$")

local function new_connection()
  local ctx
  if scheme == "https" then
    ctx = http_tls.new_client_context()
    ctx:setVerify(context.VERIFY_PEER)
    ctx:setStore(store.new():add(ca_file))
  end
  local connection = assert(connect {
    host = "localhost", port = tonumber(port), tls = scheme == "https", ctx = ctx,
    version = 1.1,
  })
  assert(connection:connect(5))
  return connection
end

local body = '{"navn":"Grong kommune","sak":17}'

local function make_headers(post)
  local headers = new_headers()
  headers:append(":method", post and "POST" or "GET")
  headers:append(":scheme", scheme)
  headers:append(":authority", "localhost:" .. port)
  headers:append(":path", path)
  headers:append("user-agent", "lua-fiks/0.1.0")
  headers:append("accept", "*/*")
  headers:append("accept-encoding", "identity")
  headers:append("authorization", "Bearer " .. token, true)
  headers:append("integrasjonid", id)
  headers:append("integrasjonpassord", password, true)
  if post then
    headers:append("content-type", "application/json")
    headers:append("content-length", ("%d"):format(#body))
  end
  return headers
end

local get_headers, post_headers = make_headers(false), make_headers(true)

local function request(connection, number)
  local post = number % 2 == 1
  local stream = assert(connection:new_stream())
  assert(stream:write_headers(post and post_headers or get_headers, not post))
  if post then assert(stream:write_chunk(body, true)) end
  local headers = assert(stream:get_headers(30))
  assert(headers:get(":status") == "200", headers:get(":status"))
  local answer = cjson.decode(assert(stream:get_body_as_string(30)))
  assert(answer.antallKonsumenter == 42 and answer.kontoNavn == "Storevik arkiv", "wrong answer")
  stream:shutdown()
end

local connections = {}

local function run(count)
  local started = 0
  local queue = cqueues.new()
  for i = 1, in_flight do
    queue:wrap(function()
      local connection = connections[i]
      while started < count do
        started = started + 1
        request(connection, started)
      end
    end)
  end
  assert(queue:loop())
end

local setup = cqueues.new()
setup:wrap(function()
  for i = 1, in_flight do connections[i] = new_connection() end
end)
assert(setup:loop())
run(warm)
local wall, cpu = cqueues.monotime(), os.clock()
run(requests)
cpu, wall = os.clock() - cpu, cqueues.monotime() - wall
print(("%d %d %d"):format(requests, math.floor(cpu * 1e6), math.floor(wall * 1e6)))
os.exit(0)
