--- What a download of SvarInn is received into, and what is told of its files.

local core = require "fiks.core"

local M = {}

local DEFAULT_MIME = "application/octet-stream"
-- Of files that the list does not name; what it names has the type it says.
local MIME = {
  csv = "text/csv", doc = "application/msword",
  docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  gif = "image/gif", htm = "text/html", html = "text/html", jpeg = "image/jpeg",
  jpg = "image/jpeg", json = "application/json", odt = "application/vnd.oasis.opendocument.text",
  pdf = "application/pdf", png = "image/png", rtf = "application/rtf", tif = "image/tiff",
  tiff = "image/tiff", txt = "text/plain", xls = "application/vnd.ms-excel",
  xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  xml = "application/xml", zip = "application/zip",
}

--- What the list says about the files, for the core.
---@param forsendelse fiks.Forsendelse
---@return table[]
function M.expected_files(forsendelse)
  local expected = {}
  for i, file in ipairs(forsendelse.filer) do
    expected[i] = { name = file.navn, sha256 = file.sha256, size = file.size }
  end
  return expected
end

--- A sink that makes `folder` of a download.
---@param forsendelse fiks.Forsendelse
---@param folder string
---@param keys fiks.Key[]
---@param how { legacy_ciphers: boolean?, rename_duplicates: boolean? }
---@param raw boolean? an archive is not unpacked
---@return fiks.core.Sink? sink
---@return fiks.Error? err
function M.sink(forsendelse, folder, keys, how, raw)
  return core.forsendelse_sink {
    folder = folder, keys = keys, expected = M.expected_files(forsendelse),
    legacy_ciphers = how.legacy_ciphers, rename_duplicates = how.rename_duplicates, raw = raw,
  }
end

--- Is the error one of a download that was damaged or cut on its way, so that another may be whole?
---@param err fiks.Error
---@return boolean
function M.may_have_suffered(err)
  return err.kind == "integrity" or err.code == "truncated" or err.code == "empty"
end

--- Adds what the list knows to the files that were received: `mime`, and `undeclared` for those it
--- does not name.
---@param files fiks.ReceivedFile[]
---@param forsendelse fiks.Forsendelse
---@return fiks.ReceivedFile[] files
function M.describe(files, forsendelse)
  local listed = {}
  for _, file in ipairs(forsendelse.filer) do
    listed[file.navn] = file.mime or DEFAULT_MIME
  end
  for _, file in ipairs(files) do
    local extension = file.name:match("%.(%w+)$")
    file.mime = listed[file.name] or MIME[extension and extension:lower()] or DEFAULT_MIME
    file.undeclared = file.verdict == "undeclared" or nil
  end
  return files
end

return M
