-- Runs the examples in order against the sandbox, and says how long each took.

local support = require "examples.support"

local STEPS = {
  { "01_konfigurasjon", "fiks-konfigurasjon: an integrasjon with privileges" },
  { "02_token", "A token, and a call with the three headers" },
  { "03_meldingsboks_2018", "Meldingsboks, contract of 2018" },
  { "04_innsyn", "Fiks Innsyn, the same job today" },
  { "05_svarinn", "SvarInn: receive, decrypt, check, unpack, acknowledge" },
  { "06_send", "Fiks IO: send a case to another archive" },
  { "07_errors", "What wrong access looks like" },
}

local folder = arg[0]:match("^(.*)/[^/]*$") or "."
local total = 0

print(("The sandbox is %s (contracts current and 2018)"):format(support.sandbox().base_url))
for i, step in ipairs(STEPS) do
  print(("\n%d. %s   [examples/%s.lua]"):format(i, step[2], step[1]))
  local ms = support.timed(dofile, folder .. "/" .. step[1] .. ".lua")
  total = total + ms
  support.say("took", "%d ms", ms)
end
print(("\nThe main job is done: %d steps in %d ms"):format(#STEPS, total))
