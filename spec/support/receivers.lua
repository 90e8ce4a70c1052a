--- For specs: a mottakersystem of the sandbox, what waits there, and receivers (receiver.lua) that
--- run as processes of their own.

local core = require "fiks.core"
local fiks = require "fiks"
local sandbox = require "spec.support.sandbox"

local M = {}

local Receivers = {}
Receivers.__index = Receivers

--- A mottakersystem, and a folder for what is received. `remove` it.
---@param version 1|2
function M.new(version)
  local here = sandbox.description().svarinn
  local made = sandbox.konfigurasjon("POST", "/mottakersystemer", {
    organisasjonsnummer = sandbox.description().organisations.kommune.organisasjonsnummer,
    navn = "spec", sertifikat = sandbox.read(here.certificate_file),
  })
  local folder, remove = sandbox.folder()
  assert(os.execute(("mkdir '%s/inn'"):format(folder)))
  return setmetatable({
    version = version, system = made, folder = folder, into = folder .. "/inn", remove = remove,
    log = folder .. "/log", keys = { { key = here.key_file, pem = here.certificate_file } },
    here = here, started = 0,
  }, Receivers)
end

--- The same at an endpoint of spec.support.endpoint, with its key "kommune".
---@param here table
---@param version 1|2
function M.at(here, version)
  local folder, remove = sandbox.folder()
  assert(os.execute(("mkdir '%s/inn'"):format(folder)))
  return setmetatable({
    version = version, system = { brukernavn = "mottak", passord = "pass^(ord" }, folder = folder,
    into = folder .. "/inn", remove = remove, log = folder .. "/log", started = 0,
    endpoint = here.url,
    here = { key_file = here.material:path("kommune.key"),
      certificate_file = here.material:path("kommune.pem") },
  }, Receivers)
end

--- The options of client:svarinn.
function Receivers:options(more)
  local options = { username = self.system.brukernavn, password = self.system.passord,
    version = self.version, keys = self.keys }
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return options
end

function Receivers:svarinn(more)
  local client = assert(fiks.new { environment = "sandbox" })
  return assert(client:svarinn(self:options(more)))
end

--- Puts forsendelser in its list. Fields are the sandbox's; `data` of a file is its content.
---@return string[] ids
function Receivers:put(count, fields)
  fields = fields or {}
  fields.tittel, fields.antall = fields.tittel or "Klage", count
  fields.filer = fields.filer or { { filnavn = "klage.txt", data = "Jeg klager." },
    { filnavn = "vedlegg.pdf", data = "%PDF-1.4 " .. ("x"):rep(3000) } }
  for _, file in ipairs(fields.filer) do
    file.mimeType, file.innhold, file.data = "text/plain", core.base64(file.data), nil
  end
  fields.filer = core.array(fields.filer)
  return sandbox.konfigurasjon("POST", "/mottakersystemer/" .. self.system.mottakersystemId
    .. "/forsendelser", fields).ider
end

--- What the sandbox knows of each: status, nedlastinger, kvitteringer, feil; by id.
function Receivers:known()
  local known = {}
  for _, one in ipairs(sandbox.konfigurasjon("GET", "/mottakersystemer/"
    .. self.system.mottakersystemId .. "/forsendelser")) do
    known[one.id] = one
  end
  return known
end

--- How many the sandbox knows to be received.
function Receivers:received()
  local count = 0
  for _, one in pairs(self:known()) do
    count = count + (one.status == "MOTTATT" and 1 or 0)
  end
  return count
end

--- Starts one. `around` is put before its command; its pid is `pid`.
---@param told table what receiver.lua is told, besides who it is
function Receivers:start(told, around)
  self.started = self.started + 1
  told.username, told.password = self.system.brukernavn, self.system.passord
  told.version, told.log = self.version, self.log
  told.endpoint = self.endpoint
  told.key, told.certificate = self.here.key_file, self.here.certificate_file
  told.name = told.name or "r" .. self.started
  if not (told.into or told.spool or told.journal) then
    told.into = self.into
  end
  local config = ("%s/receiver%d.json"):format(self.folder, self.started)
  local file = assert(io.open(config, "wb"))
  file:write(assert(core.json_encode(told)))
  file:close()
  local runtime = rawget(_G, "jit") and "luajit" or "lua5.4"
  local command = ("exec env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 LD_PRELOAD= LUA_PATH='lua/?.lua;"
    .. "lua/?/init.lua;./?.lua;;' LUA_CPATH='build/%s/?.so;;' %s %s spec/support/receiver.lua '%s'")
    :format(runtime, around or "", runtime, config)
  local pipe = assert(io.popen(("echo $$; %s 2>&1 </dev/null"):format(command)))
  return { pipe = pipe, pid = pipe:read("*l") }
end

--- Reads what it prints until a line of it begins with the text, or it ends: nil then.
function M.await(receiver, text)
  local said = {}
  for line in receiver.pipe:lines() do
    said[#said + 1] = line
    if line:sub(1, #text) == text then
      return line
    end
  end
  return nil, table.concat(said, "\n")
end

function M.kill(receiver, signal)
  os.execute(("kill -%s %s 2>/dev/null"):format(signal or "KILL", receiver.pid))
end

--- Waits for its end; what it printed last.
function M.wait(receiver)
  local text = receiver.pipe:read("*a")
  receiver.pipe:close()
  return text
end

--- What the handlers saw: a list of { id =, again =, by = }, oldest first.
function Receivers:seen()
  local list = {}
  for id, how, by in (sandbox.read(self.log) or ""):gmatch("(%S+) (%S+) (%S+)\n") do
    list[#list + 1] = { id = id, again = how == "again", by = by }
  end
  return list
end

return M
