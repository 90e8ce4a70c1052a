-- What a request asks for reaches the server as it was written, whatever the one before it on the
-- same handle of libcurl asked for, and whom.

local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"

describe("the target of a request", function()
  local here, clients

  setup(function()
    here = endpoint.start()
    clients = {}
    for i, url in ipairs { here.url, here.tls_url } do
      clients[i] = fiks.check(fiks.new {
        environment = { api = url }, allow_loopback_http = true,
        ca_file = here.material:path("tls.pem"),
      })
    end
  end)
  teardown(function()
    for _, client in ipairs(clients) do
      client:close()
    end
    here:stop()
  end)
  before_each(function() here:forget() end)

  local function get(client, path)
    return client:request { method = "GET", path = path, username = "u", password = "p" }
  end

  local TARGETS = {
    "/a", "/a/b-c_d.e~f", "/a/", "/", "/a//b", "/a?b=c&d=e", "/a", "/a?b=%C3%A6", "/a?",
    "/bl%C3%A5", "/a", "/a/..b", "/.b", "/a:b", "/a/" .. ("x"):rep(2000), "/a",
    "/a?b=" .. ("x"):rep(2000),
    "/a+b", "/a?b=c", "/a/b/c/d",
  }

  it("is what was written", function()
    for turn, order in ipairs { { 1, 1 }, { 1, 2 }, { 2, 2 } } do
      for _, target in ipairs(TARGETS) do
        for _, which in ipairs(order) do
          assert(get(clients[which], target))
          local seen = here:seen((target:match("^[^?]*")))
          assert.equal(target, seen[#seen].target, ("turn %d, client %d"):format(turn, which))
        end
      end
    end
  end)

  it("goes to the host it is for", function()
    for _, before in ipairs { "/hvor", "/hv%C3%A6r" } do
      for i, client in ipairs(clients) do
        assert(get(clients[3 - i], "/a"))
        assert(get(client, before))
        assert(get(client, "/hvor"))
        local seen = here:seen("/hvor")
        local host = ({ here.url, here.tls_url })[i]:match("://(.*)")
        assert.same({ host }, endpoint.header(seen[#seen], "Host"))
      end
    end
  end)
end)
