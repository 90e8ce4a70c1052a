-- The side of lua-fiks in the rows pipeline and pipeline_rss: a forsendelse from SvarInn into a
-- folder, every file held against its hash.
-- Usage: pipeline.lua <url> <ca file> <user name> <password file> <key> <certificate> <id> <list>
--                     <into>
-- <list>: the files and their hashes, as sha256sum writes them
-- Prints: 1 <CPU us of the process while it received> <wall us>

local fiks = require "fiks"
local core = require "fiks.core"

local url, ca_file, username, password_file, key, certificate, id, list, into =
  table.unpack(arg) -- luacheck: ignore 113

local client = fiks.check(fiks.new {
  environment = { api = url, svarut = url, issuer = url .. "/", token_endpoint = url .. "/token" },
  contract = "current",
  ca_file = ca_file,
})
local svarinn = fiks.check(client:svarinn {
  username = username, password = io.lines(password_file)(),
  keys = { { pem = certificate, key = key } },
})

local filer = {}
for line in io.lines(list) do
  local sha256, name = line:match("^(%x+)  (.+)$")
  filer[#filer + 1] = { navn = name, sha256 = sha256 }
end

local _, wall = core.now()
local cpu = os.clock()
local received = fiks.check(svarinn:download({ id = id, filer = filer }, { into = into }))
cpu = (os.clock() - cpu) * 1e6
local _, wall_end = core.now()
assert(#received.files == #filer, "files are missing")
for _, file in ipairs(received.files) do
  assert(file.verdict == "verified", file.name)
end
print(("1 %d %d"):format(math.floor(cpu), math.floor((wall_end - wall) * 1000)))
