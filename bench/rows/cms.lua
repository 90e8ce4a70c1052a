-- Decrypting a CMS of 256 MiB as SvarUt writes them (RSA-OAEP SHA-256, AES-256-CBC, streamed BER),
-- output discarded, whole process, against `openssl cms -decrypt`.

local lib = require "bench.lib"

local row = {
  name = "cms",
  unit = "CPU ms of the whole process for 256 MiB; ratio = times as fast",
  better = "higher",
  target = 15,
  rounds = 5,
}

local bytes = 256 * 1024 * 1024
local plain, message = lib.dir .. "/plain.bin", lib.dir .. "/message.cms"
local hash_file = lib.dir .. "/plain.sha256"

local function sha256(path)
  return lib.sh(lib.command("sha256sum", path)):match("^%x+")
end

local function make_message(certificate)
  if lib.exists(message) and lib.exists(hash_file) then return end
  lib.sh(("head -c %d /dev/urandom > %s"):format(bytes, plain))
  lib.write(hash_file .. ".new", sha256(plain))
  lib.sh(lib.command("openssl", "cms", "-encrypt", "-stream", "-binary", "-aes256", "-in", plain,
    "-outform", "DER", "-out", message .. ".new", "-recip", certificate,
    "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256",
    "-keyopt", "rsa_mgf1_md:sha256"))
  os.remove(plain)
  assert(os.rename(message .. ".new", message))
  assert(os.rename(hash_file .. ".new", hash_file))
end

local function figures(line)
  local cpu, wall, peak = line:match("(%d+) (%d+) (%d+)%s*$")
  if not cpu then error("unexpected output: " .. line, 0) end
  return cpu / 1000, { wall_ms = wall / 1000, peak_mib = peak / 1024 }
end

function row.setup()
  local key, certificate = lib.certificate("recipient")
  make_message(certificate)
  local measure = lib.on_cpu(0) .. "build/bench/measure "
  local ours = { "lua5.4", "bench/cms.lua", message, key, certificate, bytes }
  row.ours_line = measure .. lib.command(table.unpack(ours))
  row.reference_line = measure .. lib.command("openssl", "cms", "-decrypt", "-inform", "DER",
    "-in", message, "-inkey", key, "-recip", certificate, "-out", "/dev/null")

  ours[#ours + 1] = plain
  os.remove(plain)
  lib.sh(lib.command(table.unpack(ours)))
  local got = sha256(plain)
  os.remove(plain)
  if got ~= lib.read(hash_file) then error("cms: the decrypted file is not the original", 0) end
end

function row.ours() return figures(lib.sh(row.ours_line)) end

function row.reference() return figures(lib.sh(row.reference_line)) end

return row
