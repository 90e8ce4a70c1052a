--- The stage of the examples: the sandbox, its fiks-konfigurasjon, and printing. Your own program
--- needs none of this: its settings come from you, and a person grants privileges on a web page.

local config = require "fiks.config"
local core = require "fiks.core"

local M = {}

local sandbox

--- The sandbox's description (sandbox/README.md), from FIKS_SANDBOX or build/sandbox/sandbox.json.
function M.sandbox()
  if not sandbox then
    local found, err = config.sandbox()
    sandbox = found or error(tostring(err), 0)
  end
  return sandbox
end

-- ---- fiks-konfigurasjon -------------------------------------------------------------------------

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- curl's own configuration file: nothing secret on a command line.
local function curl_config(method, url, header, body_file)
  local lines = {
    "silent", "show-error", ("request = \"%s\""):format(method), ("url = \"%s\""):format(url),
    ("cacert = \"%s\""):format(M.sandbox().ca_file), ("header = \"%s\""):format(header),
    "write-out = \"\\n%{http_code}\"",
  }
  if body_file then
    lines[#lines + 1] = "header = \"Content-Type: application/json\""
    lines[#lines + 1] = ("data-binary = \"@%s\""):format(body_file)
  end
  return table.concat(lines, "\n") .. "\n"
end

--- One call to the sandbox's fiks-konfigurasjon. Raises when it is refused.
---@param method string
---@param path string
---@param body table?
---@return any answer decoded
function M.konfigurasjon(method, path, body)
  local admin = M.sandbox().admin
  local config_file, body_file = os.tmpname(), body and os.tmpname()
  if body_file then
    write(body_file, assert(core.json_encode(body)))
  end
  write(config_file, curl_config(method, admin.url .. path, admin.header .. ": " .. admin.key,
    body_file))
  -- What is preloaded into this process (a sanitizer, say) is not for curl.
  local pipe = assert(io.popen("LD_PRELOAD= curl --config " .. config_file .. " 2>&1"))
  local answer, status = pipe:read("*a"):match("^(.*)\n(%d+)$")
  pipe:close()
  os.remove(config_file)
  if body_file then
    os.remove(body_file)
  end
  if not status or tonumber(status) < 200 or tonumber(status) > 299 then
    error(("fiks-konfigurasjon: %s %s was answered %s: %s"):format(method, path,
      tostring(status), tostring(answer)), 0)
  end
  return answer ~= "" and (core.json_decode(answer)) or nil
end

--- Creates an integrasjon for the sandbox's kommune, with the services given.
---@param navn string
---@param beskrivelse string
---@param tjenester string[]
---@return { id: string, password: string } integrasjon as fiks.new takes it
function M.new_integrasjon(navn, beskrivelse, tjenester)
  local kommune = M.sandbox().organisations.kommune
  local made = M.konfigurasjon("POST", "/integrasjoner", {
    autorisertOrganisasjon = kommune.organisasjonsnummer, navn = navn,
    beskrivelse = beskrivelse, tjenester = core.array(tjenester),
  })
  return { id = made.integrasjonId, password = made.passord }
end

--- Grants an integrasjon a privilege: `{ tjeneste = "innsyn", fiksOrganisasjonId = id }`.
function M.grant(integrasjon, privilege)
  return M.konfigurasjon("POST", "/integrasjoner/" .. integrasjon.id .. "/privilegier", privilege)
end

--- Puts a forsendelse in the sandbox's SvarInn. Files are { filnavn, mimeType, data, sha256? }.
---@return string id
function M.put_forsendelse(tittel, files)
  local filer = core.array {}
  for i, file in ipairs(files) do
    filer[i] = { filnavn = file.filnavn, mimeType = file.mimeType, sha256 = file.sha256,
      innhold = core.base64(file.data) }
  end
  return M.konfigurasjon("POST", "/mottakersystemer/" .. M.sandbox().svarinn.mottakersystem_id
    .. "/forsendelser", { tittel = tittel, filer = filer,
      avsender = { navn = "Kari Nordmann", poststed = "Bodø" } }).id
end

--- A folder for what arrives, beside the sandbox's own files.
---@param name string
---@return string path
function M.folder(name)
  local path = M.sandbox().directory .. "/" .. name
  os.execute(("mkdir -p '%s'"):format(path))
  return path
end

-- ---- what one example leaves for the next -------------------------------------------------------

local function state_file()
  return M.sandbox().directory .. "/examples.json"
end

local function load_state()
  local file = io.open(state_file(), "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text and core.json_decode(text) or {}
end

--- Keeps a value beside the sandbox's own files.
function M.save(name, value)
  local state = load_state()
  state[name] = value
  write(state_file(), assert(core.json_encode(state)))
end

--- A value that an earlier example kept.
function M.load(name)
  return load_state()[name]
    or error("run examples/01_konfigurasjon.lua first: it makes the integrasjon", 0)
end

--- The options of fiks.new for the sandbox's kommune, as a settings file would hold them.
---@param contract "current"|"2018"
---@param integrasjon { id: string, password: string }? default: the one of example 01
function M.options(contract, integrasjon)
  local kommune = M.sandbox().organisations.kommune
  return {
    environment = "sandbox",
    contract = contract,
    certificate = { pkcs12 = kommune.pkcs12, password = kommune.pkcs12_password },
    maskinporten = { client_id = kommune.client_id },
    integrasjon = integrasjon or M.load("integrasjon"),
  }
end

-- ---- printing -----------------------------------------------------------------------------------

--- A line of a label and what is to be said.
function M.say(label, text, ...)
  if select("#", ...) > 0 then
    text = text:format(...)
  end
  print(("  %-13s %s"):format(label, (tostring(text):gsub("\n", "\n" .. (" "):rep(16)))))
end

--- Milliseconds of a function, and what it returned.
function M.timed(f, ...)
  local _, before = core.now()
  local first, second, third = f(...)
  local _, after = core.now()
  return after - before, first, second, third
end

--- Text in lines of at most `width` bytes, for long messages.
function M.wrap(text, width)
  local lines, line = {}, ""
  for word in tostring(text):gmatch("%S+") do
    if line ~= "" and #line + 1 + #word > (width or 84) then
      lines[#lines + 1], line = line, word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

return M
