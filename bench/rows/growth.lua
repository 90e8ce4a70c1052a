-- What memory does not do: grow with the number of calls; and how much 1,000 calls in flight in one
-- thread take, all there at once (the server waits for the last before it answers the first).

local clients = require "bench.clients"
local lib = require "bench.lib"
local server = require "bench.server"

local TOGETHER = 1000

local runs = 0

local function path_of_run()
  runs = runs + 1
  return ("/together?count=%d&run=%d.%d"):format(TOGETHER, os.time(), runs)
end

local counts = { requests = TOGETHER, warm = 0, in_flight = TOGETHER }

local function fiks(scheme)
  return {
    name = "fiks " .. scheme,
    run = function()
      return lib.run_client(table.unpack(clients.fiks({ "lua5.4" }, server.urls[scheme],
        path_of_run(), server.ca_file, counts)))
    end,
  }
end

local function raw(scheme)
  return {
    name = "raw " .. scheme,
    run = function()
      return lib.run_client(table.unpack(clients.raw(server.urls[scheme] .. path_of_run(),
        server.ca_file, counts)))
    end,
  }
end

local function growth()
  local key, certificate = lib.certificate("client")
  local line = lib.sh(lib.on_cpu(0) .. lib.command("lua5.4", "bench/growth.lua", server.url,
    "/answer", server.ca_file, key, certificate, server.integrasjon_id, server.password_file))
  local before, after = line:match("(%d+)%s+(%d+)%s*$")
  return { mib = (after - before) / 1024, before_mib = before / 1024 }
end

local function in_flight(scheme, row)
  row.name, row.figure, row.better = "in_flight_1000." .. scheme, "peak_mib", "lower"
  row.ours = row.ours or "fiks " .. scheme
  return row
end

return {
  unit = "MiB that 90,000 calls more leave behind; in_flight_1000: peak MiB of the whole process,"
    .. " reference: libcurl alone",
  rounds = 3,
  setup = function() server.start() end,
  candidates = {
    { name = "fiks", once = true, run = growth },
    fiks("http"), fiks("h2"), fiks("https"), raw("https"), raw("http"), raw("h2"),
  },
  rows = {
    { name = "growth", figure = "mib", better = "lower", target = 0.5, ours = "fiks" },
    in_flight("http", { target = 64 }),
    in_flight("h2", { target = 64 }),
    in_flight("https", { target = 1.15, reference = "raw https" }),
    in_flight("http.raw", { ours = "raw http" }), in_flight("h2.raw", { ours = "raw h2" }),
  },
}
