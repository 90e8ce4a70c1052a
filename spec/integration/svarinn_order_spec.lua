-- The order in which things become durable, seen from outside, by strace: the files, their folder,
-- its name, the journal, and only then the acknowledgement on the wire.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"
local proof = require "spec.support.proof"
local receivers = require "spec.support.receivers"

local TRACE = "strace -f -y -s 200 -e trace=fsync,fdatasync,rename,renameat2,sendto,write,writev,"
  .. "sendmsg -o '%s'"

local SENDS = "sendto write sendmsg writev"

-- What a trace tells, in order. What makes something durable counts when it has ended, what goes
-- out when it begins.
local function read(path)
  local events, open = {}, {}
  for line in proof.read(path):gmatch("[^\n]+") do
    local pid, rest = line:match("^(%d+) +(.*)$")
    local name = rest:match("^(%w+)%(") or rest:match("^<%.%.%. (%w+) resumed")
    local resumed, unfinished = rest:find("^<%.%.%.") ~= nil, rest:find("<unfinished", 1, true)
    local what = resumed and open[pid] or rest
    open[pid] = unfinished and rest or nil
    local goes_out = name ~= nil and SENDS:find(name, 1, true) ~= nil
    if goes_out and not resumed or not goes_out and not unfinished and rest:find("= 0$") then
      events[#events + 1] = { name = name, what = what }
    end
  end
  return events
end

-- The place of the first event of this kind among some.
local function find(events, from, to, names, pattern)
  for i = from, to do
    if names:find(events[i].name, 1, true) and events[i].what:find(pattern) then
      return i
    end
  end
end

for _, case in ipairs {
  { "into a folder, v1", version = 1 }, { "into a folder, v2", version = 2 },
  { "by a handler", version = 1, handler = true },
} do
  describe("what is durable before the acknowledgement, " .. case[1], function()
    local here, stage

    setup(function()
      here = endpoint.start()
    end)
    teardown(function()
      here:stop()
    end)
    before_each(function()
      stage = receivers.at(here, case.version)
    end)
    after_each(function()
      stage.remove()
    end)

    local function received(id)
      local v1 = case.version == 1
      local item = { id = id, tittel = "t", filmetadata = core.array { { filnavn = "brev.pdf" } } }
      here:answers(v1 and "/tjenester/svarinn/mottaker/hentNyeForsendelser"
        or "/api/svarinn/v2/forsendelser", { body = core.json_encode(core.array { item }) })
      here:answers((v1 and "/tjenester/svarinn/forsendelse/" or "/api/svarinn/v2/forsendelser/")
        .. id, { base64 = core.base64(core.cms_encrypt("%PDF-1.4 brev",
          { here.material:read("kommune.pem") })) })
      local trace = stage.folder .. "/trace"
      local text = receivers.wait(stage:start({ loop = not case.handler, into = stage.into },
        TRACE:format(trace)))
      assert.matches("ended\n$", text)
      return read(trace)
    end

    it("is all of it, in order", function()
      local id = fiks.uuid()
      local events = received(id)
      local at = 0
      local function next_is(names, pattern, what)
        at = find(events, at + 1, #events, names, pattern) or error("not in its place: " .. what)
      end
      local v1 = case.version == 1
      next_is(SENDS, v1 and "GET /[%w/]*hentNye" or "GET /api/[%w/]*forsendelser ", "the list")
      next_is("fsync", "%.part/[^/]+>%)", "the file")
      next_is("fsync", "%.part>%)", "the files' names")
      next_is("rename renameat2", "%.part\".*/inn/" .. id:gsub("-", "%%-") .. "\"",
        "the folder's name")
      next_is("fsync", "/inn>%)", "the folder's name made durable")
      next_is("fsync fdatasync", "journal%.db%-wal>%)", "the journal")
      if case.handler then
        next_is("write", "/log>, \"" .. id:gsub("-", "%%-") .. " first", "the handler")
        next_is("fsync fdatasync", "journal%.db%-wal>%)", "the journal, that it is handed over")
      end
      local acknowledgement = v1 and "POST /[%w/]*kvitterMottak" or "PATCH /api/[%w/-]*/status"
      assert.is_nil(find(events, 1, at, SENDS, acknowledgement), "acknowledged too soon")
      next_is(SENDS, acknowledgement, "the acknowledgement")
      next_is("fsync fdatasync", "journal%.db%-wal>%)", "the journal, that it is acknowledged")
    end)
  end)
end
