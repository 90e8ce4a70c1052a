-- A cold process, one https call, exit, in Lua and in C (raw_call.c). No shared library may be
-- mapped that neither the C program nor the interpreter has, but the module's own.

local clients = require "bench.clients"
local lib = require "bench.lib"
local server = require "bench.server"

local RUNS = 10
local OUR_OWN = { ["core.so"] = true, ["libjansson.so.4"] = true }

local function our_words(...)
  return { "lua5.4", "bench/cold.lua", server.url, "/answer", server.ca_file, server.token_file,
    server.integrasjon_id, server.password_file, ... }
end

-- CPU ms of one run, the process as a whole.
local function cpu(words)
  local loop = ("for i in $(seq %d); do %s >/dev/null || exit 1; done"):format(RUNS,
    lib.command(table.unpack(words)))
  local line = lib.sh(lib.on_cpu(0) .. lib.command("build/bench/measure", "sh", "-c", loop))
  local cpu_us, wall_us = line:match("(%d+) (%d+) %d+%s*$")
  return cpu_us / 1000 / RUNS, { wall_ms = wall_us / 1000 / RUNS }
end

local function linked(program)
  local names = {}
  for name in lib.sh(lib.command("ldd", program)):gmatch("([%w%._+-]+%.so[%d.]*)[^\n]*") do
    names[name] = true
  end
  return names
end

-- Names in maps are of files (libcurl.so.4.8.0), names that programs link are not (libcurl.so.4).
local function is_of(names, file)
  for name in pairs(names) do
    if file == name or file:sub(1, #name + 1) == name .. "." then return true end
  end
  return false
end

local function check_libraries()
  local maps = lib.dir .. "/maps"
  lib.sh(lib.command(table.unpack(our_words(maps))))
  local lua = linked(lib.sh("command -v lua5.4"):gsub("%s", ""))
  local curl = linked("build/bench/raw_call")
  for path in io.lines(maps) do
    local file = lib.base_name(path)
    if not (is_of(curl, file) or is_of(lua, file) or is_of(OUR_OWN, file)) then
      error("cold_start: a library that the call does not use: " .. path, 0)
    end
  end
end

return {
  name = "cold_start",
  unit = "CPU ms of a process that makes one https call, whole; reference: the same in C",
  better = "lower",
  target = 1.35,
  rounds = 7,
  setup = function()
    server.start()
    check_libraries()
  end,
  ours = function() return cpu(our_words()) end,
  reference = function()
    return cpu(clients.raw(server.url .. "/answer", server.ca_file,
      { requests = 1, warm = 0, in_flight = 1 }))
  end,
}
