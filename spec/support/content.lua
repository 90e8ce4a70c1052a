--- For specs of what a download holds: keys, messages, and the forsendelse sink fed with them.

local core = require "fiks.core"
local material = require "spec.support.material"

local M = {}

local Content = {}
Content.__index = Content

--- A folder with key pairs `mottaker` and `annen`, and `inn`, where things are received.
function M.new()
  local made = material.new()
  made:sh([[
    self_signed mottaker /CN=mottaker -days 9
    self_signed annen /CN=annen -days 9
    mkdir inn zip
  ]])
  local self = setmetatable({ material = made }, Content)
  self.key = assert(core.key { file = made:path("mottaker.key") })
  self.other = assert(core.key { file = made:path("annen.key") })
  self.certificate = made:read("mottaker.pem")
  return self
end

function Content:remove()
  self.material:remove()
end

--- Encrypted as KS does it, for `mottaker`.
function Content:encrypt(plain)
  return assert(core.cms_encrypt(plain, { self.certificate }))
end

--- What `openssl cms -encrypt <options>` makes of it.
function Content:openssl(plain, options)
  self.material:write("plain", plain)
  self.material:sh("openssl cms -encrypt -binary -in plain -outform DER -out message " .. options)
  return self.material:read("message")
end

--- The names in a folder, a line each.
function Content:listing(folder)
  local pipe = assert(io.popen("LD_PRELOAD= ls -A '" .. self.material:path(folder) .. "'"))
  local names = pipe:read("*a")
  pipe:close()
  return names
end

--- Receives a message into a folder of its own. Options as of core.forsendelse_sink. Returns files,
--- and the number of the key, or nil, err; after a failure nothing may be left.
function Content:receive(message, options)
  self.count = (self.count or 0) + 1
  self.last = ("inn/%04d"):format(self.count)
  local given = { keys = { self.key }, folder = self.material:path(self.last) }
  for name, value in pairs(options or {}) do
    given[name] = value
  end
  local sink, err = core.forsendelse_sink(given)
  if not sink then
    return nil, err
  end
  local fed, files, key
  fed, err = sink:feed(message)
  if fed then
    files, key = sink:finish()
    err = key
  end
  sink:close()
  self.expected = (self.expected or "") .. (files and self.last:sub(5) .. "\n" or "")
  local left = self:listing("inn")
  if left ~= self.expected then
    error("left behind: " .. left)
  end
  return files, err
end

--- The content of a file that was received last.
function Content:read(file)
  return self.material:read(self.last .. "/" .. file.stored_as)
end

--- Archives of every kind (zips.py): kind -> bytes.
function Content:zips()
  self.material:sh("/usr/bin/python3 '" .. M.root() .. "/spec/support/zips.py' zip; ls zip >kinds")
  local zips = {}
  for name in self.material:read("kinds"):gmatch("([^\n]+)%.zip\n") do
    zips[name] = self.material:read("zip/" .. name .. ".zip")
  end
  return zips
end

--- The folder of the project, which specs run in.
function M.root()
  local pipe = assert(io.popen("pwd"))
  local root = pipe:read("*l")
  pipe:close()
  return root
end

return M
