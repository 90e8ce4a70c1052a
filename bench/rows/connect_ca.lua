-- The second and later new connections, with the bundle of all CAs of the system: the server
-- closes after each answer. Ours resumes the TLS session each time (call.lua checks what the server
-- says of it) and has read the bundle once; libcurl as Debian builds it reads it for each.

local clients = require "bench.clients"
local lib = require "bench.lib"
local server = require "bench.server"

local bundle = lib.dir .. "/bundle.pem"

local function cpu(words)
  local figures = lib.run_client(table.unpack(words))
  return figures.cpu_us, figures
end

return {
  name = "connect_ca",
  unit = "CPU us per request on a new connection, all resumed, system CA bundle; reference:"
    .. " libcurl's defaults",
  better = "lower",
  target = 0.05,
  rounds = 7,
  setup = function()
    server.start()
    lib.write(bundle, lib.read("/etc/ssl/certs/ca-certificates.crt") .. lib.read(server.ca_file))
  end,
  ours = function()
    return cpu(clients.fiks({ "lua5.4" }, server.url, "/closing", bundle,
      { requests = 200, warm = 1, in_flight = 1 }))
  end,
  reference = function()
    return cpu(clients.raw(server.url .. "/closing", bundle,
      { requests = 30, warm = 1, in_flight = 1 }))
  end,
}
