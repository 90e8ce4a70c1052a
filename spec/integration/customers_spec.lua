-- A supplier's 400 customers in a process of its own: what each call says of whom it is for, and
-- what they cost in memory, C's part included.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"

local COUNT = 400

describe("400 customers of one supplier", function()
  local here

  setup(function()
    here = endpoint.start()
  end)
  teardown(function()
    here:stop()
  end)

  -- Id and password of the nth.
  local function customer(n)
    return ("3d1f6f0a-52c4-4a5e-9a53-%012x"):format(n), "pass ord nr " .. n
  end

  local PROGRAM = [[
    local fiks = require "fiks"
    local function rss() -- KiB
      local file = assert(io.open("/proc/self/status"))
      local kib = file:read("*a"):match("\nVmRSS:%%s*(%%d+) kB")
      file:close()
      return tonumber(kib)
    end
    local file = assert(io.open((...) .. "/options.json"))
    local options = assert(require("fiks.core").json_decode(file:read("*a")))
    file:close()
    local base = fiks.check(fiks.new(options))
    local clients = {}
    local function make(first, last)
      for i = first, last do
        clients[i] = fiks.check(base:with {
          integrasjon = { id = ("3d1f6f0a-52c4-4a5e-9a53-%%012x"):format(i),
            password = "pass ord nr " .. i },
        })
      end
      collectgarbage()
      collectgarbage()
    end
    make(1, 40) -- what is needed once, for any number
    local before = rss()
    make(41, 40 + %d)
    print("kib", rss() - before)
    local wrong = 0
    local _, errors = fiks.map(clients, { concurrency = 8 }, function(client)
      return client:request { method = "GET", path = "/x" }
    end)
    for _ in pairs(errors) do
      wrong = wrong + 1
    end
    print("wrong", wrong)]]

  it("cost one token and little memory, and each call is its own customer's", function()
    here.material:write("options.json", core.json_encode(here:options()))
    local output = here.material:lua(PROGRAM:format(COUNT))
    local kib = tonumber(output:match("kib\t(%d+)\n"))
    assert.truthy(kib, output)
    assert.matches("wrong\t0\n", output)
    assert.is_true(kib / COUNT < 8, ("%.1f KiB a client"):format(kib / COUNT))
    assert.equal(1, here:token_requests())
    local requests, seen, tokens = here:seen("/x"), {}, {}
    assert.equal(COUNT + 40, #requests)
    for _, request in ipairs(requests) do
      local id = endpoint.header(request, "IntegrasjonId")
      local password = endpoint.header(request, "IntegrasjonPassord")
      assert.same({ 1, 1 }, { #id, #password })
      local n = tonumber(id[1]:match("%x+$"), 16)
      assert.same({ customer(n) }, { id[1], password[1] })
      assert.is_nil(seen[n])
      seen[n] = true
      tokens[endpoint.header(request, "Authorization")[1]] = true
    end
    for n = 1, COUNT + 40 do
      assert.is_true(seen[n])
    end
    assert.truthy(next(tokens))
    assert.is_nil(next(tokens, (next(tokens))))
  end)
end)
