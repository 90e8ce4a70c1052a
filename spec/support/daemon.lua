--- For specs: programs of others that serve on loopback, started on free ports and ended by pid.

local M = {}

local function output_of(command)
  local pipe = assert(io.popen("LD_PRELOAD= " .. command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

--- As many ports as asked for that nobody listens on, each different.
---@param count integer
---@return integer ...
function M.ports(count)
  local text = output_of(("/usr/bin/python3 -c 'import socket; s = [socket.socket() for _ in "
    .. "range(%d)]; [x.bind((\"127.0.0.1\", 0)) for x in s]; "
    .. "print(*[x.getsockname()[1] for x in s])'"):format(count))
  local ports = {}
  for port in text:gmatch("%d+") do
    ports[#ports + 1] = tonumber(port)
  end
  assert(#ports == count)
  return (rawget(table, "unpack") or rawget(_G, "unpack"))(ports)
end

local Daemon = {}
Daemon.__index = Daemon

-- Until the port answers, but not for longer than 20 s, nor when the program has ended.
local WAIT = [[for _ in $(seq 400); do
  if (exec 3<>/dev/tcp/127.0.0.1/%d) 2>/dev/null; then exit 0; fi
  kill -0 %d 2>/dev/null || exit 1
  sleep 0.05
done
exit 1]]

--- Starts a program that stays in the foreground; `stop` it.
---@param material table of spec.support.material: where it runs and logs
---@param name string of its log
---@param command string
---@param port integer it is ready when this one answers
function M.start(material, name, command, port)
  local log = material:path(name .. ".log")
  local pid = output_of(("sh -c 'cd \"%s\" && exec setsid %s' >'%s' 2>&1 </dev/null & echo $!")
    :format(material.folder, command, log)):match("%d+")
  local self = setmetatable({ pid = pid, log = log }, Daemon)
  material:write(name .. ".wait", WAIT:format(port, pid))
  local ready = os.execute(("LD_PRELOAD= bash '%s'"):format(material:path(name .. ".wait")))
  if ready ~= true and ready ~= 0 then
    self:stop()
    error(("%s did not start:\n%s"):format(command, material:read(name .. ".log")), 2)
  end
  return self
end

--- At once: it has nothing to tidy up but the folder, which goes too.
function Daemon:stop()
  os.execute(("kill -9 %s 2>/dev/null; for _ in $(seq 200); do grep -qs '^State:.[^ZX]' "
    .. "/proc/%s/status || exit 0; sleep 0.02; done"):format(self.pid, self.pid))
end

return M
