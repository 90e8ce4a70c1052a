--- The core without its network: clients, calls and the queue are tables that follow a script.
-- Everything else (JSON, text, keys) is the real module.
--
--   local fake = fake_core.install()       -- fiks.* modules required from now on use it
--   fake.answer = function(spec) return { status = 200, body = "{}" } end   -- or nil, err, refused
--   fake.delay = function(spec) return n end   -- the nth completion after the others; default 0
--   fake.calls                                 -- every spec, in order of starting
--   fake_core.restore()

local M = {}

local saved

local Call = {}
Call.__index = Call

function Call:finished()
  assert(not self.closed, "finished() of a closed call")
  return self.done
end

Call.ready = Call.finished

function Call:result(close)
  assert(self.done and not self.closed, "result() of an unfinished or closed call")
  if close then
    self:close()
  end
  if self.cancelled then
    return nil, self.fake.error { kind = "cancelled", message = "the call was cancelled" }
  end
  return self.fake.answer(self.spec)
end

function Call:files()
  return self.spec.sink and self.spec.sink.files
end

function Call:place()
  return self.number
end

function Call:cancel()
  self.cancelled = true
end

function Call:close()
  self.closed = true
  self.fake.closed = self.fake.closed + 1
end

local Queue = {}
Queue.__index = Queue

-- Finishes the call that is due first.
function Queue:wait()
  local best, best_at
  for i, call in ipairs(self.fake.pending) do
    if not best or call.due < best.due then
      best, best_at = call, i
    end
  end
  if not best then
    error("the fake queue has nothing to wait for: this would hang")
  end
  table.remove(self.fake.pending, best_at)
  best.done = true
  self.fake.waits = self.fake.waits + 1
  if best.closed then
    return nil
  end
  return best, best.number
end

function Queue:await(call)
  if call.done then
    return true
  end
  local came, place = self:wait()
  if came == call then
    return true
  end
  return came, place
end

local Client = {}
Client.__index = Client

function Client:call(spec, queue)
  assert(queue == self.fake.the_queue, "a call must start on the state's queue")
  self.fake.calls[#self.fake.calls + 1] = spec
  if self.fake.refuse then
    return nil, self.fake.refuse
  end
  local call = self.fake.start(spec)
  return call, call.number
end

-- Every request is looked at closely, so that `call` sees them all.
function Client.begin()
  return false
end

function Client:close()
  self.closed = true
end

function Client:token()
  return self.fake.token
end

--- Puts the fake in place and forgets the fiks modules loaded so far.
function M.install()
  local real = require "fiks.core"
  local fake = setmetatable({ calls = {}, pending = {}, closed = 0, waits = 0, started = 0,
    clients = {} },
    { __index = real })

  function fake.answer()
    return { status = 200, body = "", content_type = "", attempts = 1, elapsed_ms = 1 }
  end

  function fake.start(spec)
    local call = setmetatable({ fake = fake, spec = spec, done = false }, Call)
    call.due = fake.delay and fake.delay(spec) or #fake.calls
    fake.pending[#fake.pending + 1] = call
    fake.started = fake.started + 1
    call.number = fake.started
    return call
  end

  function fake.client(settings)
    local copy = {}
    for name, value in pairs(settings) do
      copy[name] = value
    end
    fake.clients[#fake.clients + 1] = copy
    return setmetatable({ fake = fake }, Client)
  end

  function fake.queue()
    assert(not fake.the_queue, "one queue per Lua state")
    fake.the_queue = setmetatable({ fake = fake }, Queue)
    return fake.the_queue
  end

  function fake.error(fields)
    return require("fiks.error").new(fields)
  end

  saved = saved or {}
  for name, module in pairs(package.loaded) do
    if name == "fiks" or name:find("^fiks%.") then
      saved[name] = saved[name] or module
      package.loaded[name] = nil
    end
  end
  package.loaded["fiks.core"] = fake
  return fake
end

--- Puts the real modules back.
function M.restore()
  for name in pairs(package.loaded) do
    if name == "fiks" or name:find("^fiks%.") then
      package.loaded[name] = nil
    end
  end
  for name, module in pairs(saved or {}) do
    package.loaded[name] = module
  end
  saved = nil
  -- Errors of the core are of the class that was loaded first, again.
  local Error = package.loaded["fiks.error"]
  if Error then
    package.loaded["fiks.core"].set_error_metatable(getmetatable(Error.wrap("x")))
  end
end

return M
