--- For integration specs: the running sandbox, clients of it, and faults it is told to have.

local fiks = require "fiks"
local stage = require "examples.support"

local M = {}

M.konfigurasjon = stage.konfigurasjon
M.description = stage.sandbox

--- An integrasjon with all services and privileges for the sandbox's kommune.
---@return { id: string, password: string }
function M.integrasjon()
  local sandbox = stage.sandbox()
  local integrasjon = stage.new_integrasjon("spec", "integration specs",
    { "meldingsboks", "innsyn", "fiks-io" })
  for _, tjeneste in ipairs { "meldingsboks", "innsyn" } do
    stage.grant(integrasjon, { tjeneste = tjeneste,
      fiksOrganisasjonId = sandbox.organisations.kommune.fiks_organisasjon_id })
  end
  stage.grant(integrasjon, { tjeneste = "fiks-io", kontoId = sandbox.fiksio.avsender.konto_id })
  return integrasjon
end

--- The options of fiks.new for the kommune, with some replaced.
function M.options(contract, integrasjon, replaced)
  local options = stage.options(contract, integrasjon)
  for name, value in pairs(replaced or {}) do
    options[name] = value
  end
  return options
end

function M.client(contract, integrasjon, replaced)
  local client, err = fiks.new(M.options(contract, integrasjon, replaced))
  return client or error(tostring(err), 2)
end

--- Tells the sandbox to answer the next matching calls otherwise: see sandbox/README.md.
function M.fault(fault)
  return M.konfigurasjon("POST", "/feil", fault)
end

function M.no_faults()
  M.konfigurasjon("DELETE", "/feil")
end

local last = 0

--- The id of the last call that the sandbox got.
function M.mark()
  repeat -- the list comes in pages
    local calls = M.konfigurasjon("GET", "/kall?etter=" .. last)
    last = calls[#calls] and calls[#calls].id or last
  until #calls == 0
  return last
end

--- The calls since a mark whose path starts with `path`, of one integrasjon if given (a call that
--- an earlier spec gave up on may end only now).
function M.calls(mark, path, integrasjon)
  local calls = {}
  for _, call in ipairs(M.konfigurasjon("GET", ("/kall?etter=%d&sti=%s*"):format(mark,
    path or "/"))) do
    if not integrasjon or call.integrasjonId == integrasjon.id then
      calls[#calls + 1] = call
    end
  end
  return calls
end

--- A new empty folder, and how to remove it.
function M.folder()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkdir -m 700 " .. path))
  return path, function()
    os.execute("rm -rf " .. path)
  end
end

--- The bytes of a file, or nil.
function M.read(path)
  local file = io.open(path, "rb")
  local data = file and file:read("*a")
  if file then
    file:close()
  end
  return data
end

return M
