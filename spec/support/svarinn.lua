--- For the specs of fiks.svarinn: a client that follows a script, and lists.

local core = require "fiks.core"
local Error = require "fiks.error"
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
    given[name] = value
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

function M.failure(kind, code)
  return Error.new { kind = kind, code = code, message = "nei" }
end

return M
