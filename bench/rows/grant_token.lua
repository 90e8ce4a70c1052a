-- From a new grant to its token: claims, signature, https on a kept connection, the answer read and
-- cached, from Lua, against OpenSSL and libcurl alone (raw_grant.c) with the same request.

local lib = require "bench.lib"
local server = require "bench.server"

local row = {
  name = "grant_token",
  unit = "CPU us from grant to token over https, kept connection",
  better = "lower",
  target = 1.25,
  rounds = 7,
}

local requests = 1000

local function figures(line)
  local count, cpu, wall = line:match("(%d+) (%d+) (%d+)%s*$")
  if not count then error("unexpected output: " .. line, 0) end
  return cpu / count, { wall_us = wall / count }
end

function row.setup()
  server.start()
  local key, certificate = lib.certificate("client")
  row.ours_line = lib.on_cpu(0) .. lib.command("lua5.4", "bench/grant_token.lua", server.url,
    server.ca_file, requests, key, certificate)
  row.reference_line = lib.on_cpu(0) .. lib.command("build/bench/raw_grant", server.url,
    server.ca_file, requests, key, certificate)
end

function row.ours() return figures(lib.sh(row.ours_line)) end

function row.reference() return figures(lib.sh(row.reference_line)) end

return row
