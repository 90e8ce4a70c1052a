-- RS256 signatures through key:sign from Lua, against `openssl speed rsa2048` in the same run.

local lib = require "bench.lib"

local row = {
  name = "sign",
  unit = "CPU us per RS256 signature (RSA 2048) from Lua; ratio = times as fast as openssl speed",
  better = "higher",
  target = 0.95,
  rounds = 7,
}

local signatures = 2000

function row.setup()
  local key, certificate = lib.certificate("client")
  row.ours_line = lib.on_cpu(0) .. lib.command("lua5.4", "bench/sign.lua", key, certificate,
    signatures)
  row.reference_line = lib.on_cpu(0) .. "openssl speed -mr -seconds 1 rsa2048"
end

function row.ours()
  local count, cpu, wall = lib.sh(row.ours_line):match("(%d+) (%d+) (%d+)%s*$")
  return cpu / count, { signatures_per_s = 1e6 * count / cpu, wall_us = wall / count }
end

-- "+F2:2:2048:<seconds per signature or, newer, signatures per second>:..." differs between
-- versions: of 3.0 it is the number per second.
function row.reference()
  local output = lib.sh(row.reference_line)
  local figure = tonumber(output:match("%+F2:%d+:2048:([%d.]+)"))
  if not figure or figure <= 0 then error("unexpected output: " .. output, 0) end
  local per_s = figure < 1 and 1 / figure or figure
  return 1e6 / per_s, { signatures_per_s = per_s }
end

return row
