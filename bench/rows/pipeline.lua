-- A forsendelse of 254 MB from SvarInn over loopback https to verified files in a folder on a RAM
-- disk: download, decrypt, unpack, CRC, SHA-256, write, fsync, rename; against the usual programs,
-- and against what inflating, CRC and SHA-256 cost by themselves.

local forsendelse = require "bench.forsendelse"
local lib = require "bench.lib"
local server = require "bench.server"

local MIB = 240
local ID = "file-" .. MIB
local has_isal = lib.sh("ldd build/lua5.4/fiks/core.so"):find("libisal", 1, true) ~= nil

local function into_folder(words_of, run)
  return function()
    local folder = lib.ram() .. "/forsendelser"
    lib.sh(lib.command("mkdir", folder))
    local figures = run(table.unpack(words_of(MIB, ID, folder)))
    lib.sh(lib.command("rm", "-r", folder))
    return figures
  end
end

return {
  unit = "CPU ms of the whole process (the peer's: of all of them) for 254 MB, 43 files, 361 MB;"
    .. " .wall: ms. .share: CPU us while it receives; reference: inflate, CRC, SHA-256 from memory."
    .. " .download: reference is curl that only downloads",
  rounds = 3,
  setup = function()
    server.start()
    forsendelse.message(MIB)
  end,
  candidates = {
    { name = "fiks", run = into_folder(forsendelse.receive, lib.run_client) },
    { name = "programs", run = into_folder(forsendelse.receive_by_peer, lib.run_whole) },
    {
      name = "curl",
      run = function()
        return lib.run_whole("sh", "-c",
          'curl -sSf --cacert "$1" -u "$2:$(cat "$3")" -o /dev/null "$4"', "curl", server.ca_file,
          server.svarinn_username, server.password_file,
          server.url .. "/api/svarinn/v2/forsendelser/" .. ID)
      end,
    },
    {
      name = "memory",
      run = function()
        return lib.run_client("build/bench/unpack_memory", forsendelse.zip(MIB),
          forsendelse.list(MIB))
      end,
    },
  },
  rows = {
    { name = "pipeline", figure = "process_cpu_ms", better = "higher",
      target = has_isal and 5 or 3.5, ours = "fiks", reference = "programs" },
    { name = "pipeline.wall", figure = "process_wall_ms", better = "higher", ours = "fiks",
      reference = "programs" },
    -- Beside a faster inflate, what it is not weighs more: told, not judged.
    { name = "pipeline.share", figure = "cpu_us", better = "lower",
      target = not has_isal and 1.35 or nil, slack = "quartile", ours = "fiks",
      reference = "memory" },
    { name = "pipeline.download", figure = "process_cpu_ms", better = "lower", ours = "fiks",
      reference = "curl" },
    { name = "pipeline.peak", figure = "peak_mib", better = "lower", target = 18, ours = "fiks" },
  },
}
