-- What a call pays for a token that is cached: the look-up with lock, two clocks, age and a copy of
-- the token (700 bytes) that is wiped, against a plain hash table with the same inputs as the key,
-- the hash stored beside it on both sides (bench/token_cached.c): 11 ns, in which none of the rest
-- can be done. Some 160 ns are a ten thousandth of a call.

local lib = require "bench.lib"

local row = {
  name = "token_cached",
  unit = "CPU ns per cached token; reference: a plain hash look-up with the same key",
  better = "lower",
  target = 25,
  rounds = 9,
}

local look_ups = 1000000

local function figures(line)
  local count, ours, peek, reference, threads, together =
    line:match("(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)%s*$")
  if not count then error("unexpected output: " .. line, 0) end
  return ours / count, reference / count, {
    fiks_client_peek_token_ns = peek / count,
    [("by_%d_threads_ns"):format(threads)] = together / count,
  }
end

function row.setup()
  local key, certificate = lib.certificate("client")
  row.line = lib.command("build/bench/token_cached", key, certificate, look_ups)
end

-- One run measures both sides in turn: the reference belongs to the figure before it.
function row.ours()
  local ours, more
  ours, row.last, more = figures(lib.sh(row.line))
  return ours, more
end

function row.reference() return row.last end

return row
