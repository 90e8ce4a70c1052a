--- For specs of the edge cases of a download: a scripted server, what is received from it, and the
--- warnings of it.

local content = require "spec.support.content"
local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"
local log = require "fiks.log"
local zip_kinds = require "spec.support.zip_kinds"

local M = {}

local ONE = "/tjenester/svarinn/forsendelse/"

local Downloads = {}
Downloads.__index = Downloads

--- `here` has the keys (spec.support.content), `zips` an archive of every kind.
function M.new()
  local self = setmetatable({ here = content.new(), server = endpoint.start(), count = 0 },
    Downloads)
  self.zips = self.here:zips()
  self.here.material:sh("mkdir ut")
  return self
end

function Downloads:stop()
  log.set(nil)
  self.server:stop()
  self.here:remove()
end

--- Before each test: no answers, no warnings.
function Downloads:forget()
  self.server:forget()
  self.lines = {}
  log.set("warning", function(_, line)
    self.lines[#self.lines + 1] = line
  end)
end

function Downloads:warned(text)
  return table.concat(self.lines, "\n"):find(text, 1, true) ~= nil
end

--- Downloads what the answers hold, for a list with these files. nil, err leaves nothing; third,
--- how often it was asked for.
function Downloads:download(answers, filer, options, raw)
  self.count = self.count + 1
  local given = { username = "mottak", password = "p", version = 1,
    keys = { { key = self.here.material:path("mottaker.key") } } }
  for name, value in pairs(options or {}) do
    given[name] = value
  end
  local id, before = ("id-%d"):format(self.count), self.here:listing("ut")
  for i, answer in ipairs(answers) do
    local sent = { base64 = core.base64(answer.bytes) }
    for name, value in pairs(answer) do
      sent[name] = name ~= "bytes" and value or nil
    end
    answers[i] = sent
  end
  self.server:answers(ONE .. id, answers[1], answers[2])
  local client = assert(fiks.new { environment = { svarut = self.server.url },
    allow_loopback_http = true })
  local got, err = assert(client:svarinn(given)):download({ id = id, filer = filer or {} },
    { into = self.here.material:path("ut"), raw = raw })
  assert(#self.here:listing("ut") == #before + (got and #id + 1 or 0), "something was left behind")
  return got, err, #self.server:seen(ONE .. id)
end

--- The content of a received file.
function M.stored(got, file)
  local opened = assert(io.open(got.folder .. "/" .. file.stored_as, "rb"))
  local bytes = opened:read("*a")
  opened:close()
  return bytes
end

--- The same bytes whenever they are asked for; a header or two.
function M.always(bytes, headers)
  return { { bytes = bytes, headers = headers, always = true } }
end

--- Raises unless a download failed with this.
function M.refused(kind, code, got, err, times)
  assert(not got, "was received")
  local is = err.kind .. "/" .. err.code
  assert(is == kind .. "/" .. code, is .. ": " .. err.message)
  return err, times
end

--- Receives the archive of a kind, and raises unless it is as expected of it.
function Downloads:check_kind(kind)
  zip_kinds.check(self.here, self.zips[kind], zip_kinds.kinds[kind])
end

return M
