-- The side of lua-fiks in the row cold_start: one https call, the answer decoded.
-- Usage: cold.lua <url> <path> <ca file> <token file> <id> <password file> [<maps file>]
-- With the last, writes which shared libraries the process has mapped when it is done.

local fiks = require "fiks"

local url, path, ca_file, token_file, id, password_file, maps_file = table.unpack(arg)

local client = fiks.check(fiks.new {
  environment = { api = url },
  contract = "current",
  integrasjon = { id = id, password = io.lines(password_file)() },
  ca_file = ca_file,
}):as_person(io.lines(token_file)())
local answer = fiks.check(fiks.check(client):request { method = "GET", path = path })
assert(answer.json.antallKonsumenter == 42, "wrong answer")

if maps_file then
  local libraries = {}
  for line in io.lines("/proc/self/maps") do
    local library = line:match("/[^ ]*%.so[%d.]*$")
    if library then libraries[library] = true end
  end
  local file = assert(io.open(maps_file, "w"))
  for library in pairs(libraries) do file:write(library, "\n") end
  file:close()
end
