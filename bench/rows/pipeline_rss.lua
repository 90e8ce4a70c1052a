-- What the process that receives a forsendelse holds at most, whatever its size. The server makes
-- the messages while it sends them; what is received lies on the disk for a moment.

local forsendelse = require "bench.forsendelse"
local lib = require "bench.lib"
local server = require "bench.server"

local SIZES = { 1, 1024, 4096 }

local candidates, rows = {}, {}
for _, mib in ipairs(SIZES) do
  local name = mib .. " MiB"
  candidates[#candidates + 1] = {
    name = name,
    run = function()
      local folder = lib.dir .. "/received"
      lib.sh(lib.command("mkdir", "-p", folder))
      local words = forsendelse.receive(mib, "made-" .. mib, folder)
      local figures = lib.run_whole(table.unpack(words))
      lib.sh(lib.command("rm", "-r", folder))
      return figures
    end,
  }
  rows[#rows + 1] = {
    name = ("pipeline_rss.%d"):format(mib), figure = "peak_mib", better = "lower", target = 18,
    ours = name,
  }
end

return {
  unit = "MiB: peak of the process that receives a forsendelse of so many MiB",
  rounds = 1,
  setup = server.start,
  candidates = candidates,
  rows = rows,
}
