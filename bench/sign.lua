-- The side of lua-fiks in the row sign.
-- Usage: sign.lua <key> <certificate> <signatures>
-- Prints: <signatures> <CPU us of the process during them> <wall us>

local core = require "fiks.core"

local key = assert(core.key { file = arg[1], certificate_file = arg[2] })
local count = assert(math.tointeger(tonumber(arg[3])))

-- As long as a grant's signing input with a certificate in x5c.
local data = ("eyJhbGciOiJSUzI1NiIsIng1YyI6WyJN"):rep(60)
local signature = assert(key:sign("RS256", data))
assert(core.verify("RS256", core.jwk(key), data, signature))

for _ = 1, 50 do key:sign("RS256", data) end
local _, wall = core.now()
local cpu = os.clock()
for _ = 1, count do key:sign("RS256", data) end
cpu = (os.clock() - cpu) * 1e6
local _, wall_end = core.now()
print(("%d %d %d"):format(count, math.floor(cpu), math.floor((wall_end - wall) * 1000)))
