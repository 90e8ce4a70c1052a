-- Calls beside an event loop: luv (libuv for Lua) waits for one descriptor of lua-fiks among its
-- own, and each coroutine reads as if it blocked. Usage: luv.lua <settings.lua> <path> [<path> ...]

local fiks = require "fiks"
local uv = require "luv"

local client = fiks.check(fiks.new(dofile(arg[1])))
local engine = fiks.check(fiks.engine())

local poll = uv.new_poll(engine:fd())
poll:start("r", function() engine:dispatch() end)

-- Whatever else the program does goes on meanwhile.
local ticks, timer = 0, uv.new_timer()
timer:start(5, 5, function() ticks = ticks + 1 end)

local running = #arg - 1
for i = 2, #arg do
  engine:spawn(function()
    local answer, err = client:request { method = "GET", path = arg[i] }
    print(arg[i], answer and answer.status or err)
    running = running - 1
    if running == 0 then
      poll:close()
      timer:close()
    end
  end)
end

uv.run()
print(("the loop ticked %s"):format(ticks > 0 and "meanwhile" or "never"))
engine:close()
