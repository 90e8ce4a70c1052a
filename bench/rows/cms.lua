-- Decrypting a CMS of 256 MiB as SvarUt writes them (RSA-OAEP SHA-256, AES-256-CBC, streamed BER):
-- output discarded, and from file to file on a RAM disk; whole process, against
-- `openssl cms -decrypt` and BouncyCastle.

local lib = require "bench.lib"
local message = require "bench.message"

local MIB = 256
local to = lib.ram() .. "/decrypted"
local from, on_ram

return {
  unit = "CPU ms of the whole process for 256 MiB; ratio = times as fast. .file: from file to file"
    .. " on a RAM disk",
  rounds = 3,
  setup = function()
    local hash
    from, on_ram, hash = message.prepare(MIB)
    for _, words in ipairs { message.fiks(on_ram, MIB, to), message.java(on_ram, to) } do
      message.check(words, to, hash)
    end
  end,
  candidates = {
    message.candidate("fiks", function() return message.fiks(from, MIB) end),
    message.candidate("openssl", function() return message.openssl(from, "/dev/null") end),
    message.candidate("fiks file", function() return message.fiks(on_ram, MIB, to) end, to),
    message.candidate("openssl file", function() return message.openssl(on_ram, to) end, to),
    message.candidate("java file", function() return message.java(on_ram, to) end, to),
  },
  rows = {
    { name = "cms", figure = "process_cpu_ms", better = "higher", target = 15, ours = "fiks",
      reference = "openssl" },
    { name = "cms.file", figure = "process_cpu_ms", better = "higher", target = 7,
      ours = "fiks file", reference = "openssl file" },
    { name = "cms.file.java", figure = "process_cpu_ms", better = "higher", target = 6,
      ours = "fiks file", reference = "java file" },
    { name = "cms.file.wall", figure = "process_wall_ms", better = "higher", ours = "fiks file",
      reference = "openssl file" },
    { name = "cms.file.peak", figure = "peak_mib", better = "lower", target = 18,
      ours = "fiks file" },
  },
}
