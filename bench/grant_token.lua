-- The side of lua-fiks in the row grant_token.
-- Usage: grant_token.lua <url> <ca file> <requests> <key> <certificate>
-- Prints: <requests> <CPU us of the process during them> <wall us>

local core = require "fiks.core"

local url, ca_file, requests, key_file, certificate_file = table.unpack(arg)
requests = assert(math.tointeger(tonumber(requests)))

local key = assert(core.key { file = key_file, certificate_file = certificate_file })
local client = assert(core.client {
  api_url = url, issuer = url .. "/", token_endpoint = url .. "/token", client_id = "bench",
  key = key, ca_file = ca_file,
})
local queue = core.queue()

local function fetch()
  client:invalidate()
  local call = assert(client:call({ operation = "token" }, queue))
  if queue:wait(30000) ~= call then error("another call, or none, has finished") end
  assert(call:result())
  call:close()
end

for _ = 1, 20 do fetch() end
assert(#client:token().access_token > 500)
local _, wall = core.now()
local cpu = os.clock()
for _ = 1, requests do fetch() end
cpu = (os.clock() - cpu) * 1e6
local _, wall_end = core.now()
print(("%d %d %d"):format(requests, math.floor(cpu), math.floor((wall_end - wall) * 1000)))
