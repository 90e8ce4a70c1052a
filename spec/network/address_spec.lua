-- Where connections go: IPv6, Unix sockets, other addresses; and where redirects lead.

local daemon = require "spec.support.daemon"
local fiks = require "fiks"
local origin = require "spec.support.origin"

describe("connections", function()
  local here

  setup(function()
    here = origin.start()
  end)
  teardown(function()
    here:stop()
  end)

  local function refused(given, option, text)
    local client, err = fiks.new(here:options("tls", given))
    assert.is_nil(client)
    assert.equal("config", err.kind)
    assert.equal(option, err.code)
    assert.matches(text, err.message)
  end

  it("go to an IPv6 address, written in brackets", function()
    local seen = assert(here:call("tls", { resolve = false,
      environment = { api = "https://[::1]:" .. here.port.six } }))
    assert.equal("::1", seen.address)
    assert.equal("[::1]", seen.host)
    assert.equal(origin.PASSORD, seen.passord)
  end)

  it("go to a Unix socket, under the same rules", function()
    local options = { unix_socket = here.socket, allow_loopback_http = true, resolve = false,
      environment = { api = "http://localhost" } }
    local seen = assert(here:call("tls", options))
    assert.equal("unix:sock", seen.address)
    assert.equal("Bearer token-en", seen.authorization)
    options.environment.api = "http://api.fiks.example"
    local client, err = fiks.new(here:options("tls", options))
    assert.is_nil(client)
    assert.equal("plain_http", err.code)
    options.environment.api, options.unix_socket = "http://localhost", here:path("ingen")
    err = here:failure("tls", options)
    assert.equal("network", err.kind)
    refused({ unix_socket = ("x"):rep(108) }, "unix_socket", "108 bytes, at most 107")
    refused({ unix_socket = "" }, "unix_socket", "empty")
  end)

  it("go to another address for a name, whose certificate still counts", function()
    local target = ("%s:%d"):format(origin.HOST, here.port.tls)
    local seen = assert(here:call("tls", { resolve = { [target:upper()] = "[::1]:"
      .. here.port.six } }))
    assert.equal("::1", seen.address)
    assert.equal(origin.HOST, seen.host)
    local err = here:failure("tls", { resolve = { [target] = "127.0.0.1:" .. here.port.annet } })
    assert.equal("tls", err.kind)
    assert.matches("target host name '" .. origin.HOST, err.message)
    -- another port of the name is another matter, and the name leads nowhere
    err = here:failure("tls", { resolve = { [origin.HOST .. ":443"] = "127.0.0.1:"
      .. here.port.tls } })
    assert.equal("network", err.kind)
    assert.matches("resolve", err.message)
  end)

  it("are refused such addresses as are none", function()
    for host, address in pairs { ["h"] = "127.0.0.1:1", ["h:1"] = "127.0.0.1", ["h:x"] = "a:1",
      ["https://h:1"] = "a:1", [":1"] = "a:1", ["h:1/x"] = "a:1", ["*:1"] = "a:1",
      ["[::1:1"] = "a:1", ["h:2"] = "::1", ["h:3"] = "" } do
      refused({ resolve = { [host] = address } }, "resolve", "is not host:port=address:port")
    end
    refused({ resolve = "x" }, "resolve", "must be a table")
    refused({ resolve = { "h:1" } }, "resolve", "from text to text")
    -- what plain http may be sent to stays on this machine
    for _, name in ipairs { "localhost:80", "127.0.0.1:80", "[::1]:80" } do
      refused({ resolve = { [name] = "192.0.2.1:80" } }, "resolve", "is this machine")
    end
  end)

  it("of clients that reach the platform in different ways are never shared", function()
    local target = ("%s:%d"):format(origin.HOST, here.port.tls)
    local proxy_port = daemon.ports(1)
    here.material:write("tp.conf", ("Port %d\nListen 127.0.0.1\nAllow 127.0.0.1\n")
      :format(proxy_port))
    local proxy = daemon.start(here.material, "tp", "/usr/bin/tinyproxy -d -c tp.conf", proxy_port)
    here.material:sh("cp ca.pem ca-kopi.pem; cat ca.pem fremmed.pem >begge.pem")
    local ways = {
      {}, -- the first
      { proxy = ("http://127.0.0.1:%d"):format(proxy_port) },
      { ca_file = here:path("ca-kopi.pem") },
      { ca_file = false, ca_pem = here.material:read("ca.pem") },
      { ca_file = false, ca_pem = here.material:read("begge.pem") },
      { client_certificate = { pem = here:path("klient.pem"), key = here:path("klient.key") } },
      { client_certificate = { pem = here:path("klient2.pem"), key = here:path("klient2.key") } },
      { resolve = { [target] = "[::1]:" .. here.port.six } },
    }
    local clients, connections, owner = {}, {}, {}
    for i, way in ipairs(ways) do
      clients[i] = here:client("tls", way)
    end
    for round = 1, 3 do
      for i, client in ipairs(clients) do
        local number = assert(origin.get(client)).connection
        assert.equal(owner[number] or i, i, ("way %d got the connection of way %s"):format(i,
          tostring(owner[number])))
        owner[number] = i
        assert.equal(connections[i] or number, number, ("way %d, round %d"):format(i, round))
        connections[i] = number
      end
    end
    local stranger = here:client("tls", { ca_file = here:path("fremmed.pem") })
    assert.equal("tls", select(2, origin.get(stranger)).kind) -- with eight open that would do
    local twin = here:client("tls", ways[1]) -- and equal ways are one
    assert.equal(connections[1], assert(origin.get(twin)).connection)
    local derived = clients[2]:with {}
    assert.equal(connections[2], assert(origin.get(derived)).connection)
    clients[#clients + 1], clients[#clients + 2], clients[#clients + 3] = stranger, twin, derived
    for _, client in ipairs(clients) do
      client:close()
    end
    proxy:stop()
  end)

  it("stay as they were after a client with other settings is gone", function()
    local kept = here:client("tls")
    local first = assert(origin.get(kept)).connection
    for _ = 1, 20 do -- their settings' memory is used again and again
      assert(here:call("tls1"))
      collectgarbage()
      assert.equal("tls", here:failure("tls", { ca_file = here:path("fremmed.pem") }).kind)
      collectgarbage()
      assert.equal(first, assert(origin.get(kept)).connection)
    end
    kept:close()
  end)
end)

describe("a redirect", function()
  local here

  setup(function()
    here = origin.start()
  end)
  teardown(function()
    here:stop()
  end)

  local function refused(redirects, path, target, why)
    local err = here:failure("tls", { redirects = redirects }, path)
    assert.equal("protocol", err.kind)
    assert.matches("^http_30%d$", err.code)
    assert.is_true(err.status >= 300 and err.status < 400)
    assert.is_false(err.retryable)
    assert.matches("redirects to " .. target:gsub("%p", "%%%0"), err.message)
    assert.is_nil(err.message:find("fra=til", 1, true)) -- neither path nor query
    assert.matches(why, err.message)
    return err
  end

  local function url(host, port)
    return ("https://%s:%d"):format(host, here.port[port])
  end

  it("is not followed unless asked for, and the error names the host", function()
    for _, redirects in ipairs { false, 0 } do
      local err = refused(redirects or nil, "/til-annen", url(origin.OTHER, "other"),
        "option redirects is 0")
      assert.equal(1, err.attempts)
    end
    refused(nil, "/til-selv", url(origin.HOST, "tls"), "base URL")
  end)

  it("within the host keeps the credentials", function()
    local seen = assert(here:call("tls", { redirects = 1 }, "/til-selv"))
    assert.equal("/x", seen.uri)
    assert.equal("Bearer token-en", seen.authorization)
    assert.equal(origin.ID, seen.id)
    assert.equal(origin.PASSORD, seen.passord)
  end)

  it("to another host takes none along: token, integrasjon, Basic", function()
    local client = here:client("tls", { redirects = 2 })
    local function stripped(seen)
      assert.equal(origin.OTHER, seen.host)
      assert.equal("/x?fra=til", seen.uri)
      for _, header in ipairs { "authorization", "id", "passord", "service", "proxy" } do
        assert.equal("", seen[header], header)
      end
    end
    stripped(assert(origin.get(client, "/til-annen")))
    local answer = assert(client:request { method = "GET", path = "/til-annen", username = "u",
      password = "p" })
    stripped(answer.json)
    assert.equal(2, answer.attempts)
    client:close()
    local old = here:client("tls", { redirects = 2, contract = "2018" })
    assert.equal(origin.PASSORD, assert(origin.get(old)).service)
    stripped(assert(origin.get(old, "/til-annen")))
    old:close()
  end)

  it("to another port is to another host, and back home is no way to get them again", function()
    for path, port in pairs { ["/tilbake"] = "tls1", ["/bort-og-hjem"] = "tls1" } do
      local seen = assert(here:call("tls", { redirects = 3 }, path))
      assert.equal(tostring(here.port[port]), seen.port)
      assert.equal(origin.HOST, seen.host)
      for _, header in ipairs { "authorization", "id", "passord" } do
        assert.equal("", seen[header], header)
      end
    end
  end)

  it("to plain http is not followed", function()
    for _, allow in ipairs { true, false } do
      local err = here:failure("tls", { redirects = 3, allow_loopback_http = allow }, "/til-http")
      assert.equal("protocol", err.kind)
      assert.matches("only followed within https", err.message)
    end
    refused(3, "/til-http-fjern", "http://annen.example:80", "within https")
    local plain = { redirects = 3, allow_loopback_http = true, resolve = false,
      environment = { api = "http://127.0.0.1:" .. here.port.plain } }
    local err = here:failure("tls", plain, "/til-http-fjern")
    assert.matches("only for this machine", err.message)
    assert.equal("127.0.0.1", assert(here:call("tls", plain, "/til-http")).address)
  end)

  it("that never ends does", function()
    local err = refused(4, "/runde", url(origin.HOST, "tls"), "one redirect too many")
    assert.equal(5, err.attempts)
  end)

  it("is followed by GET and HEAD alone", function()
    local client = here:client("tls", { redirects = 3 })
    assert(client:request { method = "HEAD", path = "/til-selv", person = "t" })
    for _, method in ipairs { "POST", "PUT", "DELETE", "PATCH" } do
      local answer, err = client:request { method = method, path = "/til-selv", person = "t" }
      assert.is_nil(answer)
      assert.equal("protocol", err.kind)
      assert.matches("only a GET or HEAD", err.message)
    end
    local answer, err = client:request { method = "GET", path = "/til-selv", person = "t",
      json = { fnr = "1" } }
    assert.is_nil(answer)
    assert.matches("without a body", err.message)
    client:close()
  end)

  it("option is from 0 to 10", function()
    for _, value in ipairs { -1, 11, 1.5, "3", 2 ^ 60 } do
      local client, err = fiks.new(here:options("tls", { redirects = value }))
      assert.is_nil(client)
      assert.equal("redirects", err.code)
    end
  end)
end)
