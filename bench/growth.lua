-- The side of lua-fiks in the row growth: what the process holds after 10,000 calls, and what more
-- after 100,000, each after full collections.
-- Usage: growth.lua <url> <path> <ca file> <key> <certificate> <id> <password file>
-- Prints: <KiB after 10,000> <KiB after 100,000>

local fiks = require "fiks"

local url, path, ca_file, key, certificate, id, password_file = table.unpack(arg)
local client = fiks.check(fiks.new {
  environment = { api = url, issuer = url .. "/", token_endpoint = url .. "/token" },
  contract = "current",
  certificate = { pem = certificate, key = key },
  maskinporten = { client_id = "bench" },
  integrasjon = { id = id, password = io.lines(password_file)() },
  ca_file = ca_file,
})

local function request()
  local answer = fiks.check(client:request { method = "GET", path = path })
  assert(answer.json.antallKonsumenter == 42, "wrong answer")
end

-- Half one after the other, half eight at a time.
local function run(count)
  local items = {}
  for i = 1, math.floor(count / 2) do
    request()
    items[i] = i
  end
  fiks.map(items, { concurrency = 8 }, request)
end

local function resident_kib()
  for _ = 1, 3 do collectgarbage("collect") end
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^VmRSS:%s+(%d+)")
    if kib then return tonumber(kib) end
  end
end

run(10000)
local before = resident_kib()
for _ = 1, 9 do run(10000) end
print(before, resident_kib())
