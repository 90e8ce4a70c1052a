--- What the functions of fiks.svarinn are given, checked. `level` is as for `error`, seen from the
--- calling function; misuse raises there, what may come with data is nil and an error.

local Error = require "fiks.error"
local model = require "fiks.svarinn.model"
local options = require "fiks.options"

local M = {}

local RECEIVE = { "into", "report_mismatch", "on_error" }
local FAIL = { "feilmelding", "permanent" }

local function fail(code, message, ...)
  return nil, Error.new { kind = "invalid", code = code, message = message:format(...) }
end

local function expect(value, wanted, what, level)
  if value ~= nil and type(value) ~= wanted then
    error(("svarinn:%s must be a %s, not a %s"):format(what, wanted, type(value)), level + 1)
  end
end

--- The id of a forsendelse, or the id itself.
---@param forsendelse fiks.Forsendelse|string
---@param what string the function
---@param level integer
---@return string? id
---@return fiks.Error? err
function M.id(forsendelse, what, level)
  local id = type(forsendelse) == "table" and forsendelse.id or forsendelse
  if type(forsendelse) ~= "table" and type(forsendelse) ~= "string" then
    error(("svarinn:%s: expected a forsendelse or its id, got %s"):format(
      what, type(forsendelse)), level + 1)
  end
  if not model.valid_id(id) then
    return fail("forsendelse_id", "svarinn:%s: the id of a forsendelse is 1 to 64 of "
      .. "0-9 A-Z a-z -", what)
  end
  return id
end

--- The folder to receive into, without slashes at its end.
---@param given { into: string }
---@param what string the function
---@param level integer
---@return string? folder
---@return fiks.Error? err
function M.folder(given, what, level)
  if type(given.into) ~= "string" or given.into == "" then
    error(("svarinn:%s needs into, the folder to receive into"):format(what), level + 1)
  elseif given.into:find("\0", 1, true) then
    return fail("into", "svarinn:%s: into holds a NUL byte", what)
  end
  return given.into == "/" and "" or (given.into:gsub("/+$", ""))
end

--- Raises unless it is a forsendelse as the list has them, or one made alike.
---@param forsendelse fiks.Forsendelse
---@param level integer
---@return true? ok
---@return fiks.Error? err
function M.forsendelse(forsendelse, level)
  if type(forsendelse) ~= "table" then
    error("svarinn:download: expected a forsendelse of the list, got " .. type(forsendelse),
      level + 1)
  elseif forsendelse.problem then
    return nil, forsendelse.problem
  elseif type(forsendelse.filer) ~= "table" then
    error("svarinn:download: expected a forsendelse of the list: it has filer, what it consists of",
      level + 1)
  end
  expect(forsendelse.url, "string", "download: url", level + 1)
  for i, file in ipairs(forsendelse.filer) do
    local what = ("download: filer[%d]"):format(i)
    if type(file) ~= "table" or type(file.navn) ~= "string" then
      error(("svarinn:%s must be a table with navn, such as the list has"):format(what), level + 1)
    end
    expect(file.sha256, "string", what .. ".sha256", level + 1)
    expect(file.size, "number", what .. ".size", level + 1)
    if (file.navn .. (file.sha256 or "")):find("\0", 1, true) then
      return fail("filer", "svarinn:%s holds a NUL byte", what)
    end
  end
  if (forsendelse.url or ""):find("\0", 1, true) then
    return fail("url", "svarinn:download: url holds a NUL byte")
  end
  return true
end

--- What svarinn:fail tells.
---@param given table
---@param level integer
---@return { feilmelding: string, permanent: boolean } feil
function M.feil(given, level)
  given = options.check(given, FAIL, "svarinn:fail", level + 1)
  if type(given.feilmelding) ~= "string" or given.feilmelding == "" then
    error("svarinn:fail needs feilmelding, a text for the sender", level + 1)
  elseif given.permanent ~= nil and type(given.permanent) ~= "boolean" then
    error("svarinn:fail: permanent must be true or false, not a " .. type(given.permanent),
      level + 1)
  end
  return { feilmelding = given.feilmelding, permanent = given.permanent == true }
end

--- The options of svarinn:receive.
---@param given fiks.ReceiveOptions
---@param level integer
---@return fiks.ReceiveOptions given
function M.receive(given, level)
  given = options.check(given, RECEIVE, "svarinn:receive", level + 1)
  expect(given.on_error, "function", "receive: on_error", level + 1)
  expect(given.report_mismatch, "boolean", "receive: report_mismatch", level + 1)
  return given
end

return M
