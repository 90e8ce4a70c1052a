-- What the rows pipeline and pipeline_rss receive: forsendelser of SvarInn, as lists of files and,
-- where they are not made while they are sent, as a zip and the encrypted message.

local lib = require "bench.lib"
local server = require "bench.server"

local M = {}

local make_zip = "build/bench/make_zip"

local function path(mib, extension)
  return ("%s/forsendelse-%d.%s"):format(lib.dir, mib, extension)
end

-- Unless the file is there, the command line made for it makes it.
local function make(file, line_for)
  if lib.exists(file) then return end
  lib.sh(line_for(file .. ".new"))
  assert(os.rename(file .. ".new", file))
end

--- The list of the files of one of so many MiB.
function M.list(mib)
  local list = path(mib, "list")
  make(list, function(to) return lib.command(make_zip, mib, to) .. " >/dev/null" end)
  return list
end

--- The zip of one.
function M.zip(mib)
  local zip = path(mib, "zip")
  make(zip, function(to) return lib.command(make_zip, mib, "/dev/null") .. " >" .. to end)
  return zip
end

--- The encrypted message, which the server has as "file-<mib>".
function M.message(mib)
  local _, certificate = lib.certificate("recipient")
  make(path(mib, "cms"), function(to)
    return lib.encrypt(certificate) .. " <" .. M.zip(mib) .. " >" .. to
  end)
end

--- The words that receive the forsendelse `id` of the server, of so many MiB, into <into>/<id>.
function M.receive(mib, id, into)
  local key, certificate = lib.certificate("recipient")
  return { "lua5.4", "bench/pipeline.lua", server.url, server.ca_file, server.svarinn_username,
    server.password_file, key, certificate, id, M.list(mib), into }
end

--- The words of the peer that does the same.
function M.receive_by_peer(mib, id, into)
  local key, certificate = lib.certificate("recipient")
  return { "bench/peers/pipeline.sh", server.url .. "/api/svarinn/v2/forsendelser/" .. id,
    server.ca_file, server.svarinn_username, server.password_file, key, certificate, M.list(mib),
    into .. "/" .. id }
end

return M
