-- Encrypted messages of random bytes, as SvarUt writes them, for the rows cms and cms_large: made
-- once, put on the RAM disk for what goes from file to file.

local lib = require "bench.lib"

local M = {}

M.jars = "/usr/share/java/bcpkix.jar:/usr/share/java/bcprov.jar:/usr/share/java/bcutil.jar"

local function sha256(path)
  return lib.sh(lib.command("sha256sum", path)):match("^%x+")
end

local function make(message, hash_file, mib)
  local _, certificate = lib.certificate("recipient")
  local plain = message .. ".plain"
  lib.sh(("head -c %dM /dev/urandom > %s"):format(mib, plain))
  lib.write(hash_file .. ".new", sha256(plain))
  lib.sh(("%s <%s >%s.new"):format(lib.encrypt(certificate), plain, message))
  os.remove(plain)
  assert(os.rename(message .. ".new", message))
  assert(os.rename(hash_file .. ".new", hash_file))
end

--- Its path, and a copy of it on the RAM disk.
function M.prepare(mib)
  local message = ("%s/message-%d.cms"):format(lib.dir, mib)
  local hash_file = message .. ".sha256"
  if not (lib.exists(message) and lib.exists(hash_file)) then make(message, hash_file, mib) end
  local copy = ("%s/message-%d.cms"):format(lib.ram(), mib)
  lib.sh(lib.command("cp", message, copy))
  return message, copy, lib.read(hash_file)
end

--- The words of lua-fiks that decrypt a message; to nowhere without `to`.
function M.fiks(message, mib, to)
  local key, certificate = lib.certificate("recipient")
  return { "lua5.4", "bench/cms.lua", message, key, certificate, mib * 1024 * 1024, to }
end

function M.openssl(message, to)
  local key, certificate = lib.certificate("recipient")
  return { "openssl", "cms", "-decrypt", "-inform", "DER", "-in", message, "-inkey", key, "-recip",
    certificate, "-out", to }
end

--- BouncyCastle, AES by SunJCE; compiled once.
function M.java(message, to)
  local classes = lib.dir .. "/java"
  if not lib.exists(classes .. "/CmsDecrypt.class") then
    lib.sh(lib.command("javac", "-cp", M.jars, "-d", classes, "bench/peers/CmsDecrypt.java"))
  end
  local key = lib.certificate("recipient")
  return { "java", "-cp", classes .. ":" .. M.jars, "CmsDecrypt", message, key, to }
end

--- Decrypts to a file that must come to have this hash, and is removed.
function M.check(words, to, hash)
  lib.sh(lib.command(table.unpack(words)))
  local got = sha256(to)
  os.remove(to)
  if got ~= hash then error(words[1] .. ": the decrypted file is not the original", 0) end
end

--- A candidate whose program makes the file `to`, which is removed.
function M.candidate(name, words, to)
  return {
    name = name,
    run = function()
      local figures = lib.run_whole(table.unpack(words()))
      if to then os.remove(to) end
      return figures
    end,
  }
end

return M
