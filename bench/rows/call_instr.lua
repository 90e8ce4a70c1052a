-- Instructions per request, which no other program disturbs: the difference between two numbers of
-- requests, so that starting is not in it. One in flight, https, the answer decoded by ours.

local clients = require "bench.clients"
local lib = require "bench.lib"
local server = require "bench.server"

local FEW, MANY = 200, 1000

local function per_request(words)
  local function count(requests)
    return lib.instructions(table.unpack(words { requests = requests, warm = 20, in_flight = 1 }))
  end
  return (count(MANY) - count(FEW)) / (MANY - FEW)
end

return {
  name = "call_instr",
  unit = "instructions (callgrind) per request over https, answer decoded; reference: libcurl",
  better = "lower",
  target = 1.20,
  rounds = 3,
  setup = function() server.start() end,
  ours = function()
    return per_request(function(counts)
      return clients.fiks({ "lua5.4" }, server.url, "/answer", server.ca_file, counts)
    end)
  end,
  reference = function()
    return per_request(function(counts)
      return clients.raw(server.url .. "/answer", server.ca_file, counts)
    end)
  end,
}
