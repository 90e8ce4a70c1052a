--- What is borne of a server: the option `timeouts` of a client, and of one call.

local Error = require "fiks.error"

local M = {}

---@class fiks.Timeouts
---@field total_ms integer? over all tries, token and pauses included; not of streamed answers
---@field connect_ms integer? name, connection and handshake; 5000, when absent
---@field first_byte_ms integer? from the request's last byte to the answer's first
---@field idle_ms integer? between two bytes, either way
---@field min_bytes_per_s integer? of a streamed answer, over each idle_ms; 1000, when absent

-- Option -> what the core calls it.
local NAMES = {
  total_ms = "timeout_ms", connect_ms = "connect_timeout_ms",
  first_byte_ms = "first_byte_timeout_ms", idle_ms = "idle_timeout_ms",
  min_bytes_per_s = "min_bytes_per_s",
}
local MOST = 2 ^ 31 - 1

M.names = {}
for name in pairs(NAMES) do
  M.names[#M.names + 1] = name
end
table.sort(M.names)

--- The core's options.
---@param given fiks.Timeouts|nil
---@param kind fiks.ErrorKind of the error: "config" or "invalid"
---@return table<string, integer>? found
---@return fiks.Error? err
function M.read(given, kind)
  local found = {}
  if given ~= nil and type(given) ~= "table" then
    return nil, Error.new { kind = kind, code = "timeouts",
      message = "option 'timeouts' must be a table such as { idle_ms = 30000 }, not a "
        .. type(given) }
  end
  for name, value in pairs(given or {}) do
    if type(value) ~= "number" or value ~= math.floor(value) or value < 1 or value > MOST then
      return nil, Error.new { kind = kind, code = "timeouts." .. name,
        message = ("option 'timeouts.%s' must be a whole number from 1 to %d"):format(name, MOST) }
    end
    found[NAMES[name]] = value
  end
  return found
end

return M
