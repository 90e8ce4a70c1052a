-- What a call pays for a token that is cached: the look-up with lock, clocks, age and a wiped copy
-- of the token, against a plain hash table with the same inputs as the key (bench/token_cached.c).

local lib = require "bench.lib"

local row = {
  name = "token_cached",
  unit = "CPU ns per cached token; reference: a plain hash look-up with the same key",
  better = "lower",
  target = 1.0,
  rounds = 9,
}

local look_ups = 1000000

local function figures(line)
  local count, ours, peek, reference = line:match("(%d+) (%d+) (%d+) (%d+)%s*$")
  if not count then error("unexpected output: " .. line, 0) end
  return ours / count, peek / count, reference / count
end

function row.setup()
  local key, certificate = lib.certificate("client")
  row.line = lib.on_cpu(0) .. lib.command("build/bench/token_cached", key, certificate, look_ups)
end

-- One run measures both sides in turn: the reference belongs to the figure before it.
function row.ours()
  local ours, peek
  ours, peek, row.last = figures(lib.sh(row.line))
  return ours, { fiks_client_peek_token_ns = peek }
end

function row.reference() return row.last end

return row
