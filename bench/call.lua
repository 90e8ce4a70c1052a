-- The side of lua-fiks in the rows call_*, connect_ca and growth: what a program that uses it looks
-- like. Runs on Lua 5.4 and LuaJIT.
-- Usage: call.lua <url> <path> <ca file> <requests> <warm> <in flight> <key> <certificate> <id>
--                 <password file>
-- Prints: <requests> <CPU us of the process during them> <wall us>

local fiks = require "fiks"
local core = require "fiks.core"

local url, path, ca_file, requests, warm, in_flight, key, certificate, id, password_file =
  (table.unpack or unpack)(arg) -- luacheck: ignore 113
requests, warm, in_flight = tonumber(requests), tonumber(warm), tonumber(in_flight)

local client = fiks.check(fiks.new {
  environment = { api = url, issuer = url .. "/", token_endpoint = url .. "/token" },
  contract = "current",
  certificate = { pem = certificate, key = key },
  maskinporten = { client_id = "bench" },
  integrasjon = { id = id, password = io.lines(password_file)() },
  ca_file = ca_file,
  allow_loopback_http = true,
})

-- The POST is marked as safe to repeat, as it is for the reference, whose libcurl may repeat it.
local get = { method = "GET", path = path }
local post = {
  method = "POST", path = path, json = { navn = "Grong kommune", sak = 17 }, idempotent = true,
}

-- What a right answer of each path looks like.
local is_right = {
  ["/answer"] = function(json)
    return json.antallKonsumenter == 42 and json.isGyldigMottaker == true
      and json.kontoNavn == "Storevik arkiv"
  end,
  ["/closing"] = function(json, number)
    return json.session == (number == 1 and "." or "r")
  end,
}
local check = is_right[path] or is_right[path:match("^[^?]+")]
  or function(json) return json.together >= requests end -- a try on a busy machine counts again

local started = 0

local function request()
  started = started + 1
  local number = started
  local answer = fiks.check(client:request(number % 2 == 0 and post or get))
  if not check(answer.json, number) then
    error(("request %d: wrong answer: %s"):format(number, answer.body))
  end
end

local function run(count)
  if in_flight == 1 then
    for _ = 1, count do request() end
  elseif count > 0 then
    local items = {}
    for i = 1, count do items[i] = i end
    fiks.map(items, { concurrency = in_flight }, request)
  end
end

run(warm)
local _, wall = core.now()
local cpu = os.clock()
run(requests)
cpu = (os.clock() - cpu) * 1e6
local _, wall_end = core.now()
print(("%d %d %d"):format(requests, math.floor(cpu), math.floor((wall_end - wall) * 1000)))
