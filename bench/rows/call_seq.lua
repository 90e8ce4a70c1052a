-- Signed calls one after the other from Lua, answers decoded, against libcurl alone (raw_seq.c).

local lib = require "bench.lib"
local server = require "bench.server"

local row = {
  name = "call_seq",
  unit = "CPU us per request over https, kept connection; ours decodes the answer",
  better = "lower",
  target = 1.12,
  rounds = 7,
}

local requests = 4000

local function figures(line)
  local count, cpu, wall = line:match("(%d+) (%d+) (%d+)%s*$")
  if not count then error("unexpected output: " .. line, 0) end
  return cpu / count, { wall_us = wall / count, requests_per_s = 1e6 * count / wall }
end

function row.setup()
  server.start()
  local key, certificate = lib.certificate("client")
  row.ours_line = lib.on_cpu(0) .. lib.command("lua5.4", "bench/call_seq.lua", server.url,
    server.ca_file, requests, key, certificate, server.integrasjon_id, server.password_file)
  row.reference_line = lib.on_cpu(0) .. lib.command("build/bench/raw_seq", server.url .. "/answer",
    server.ca_file, requests, server.token_file, server.integrasjon_id, server.password_file)
end

function row.ours() return figures(lib.sh(row.ours_line)) end

function row.reference() return figures(lib.sh(row.reference_line)) end

return row
