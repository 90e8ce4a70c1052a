-- As cms.file, for 1 GiB. `openssl cms` takes 2.7 GiB of memory for it, and long: one round.

local lib = require "bench.lib"
local message = require "bench.message"

local MIB = 1024
local to = lib.ram() .. "/decrypted"
local on_ram

return {
  unit = "CPU ms of the whole process for 1 GiB from file to file on a RAM disk; ratio = times as"
    .. " fast",
  rounds = 1,
  setup = function()
    local _, copy, hash = message.prepare(MIB)
    on_ram = copy
    message.check(message.fiks(on_ram, MIB, to), to, hash)
  end,
  candidates = {
    message.candidate("fiks", function() return message.fiks(on_ram, MIB, to) end, to),
    message.candidate("openssl", function() return message.openssl(on_ram, to) end, to),
  },
  rows = {
    { name = "cms_large", figure = "process_cpu_ms", better = "higher", target = 11, ours = "fiks",
      reference = "openssl" },
    { name = "cms_large.peak", figure = "peak_mib", better = "lower", target = 18, ours = "fiks" },
  },
}
