-- What the rows json_encode, json_decode, json_encode_jit and json_decode_jit have in common: our
-- codec, which checks UTF-8 both ways, and Debian's lua-cjson (packaged for both runtimes), which
-- does not, over the same messages. Each measurement is a process of its own.

local lib = require "bench.lib"

local M = {}

local MESSAGES, TIMES = 5000, 15

local RUNTIMES = {
  ["lua5.4"] = { interpreter = "lua5.4", modules = "build/lua5.4/?.so;;" },
  luajit = { interpreter = "luajit", modules = "build/luajit/?.so;;" },
}

local function line(runtime, codec, direction, path)
  return lib.on_cpu(0) .. lib.command("env", "LUA_PATH=./?.lua;;", "LUA_CPATH=" .. runtime.modules,
    runtime.interpreter, "bench/json.lua", codec, direction, MESSAGES, path, TIMES)
end

local function figures(output)
  local bytes, cpu, with_collection = output:match("(%d+) (%d+) (%d+)%s*$")
  if not cpu then error("unexpected output: " .. output, 0) end
  return tonumber(cpu),
    { text_bytes = tonumber(bytes), with_collection_us = tonumber(with_collection) }
end

--- A row: `direction` is "encode" or "decode", `runtime` "lua5.4" or "luajit".
function M.new(name, direction, runtime, target)
  local row = {
    name = name,
    unit = ("CPU us to %s %d messages (3.4 MB) on %s; the reference is lua-cjson")
      :format(direction, MESSAGES, runtime),
    better = "lower",
    target = target,
    rounds = 7,
  }
  local path = lib.dir .. "/messages.json"
  function row.setup()
    lib.sh(line(RUNTIMES[runtime], "fiks", "write", path))
  end
  function row.ours() return figures(lib.sh(line(RUNTIMES[runtime], "fiks", direction, path))) end
  function row.reference()
    return figures(lib.sh(line(RUNTIMES[runtime], "cjson", direction, path)))
  end
  return row
end

return M
