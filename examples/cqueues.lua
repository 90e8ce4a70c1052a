-- Calls beside an event loop that brings its own coroutines: cqueues. One of them waits for the
-- descriptor of lua-fiks, the others make calls as if they blocked.
-- Usage: cqueues.lua <settings.lua> <path> [<path> ...]

local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local fiks = require "fiks"

local client = fiks.check(fiks.new(dofile(arg[1])))
local engine = fiks.check(fiks.engine {
  current = function() return cqueues.running() and condition.new() or nil end,
  wait = function(woken) woken:wait() end,
  wake = function(woken) woken:signal() end,
})

local cq = cqueues.new()
local running, ticks = #arg - 1, 0

cq:wrap(function()
  while running > 0 do
    cqueues.poll({ pollfd = engine:fd(), events = "r" }, 0.05)
    engine:dispatch()
  end
end)

cq:wrap(function()
  while running > 0 do
    cqueues.sleep(0.005)
    ticks = ticks + 1
  end
end)

for i = 2, #arg do
  cq:wrap(function()
    local answer, err = client:request { method = "GET", path = arg[i] }
    print(arg[i], answer and answer.status or err)
    running = running - 1
  end)
end

assert(cq:loop())
print(("the loop ticked %s"):format(ticks > 0 and "meanwhile" or "never"))
engine:close()
