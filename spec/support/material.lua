--- For specs: a folder of its own with keys and certificates, made with the openssl command, and
--- programs run beside this one.

local M = {}

local SHELL = [[set -e
self_signed() { # NAME SUBJECT [openssl req options]
  name=$1; subject=$2; shift 2
  openssl req -x509 -newkey rsa:2048 -nodes -utf8 -keyout "$name.key" -out "$name.pem" \
    -subj "$subject" "$@"
}
]]

local Material = {}
Material.__index = Material

local function succeeded(result)
  return result == true or result == 0
end

--- A new empty folder; `remove` it.
function M.new()
  local folder = os.tmpname()
  os.remove(folder)
  assert(succeeded(os.execute("mkdir -m 700 '" .. folder .. "'")))
  return setmetatable({ folder = folder }, Material)
end

function Material:path(name)
  return self.folder .. "/" .. name
end

function Material:write(name, text)
  local file = assert(io.open(self:path(name), "wb"))
  file:write(text)
  file:close()
  return self:path(name)
end

function Material:read(name)
  local file = assert(io.open(self:path(name), "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

--- Runs a shell script in the folder; an error when a command of it fails.
function Material:sh(script)
  local file = self:write(".script", SHELL .. script)
  local command = ("cd '%s' && LD_PRELOAD= bash '%s' >>.log 2>&1 </dev/null"):format(
    self.folder, file)
  if not succeeded(os.execute(command)) then
    error(script .. "\n" .. self:read(".log"), 2)
  end
end

-- The command that runs a file of Lua with the plain build, also under a sanitizer.
local function command(self, code, around)
  local file = self:write(".code.lua", code)
  local runtime = rawget(_G, "jit") and "luajit" or "lua5.4"
  return ("timeout 60 env LUA_PATH='lua/?.lua;lua/?/init.lua;./?.lua;;' "
    .. "LUA_CPATH='build/%s/?.so;;' %s '%s' '%s' '%s'"):format(runtime, around or "",
      os.getenv("FIKS_LUA") or runtime, file, self.folder)
end

local function output_of(shell)
  local pipe = assert(io.popen("LD_PRELOAD= " .. shell .. " </dev/null 2>&1"))
  local output = pipe:read("*a")
  pipe:close()
  return output
end

--- Runs Lua code in a process of its own and returns all that it wrote. `around` comes before the
--- interpreter: variables and wrappers.
---@param code string gets `...`, the folder
---@param around string?
---@return string output
function Material:lua(code, around)
  return output_of(command(self, code, around))
end

--- As `lua`, on a terminal of its own, on which nobody types.
function Material:on_terminal(code)
  local file = self:write(".terminal.sh", command(self, code) .. "\n")
  return output_of(("script -qec \"sh '%s'\" /dev/null"):format(file))
end

function Material:remove()
  os.execute("rm -rf '" .. self.folder .. "'")
end

return M
