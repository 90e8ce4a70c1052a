-- The side of lua-fiks in the row call_seq.
-- Usage: call_seq.lua <url> <ca file> <requests> <key> <certificate> <id> <password file>
-- Prints: <requests> <CPU us of the process during them> <wall us>

local core = require "fiks.core"

local url, ca_file, requests, key_file, certificate_file, id, password_file = table.unpack(arg)
requests = assert(math.tointeger(tonumber(requests)))

local password = io.lines(password_file)()
local key = assert(core.key { file = key_file, certificate_file = certificate_file })
local client = assert(core.client {
  contract = "current",
  api_url = url,
  issuer = url .. "/",
  token_endpoint = url .. "/token",
  client_id = "bench",
  key = key,
  integrasjon_id = id,
  integrasjon_passord = password,
  ca_file = ca_file,
})
local queue = core.queue()

-- The POST is marked as safe to repeat: then it uses the kept connection, as the reference's does.
local get = { method = "GET", path = "/answer" }
local post = {
  method = "POST",
  path = "/answer",
  body = '{"navn":"Grong kommune","sak":17}',
  idempotent = true,
}

local function request(number)
  local call = assert(client:call(number % 2 == 1 and post or get, queue))
  local done = queue:wait(30000)
  if done ~= call then error("another call, or none, has finished") end
  local response, err = call:result()
  if not response then error(("request %d: %s"):format(number, err.message)) end
  local answer = assert(core.json_decode(response.body))
  if answer.antallKonsumenter ~= 42 or answer.isGyldigMottaker ~= true
    or answer.kontoNavn ~= "Storevik arkiv" then
    error("request " .. number .. ": wrong answer: " .. response.body)
  end
  call:close()
end

for i = 0, 19 do request(i) end
local _, wall = core.now()
local cpu = os.clock()
for i = 0, requests - 1 do request(i) end
cpu = (os.clock() - cpu) * 1e6
local _, wall_end = core.now()
print(("%d %d %d"):format(requests, math.floor(cpu), math.floor((wall_end - wall) * 1000)))
