-- Peer of the rows call_seq (bench/clients.lua has the arguments): luasocket and luasec, one
-- connection per request as their http modules work, lua-cjson.

local cjson = require "cjson"
local socket = require "socket"

local url, ca_file, requests, warm, _, token_file, id, password_file = table.unpack(arg)
requests, warm = tonumber(requests), tonumber(warm)
local library = require(url:find("^https") and "ssl.https" or "socket.http")
local token, password = io.lines(token_file)(), io.lines(password_file)()
local body = '{"navn":"Grong kommune","sak":17}'

local function from_string(text)
  return function()
    local chunk
    chunk, text = text, nil
    return chunk
  end
end

local function request(number)
  local post = number % 2 == 1
  local chunks = {}
  local ok, status = library.request {
    url = url,
    method = post and "POST" or "GET",
    headers = {
      ["user-agent"] = "lua-fiks/0.1.0",
      accept = "*/*",
      ["accept-encoding"] = "identity",
      authorization = "Bearer " .. token,
      integrasjonid = id,
      integrasjonpassord = password,
      ["content-type"] = post and "application/json" or nil,
      ["content-length"] = post and #body or nil,
    },
    source = post and from_string(body) or nil,
    sink = function(chunk)
      chunks[#chunks + 1] = chunk
      return 1
    end,
    verify = "peer",
    cafile = ca_file,
    options = { "all", "no_sslv2", "no_sslv3" },
    protocol = "any",
  }
  assert(ok and status == 200, status)
  local answer = cjson.decode(table.concat(chunks))
  assert(answer.antallKonsumenter == 42 and answer.kontoNavn == "Storevik arkiv", "wrong answer")
end

for i = 1, warm do request(i) end
local wall, cpu = socket.gettime(), os.clock()
for i = 1, requests do request(i) end
cpu, wall = os.clock() - cpu, socket.gettime() - wall
print(("%d %d %d"):format(requests, math.floor(cpu * 1e6), math.floor(wall * 1e6)))
