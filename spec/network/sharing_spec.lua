-- How many connections calls share, and how new ones begin.

local fiks = require "fiks"
local origin = require "spec.support.origin"

describe("connections", function()
  local here

  setup(function() here = origin.start() end)
  teardown(function() here:stop() end)

  -- Calls side by side on a client of its own; their answers, and how many connections they opened.
  local function together(port, count)
    local client = assert(fiks.new(here:options(port)))
    local before = fiks.metrics().connections_opened
    local items = {}
    for i = 1, count do
      items[i] = i
    end
    local seen = fiks.map(items, { concurrency = count }, function()
      local answer = assert(client:request { method = "GET", path = "/sent", person = "token-en" })
      return answer.json
    end)
    client:close()
    return seen, fiks.metrics().connections_opened - before
  end

  it("are one for many calls where the server offers HTTP/2", function()
    together("tls", 1) -- from here on it is known how many streams the server allows
    local seen, opened = together("tls", 120)
    assert.equal(120, #seen)
    for _, one in ipairs(seen) do
      assert.equal("HTTP/2.0", one.protocol)
      assert.equal(seen[1].connection, one.connection)
    end
    assert.equal(0, opened)
  end)

  it("are no more than was said", function()
    finally(function() fiks.connections_per_host(0) end)
    fiks.connections_per_host(2)
    local seen, opened = together("other", 12)
    assert.equal(12, #seen)
    assert.equal(2, opened)
    fiks.connections_per_host(0)
    seen, opened = together("other", 8)
    for _, one in ipairs(seen) do
      assert.equal("HTTP/1.1", one.protocol)
    end
    assert.equal(6, opened)
    for _, wrong in ipairs { -1, 1.5, "2", 1e9 } do
      assert.has_error(function() fiks.connections_per_host(wrong) end)
    end
  end)

  -- One after the other: of several that begin at once, some may find the session spent, which
  -- OpenSSL does to it as soon as one of them has a newer one.
  it("resume the TLS session of others, also of other clients", function()
    local known = {}
    for i = 1, 6 do
      local client = assert(fiks.new(here:options("tls1")))
      local seen = assert(origin.get(client, "/slutt"))
      client:close()
      assert.is_nil(known[seen.connection])
      known[seen.connection] = true
      if i > 1 then
        assert.equal("r", seen.session)
      end
    end
  end)
end)
