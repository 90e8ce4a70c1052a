-- The side of lua-fiks in the row cms.
-- Usage: cms.lua <message> <key> <certificate> <expected bytes> [<write to>]   (default: discard)

local core = require "fiks.core"

local from, key_file, certificate_file, expected, to = table.unpack(arg)
local key = assert(core.key { file = key_file, certificate_file = certificate_file })
local result, err = core.cms_decrypt_file { from = from, to = to, keys = { key } }
if not result then error(err.message) end
if result.bytes ~= tonumber(expected) then error("wrong length: " .. tostring(result.bytes)) end
