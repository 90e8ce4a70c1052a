-- Proxies: tinyproxy with and without Basic, and behind stunnel; what goes past them.

local core = require "fiks.core"
local daemon = require "spec.support.daemon"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"
local origin = require "spec.support.origin"

local USER, PASSWORD = "bruker", "proxyens hemmelige:p@ss%æ#?"
local CONF = [[
Port %d
Listen 127.0.0.1
Allow 127.0.0.1
Timeout 60
LogFile "%s"
LogLevel Connect
%s
]]
local STUNNEL = [[
foreground = yes
pid =
[proxy]
accept = 127.0.0.1:%d
connect = 127.0.0.1:%d
cert = %s
key = %s
]]

describe("a proxy", function()
  local here, open, closed, narrow, over_tls
  local daemons = {}

  local function tinyproxy(name, port, more)
    local log = here:path(name .. "-calls.log")
    here.material:write(name .. ".conf", CONF:format(port, log, more))
    daemons[#daemons + 1] = daemon.start(here.material, name,
      "/usr/bin/tinyproxy -d -c " .. here:path(name .. ".conf"), port)
    local proxy = { url = ("http://127.0.0.1:%d"):format(port), port = port }
    function proxy.with(user, password)
      return ("http://%s:%s@127.0.0.1:%d"):format(user, password, port)
    end
    -- The hosts that it was asked to connect to.
    function proxy.seen()
      local hosts = {}
      local file = assert(io.open(log))
      for host in file:read("*a"):gmatch("CONNECT (%S+) HTTP") do
        hosts[#hosts + 1] = host
      end
      file:close()
      return hosts
    end
    return proxy
  end

  setup(function()
    here = origin.start()
    local ports = { daemon.ports(4) }
    open = tinyproxy("aapen", ports[1], "")
    closed = tinyproxy("lukket", ports[2], ("BasicAuth %s %s"):format(USER, "hemmelig7391"))
    narrow = tinyproxy("trang", ports[3], "ConnectPort 443")
    here.material:write("stunnel.conf", STUNNEL:format(ports[4], ports[2],
      here:path("server.pem"), here:path("server.key")))
    daemons[#daemons + 1] = daemon.start(here.material, "stunnel",
      "/usr/bin/stunnel4 " .. here:path("stunnel.conf"), ports[4])
    over_tls = ("https://localhost:%d"):format(ports[4])
  end)
  teardown(function()
    for _, one in ipairs(daemons) do
      one:stop()
    end
    here:stop()
  end)

  local function count(proxy)
    return #proxy.seen()
  end

  it("carries https through a tunnel, and sees none of it", function()
    local before = count(open)
    local seen = assert(here:call("tls", { proxy = open.url }))
    assert.equal(origin.HOST, seen.host)
    assert.equal("Bearer token-en", seen.authorization)
    assert.equal(origin.PASSORD, seen.passord)
    assert.equal("", seen.proxy)
    assert.equal(before + 1, count(open))
    assert.equal(("127.0.0.1:%d"):format(here.port.tls), open.seen()[before + 1])
  end)

  it("keeps a tunnel for the next call", function()
    local before = count(open)
    local client = here:client("tls", { proxy = open.url .. "/" })
    local first = assert(origin.get(client))
    assert.equal(first.connection, assert(origin.get(client)).connection)
    assert.is_true(count(open) <= before + 1)
    client:close()
  end)

  it("gets a user name and a password, from its URL or from options of their own", function()
    local before = count(closed)
    for _, options in ipairs {
      { proxy = closed.with(USER, "hemmelig7391") },
      { proxy = closed.with(USER, "%68emmelig7391") },
      { proxy = closed.url, proxy_username = USER, proxy_password = "hemmelig7391" },
      { proxy = closed.with("andre", "galt"), proxy_username = USER,
        proxy_password = "hemmelig7391" },
      { proxy = { file = here.material:write("proxy", closed.with(USER, "hemmelig7391")) } },
    } do
      assert.equal("", assert(here:call("tls", options)).proxy)
    end
    assert.is_true(count(closed) > before)
  end)

  it("that refuses them is an error of its own, which is not tried again", function()
    local err = here:failure("tls", { proxy = closed.url })
    assert.equal("denied", err.kind)
    assert.equal("proxy_auth", err.code)
    assert.is_false(err.retryable)
    assert.equal(1, err.attempts)
    assert.is_nil(err.uncertain)
    assert.matches("wants a user name and a password %(407%): set proxy_username", err.message)
    assert.matches(closed.url, err.message, 1, true)
    err = here:failure("tls", { proxy = closed.with(USER, "helt-feil-7391") })
    assert.equal("proxy_auth", err.code)
    assert.matches("does not accept", err.message)
    assert.is_nil(tostring(err):find("helt%-feil"))
    assert.is_nil(tostring(err):find(USER .. ":", 1, true))
  end)

  it("may speak TLS itself, verified as everything else", function()
    local seen = assert(here:call("tls", { proxy = over_tls, proxy_username = USER,
      proxy_password = "hemmelig7391" }))
    assert.equal(origin.HOST, seen.host)
    local err = here:failure("tls", { proxy = over_tls, ca_file = here:path("fremmed.pem") })
    assert.equal("tls", err.kind)
  end)

  it("that must not connect to a host says so", function()
    local err = here:failure("tls", { proxy = narrow.url })
    assert.equal("denied", err.kind)
    assert.equal("proxy_denied", err.code)
    assert.is_false(err.retryable)
    assert.matches("refuses to connect to " .. origin.HOST, err.message)
    assert.matches("no_proxy", err.message)
  end)

  it("that does not reach the host is the network's failure, and nothing was sent", function()
    local dead = daemon.ports(1)
    local target = ("%s:%d"):format(origin.HOST, here.port.tls)
    local client = here:client("tls", { proxy = open.url,
      resolve = { [target] = "127.0.0.1:" .. dead } })
    local answer, err = client:request { method = "POST", path = "/x", person = "t", json = {} }
    assert.is_nil(answer)
    assert.equal("network", err.kind)
    assert.equal("proxy", err.code)
    assert.is_true(err.retryable)
    assert.equal(3, err.attempts) -- of a POST, as it never left
    assert.is_nil(err.uncertain)
    client:close()
  end)

  it("that is not there is named", function()
    local dead = daemon.ports(1)
    local err = here:failure("tls", { proxy = "http://127.0.0.1:" .. dead })
    assert.equal("network", err.kind)
    assert.matches(tostring(dead), err.message)
    err = here:failure("tls", { proxy = "http://" .. ("a"):rep(64) .. ".example:3128" })
    assert.equal("network", err.kind)
    assert.matches("resolve proxy", err.message)
  end)

  it("is gone past for what no_proxy names", function()
    local before = count(open)
    for _, list in ipairs { origin.HOST, "example", ".example", "andre.no, fiks.example", "*" } do
      assert.truthy(here:call("tls", { proxy = open.url, no_proxy = list }), list)
    end
    assert.equal(before, count(open))
    assert(here:call("tls1", { proxy = open.url, no_proxy = "iks.example,api.fiks.example.no" }))
    assert.equal(before + 1, count(open))
  end)

  it("is never shown what is for this machine, plain or not", function()
    local before = count(open)
    for _, api in ipairs { "http://127.0.0.1:" .. here.port.plain,
      "http://localhost:" .. here.port.plain, "https://127.0.0.1:" .. here.port.tls,
      "https://[::1]:" .. here.port.six } do
      for _, list in ipairs { "", "annet.no" } do
        assert.truthy(here:call("tls", { environment = { api = api }, proxy = open.url,
          no_proxy = list ~= "" and list or nil, allow_loopback_http = true }), api)
      end
    end
    assert.equal(before, count(open))
  end)

  it("is not shared by two users: a tunnel of one is not the other's", function()
    local good = here:client("tls", { proxy = closed.with(USER, "hemmelig7391") })
    assert(origin.get(good))
    for _, options in ipairs { { proxy = closed.url }, { proxy = closed.with(USER, "galt") },
      { proxy = closed.with("en-annen", "hemmelig7391") } } do
      assert(origin.get(good))
      local err = here:failure("tls", options)
      assert.equal("proxy_auth", err.code)
    end
    assert(origin.get(good))
    good:close()
  end)

  it("is shown by client:check, without its user", function()
    local client = here:client("tls", { proxy = closed.with(USER, "hemmelig7391") })
    local text = tostring(client:check())
    assert.matches("ok    proxy         " .. closed.url:gsub("%p", "%%%0")
      .. ", from the option proxy", text)
    assert.is_nil(text:find("hemmelig7391", 1, true))
    assert.is_nil(text:find(USER, 1, true))
    client:close()
    client = here:client("tls", { proxy = "none" })
    assert.is_nil(tostring(client:check()):find("proxy", 1, true))
    client:close()
  end)

  -- ---- variables --------------------------------------------------------------------------------

  -- The outcome of a call in a process with these variables: a status, or kind and message.
  local function with_variables(variables, more)
    local options = here:options("tls", more)
    return here.material:lua(([[
      local fiks, core = require "fiks", require "fiks.core"
      local client, err = fiks.new(core.json_decode(%q))
      if not client then print("new", err.kind, err.message) os.exit() end
      local answer
      answer, err = client:request { method = "GET", path = "/x", person = "t" }
      print(answer and answer.status, err and err.kind, err and err.code, client._core:proxy())
    ]]):format(core.json_encode(options)), variables)
  end

  it("is taken from https_proxy or all_proxy, in small letters or capitals", function()
    local whole = closed.with(USER, "hemmelig7391")
    for _, name in ipairs { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" } do
      local before = count(closed)
      assert.equal(("200\tnil\tnil\t%s\tthe variable %s\n"):format(closed.url, name),
        with_variables(name .. "=" .. whole))
      assert.equal(before + 1, count(closed))
    end
    local before = count(open)
    assert.matches("^200", with_variables(("https_proxy=%s all_proxy=http://127.0.0.1:1")
      :format(open.url)))
    assert.matches("^200", with_variables(("https_proxy=%s HTTPS_PROXY=http://127.0.0.1:1")
      :format(open.url:gsub("http://", "")))) -- without a scheme, as curl takes it
    assert.equal(before + 2, count(open))
  end)

  it("is not taken from http_proxy, which is for plain http", function()
    local before = count(open)
    assert.equal("200\tnil\tnil\n", with_variables("http_proxy=" .. open.url
      .. " HTTP_PROXY=" .. open.url))
    assert.matches("^200", with_variables("https_proxy= all_proxy=" .. open.url)) -- means none
    assert.equal(before, count(open))
  end)

  it("of the option is stronger than the variables', option by option", function()
    local before, wrong = count(open), "https_proxy=http://127.0.0.1:1"
    assert.matches("^200", with_variables(wrong, { proxy = open.url }))
    assert.equal(before + 1, count(open))
    assert.matches("^200", with_variables(wrong, { proxy = "none" }))
    assert.matches("^200", with_variables(wrong .. " no_proxy=." .. origin.HOST:match("%w+$")))
    assert.matches("^200", with_variables(wrong .. " NO_PROXY='*'"))
    assert.matches("network", with_variables(wrong .. " no_proxy=" .. origin.HOST,
      { no_proxy = "annet.no" }))
    assert.matches("^200", with_variables("no_proxy=" .. origin.HOST,
      { proxy = "http://127.0.0.1:1" }))
    assert.matches("^200", with_variables("https_proxy=" .. closed.url,
      { proxy_username = USER, proxy_password = "hemmelig7391" }))
    assert.matches("^200", with_variables(wrong .. " FIKS_PROXY=" .. open.url,
      { environment_variables = true }))
  end)

  it("that a variable names badly is refused by naming the variable, not what it holds", function()
    for text, why in pairs { ["socks5://u:skjult@h:1"] = "another kind",
      ["http://u:skjult@h"] = "no port", ["http://u:skjult@h:1/sti"] = "path",
      ["http://u:skj%%ult@h:1"] = "bad user name", ["http://u:skjult@:1"] = "no address" } do
      local output = with_variables(("ALL_PROXY='%s'"):format(text))
      assert.matches("^new\tconfig\tthe variable ALL_PROXY .*" .. why, output)
      assert.is_nil(output:find("skj", 1, true))
    end
  end)

  -- ---- options ----------------------------------------------------------------------------------

  it("is refused when it is none, by the option's name and without what was given", function()
    for option, cases in pairs {
      proxy = { { proxy = "ftp://u:hemmelig@h:1" }, { proxy = "h" }, { proxy = "" },
        { proxy = 7 }, { proxy = "http://h:1\r\nx" }, { proxy = { file = "/finnes/ikke" } },
        { proxy = "http://h:99999" }, { proxy = "http://hemmelig@" } },
      proxy_username = { { proxy = "http://h:1", proxy_username = "a:b" },
        { proxy = "http://h:1", proxy_password = "hemmelig" },
        { proxy = "http://:hemmelig@h:1" } },
      no_proxy = { { no_proxy = true } },
      unix_socket = { { unix_socket = "/s", proxy = "http://h:1" } },
    } do
      for _, given in ipairs(cases) do
        local client, err = fiks.new(here:options("tls", given))
        assert.is_nil(client)
        assert.equal("config", err.kind)
        assert.equal(option, err.code)
        assert.is_nil(tostring(err):find("hemmelig", 1, true))
      end
    end
    assert.has_error(function()
      fiks.new { environment = "test", proxy_user = "x" }
    end)
  end)

  it("is told a password with every kind of character as it is", function()
    local scripted = endpoint.start() -- says 407 to all
    local sent = { "Basic " .. core.base64(USER .. ":" .. PASSWORD) }
    for _, options in ipairs {
      { proxy = scripted.url, proxy_username = USER, proxy_password = PASSWORD },
      { proxy = scripted.url:gsub("//", function()
        return ("//%s:%s@"):format(USER, "proxyens%20hemmelige%3Ap%40ss%25%c3%a6%23%3f")
      end) },
    } do
      scripted:forget()
      assert.equal("proxy_auth", here:failure("tls", options).code)
      assert.same(sent, endpoint.header(scripted:seen("CONNECT")[1], "Proxy-Authorization"))
    end
    scripted:stop()
  end)
end)
