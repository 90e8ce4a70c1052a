--- For the specs of fiks.svarinn: a client that follows a script, lists, and a stage on which a
--- sink only makes folders, with a journal and a clock of its own.

local core = require "fiks.core"
local Error = require "fiks.error"
local Journal = require "fiks.svarinn.journal"
local store = require "fiks.store"
local SvarInn = require "fiks.svarinn"

local M = {}

--- A client whose answers are `script[operation]`: a value, or a function of the call's options.
function M.client(script)
  local client = { contract = "current", _settings = { key = io.stdout }, calls = {} }
  function client:_call(operation, opts)
    self.calls[#self.calls + 1] = { operation = operation, opts = opts }
    local answer = script[operation]
    if type(answer) == "function" then
      return answer(opts)
    elseif Error.is(answer) then
      return nil, answer
    end
    return { status = 200, body = answer or "", content_type = "" }
  end
  function client:names()
    local names = {}
    for i, call in ipairs(self.calls) do
      names[i] = call.operation
    end
    return table.concat(names, " ")
  end
  return client
end

function M.new(script, options)
  local client = M.client(script or {})
  local given = { username = "bruker", password = "pass^(ord", version = 1 }
  for name, value in pairs(options or {}) do
    given[name] = value or nil
  end
  return assert(SvarInn.new(client, given, 2)), client
end

function M.list_of(...)
  local items = core.array {}
  for i, id in ipairs { ... } do
    items[i] = { id = id, tittel = "t", downloadUrl = "https://svarut.ks.no/x/" .. tostring(id),
      filmetadata = { { filnavn = "a.txt", sha256hash = "00" } } }
  end
  return assert(core.json_encode(items))
end

--- A handler that takes everything.
function M.taken()
  return true
end

function M.failure(kind, code)
  return Error.new { kind = kind, code = code, message = "nei" }
end

local function is_folder(path)
  local folder = io.open(path .. "/.", "rb")
  if folder then
    folder:close()
  end
  return folder ~= nil
end

--- A stage: `into`, a folder; `journal`, a path in it; `arrive`, the answer of a download when
--- every check passed; `later(seconds)`; `die_at(step, "before"|"after")`: the next such step of a
--- journal ends the receive there, as a crash would; `query(sql)` of the journal; `state_of(id)`,
--- its row; `receive(svarinn, handler, options)` with the journal; `clear()`.
function M.stage()
  local stage, ahead_ms, wrapped = { is_folder = is_folder }, 0, {}
  local real_sink, real_now = core.forsendelse_sink, core.now
  stage.into = os.tmpname()
  os.remove(stage.into)
  assert(os.execute("mkdir " .. stage.into))
  stage.journal = stage.into .. "/journal.db"
  function core.now()
    local wall, mono = real_now()
    return wall + ahead_ms, mono
  end
  function core.forsendelse_sink(options)
    return { options = options, close = function() end }
  end
  function stage.arrive(opts)
    assert(os.execute("mkdir " .. opts.sink.options.folder))
    assert(io.open(opts.sink.options.folder .. "/a.txt", "w")):close()
    return { status = 200, files = { { name = "a.txt", verdict = "verified" } } }
  end
  function stage.later(seconds)
    ahead_ms = ahead_ms + seconds * 1000
  end
  function stage.die_at(step, when)
    local real = Journal[step]
    wrapped[step] = wrapped[step] or real
    Journal[step] = function(...)
      Journal[step] = real
      if when == "after" then
        real(...)
      end
      error("killed", 0)
    end
  end
  function stage.query(sql)
    local opened = assert(store.open { sqlite = stage.journal })
    local results, err = opened:batch { { sql } }
    opened:close()
    local rows = results or error(tostring(err), 2)
    return { (rawget(table, "unpack") or rawget(_G, "unpack"))(rows[1]) }
  end
  function stage.state_of(id)
    return stage.query("SELECT * FROM fiks_svarinn WHERE id = '" .. id .. "'")[1]
  end
  function stage.receive(svarinn, handler, more)
    local options = { handler = handler, journal = stage.journal }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    return svarinn:receive(options)
  end
  function stage.clear()
    core.forsendelse_sink, core.now = real_sink, real_now
    for step, real in pairs(wrapped) do
      Journal[step] = real
    end
    os.execute("rm -rf " .. stage.into)
  end
  return stage
end

return M
