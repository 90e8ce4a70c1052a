-- A receiver as a program of its own, for specs that kill it, trace it or run several: what it does
-- is told by a file of JSON (see spec/support/receivers.lua). It writes a line to the log for each
-- forsendelse that its handler sees, and a row to the table `sak` through the transaction.

local core = require "fiks.core"
local fiks = require "fiks"

local file = assert(io.open(arg[1], "rb"))
local told = assert(core.json_decode(file:read("*a")))
file:close()

local function log(text)
  local out = assert(io.open(told.log, "a"))
  out:write(text, "\n")
  out:close()
end

-- Ends this process at a step, before or after it, as a crash would: the nth time it is come to.
local function die_at(what)
  local owner = require("fiks.svarinn." .. what.module)
  local real, times = owner[what.step], 0
  local function die()
    os.execute("kill -9 $PPID")
  end
  owner[what.step] = function(...)
    times = times + 1
    if times == what.nth and what.when == "before" then
      die()
    end
    local one, two = real(...)
    if times == what.nth and what.when == "after" then
      die()
    end
    return one, two
  end
end

if told.die then
  die_at(told.die)
end

local client = fiks.check(fiks.new(told.endpoint
  and { environment = { svarut = told.endpoint }, allow_loopback_http = true }
  or { environment = "sandbox" }))
local svarinn = fiks.check(client:svarinn {
  username = told.username, password = told.password, version = told.version,
  keys = { { key = told.key, pem = told.certificate } },
})

local function handler(f, tx)
  log(f.id .. (f.redelivered and " again " or " first ") .. told.name)
  if told.sak then
    tx:execute("INSERT INTO sak (id, receiver) VALUES ($1, $2)", f.id, told.name)
  end
  if told.work_ms then
    core.queue():wait(told.work_ms)
  end
  return true
end

local options = {
  into = told.into, journal = told.journal, spool = told.spool, concurrency = told.concurrency,
  handler = not told.loop and handler or nil,
}
io.stdout:write("begins\n")
io.stdout:flush()
if told.loop then
  for f, err in fiks.check(svarinn:receive(options)) do
    log(f.id .. " " .. tostring(err or f.acknowledged))
  end
elseif told.every then
  options.every, options.signals = told.every, true
  options.on_round = function(sum)
    io.stdout:write(("round %d\n"):format(sum.acknowledged))
    io.stdout:flush()
  end
  fiks.check(svarinn:run(options))
else
  fiks.check(svarinn:receive(options))
end
io.stdout:write("ended\n")
