-- Rows 33 to 38 of the edge cases of authentication: the way to the token endpoint.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"

describe("the network,", function()
  local here

  setup(function()
    here = endpoint.start()
  end)
  teardown(function()
    here:stop()
  end)
  before_each(function()
    here:forget()
  end)

  local function to(url, more)
    local replaced = { environment = { token_endpoint = url .. "/token" } }
    for name, value in pairs(more or {}) do
      replaced[name] = value
    end
    return replaced
  end

  -- Milliseconds that a function took, and what it returned.
  local function timed(f)
    local _, before = core.now()
    local answer, err = f()
    local _, after = core.now()
    return after - before, answer, err
  end

  local function impatient(client, timeout_ms)
    return timed(function()
      return client:request { method = "GET", path = "/x", timeout_ms = timeout_ms }
    end)
  end

  it("row 33: no name, no connection, no trust, a proxy that wants a password", function()
    -- A label of 64 letters is no name, so no resolver is asked for it.
    local err = here:failure(nil, to("https://" .. ("a"):rep(64) .. ".no"))
    assert.equal("network", err.kind)
    assert.is_true(err.retryable)
    assert.matches("resolve", err.message)

    err = here:failure(nil, to("http://127.0.0.1:1"))
    assert.equal("network", err.kind)
    assert.is_true(err.retryable)
    assert.matches("127.0.0.1", err.message)
    assert.equal("token", err.operation)

    err = here:failure(nil, to(here.tls_url))
    assert.equal("tls", err.kind)
    assert.is_false(err.retryable)
    assert.matches("ca_file", err.message)

    local output = here.material:lua(([[
      local fiks = require "fiks"
      local client = assert(fiks.new {
        environment = { api = "https://api.example", issuer = "https://issuer.example/" },
        maskinporten = { client_id = "klient", kid = "nokkel" },
        certificate = { key = ... .. "/kommune.key" },
      })
      local token, err = client:token()
      print(token, err.kind, err.retryable, err.message)
    ]]), ("HTTPS_PROXY=http://bruker:proxypass@%s"):format(here.url:match("//(.*)")))
    assert.matches("^nil\tdenied\tfalse\t", output)
    assert.matches("407", output)
    assert.is_nil(output:find("proxypass", 1, true))
    assert.equal("issuer.example:443", here:seen("CONNECT")[1].target)
  end)

  it("row 34: a connection that hangs", function()
    local client = here:client(to(here.deaf_url))
    local elapsed, answer, err = impatient(client, 150)
    assert.is_nil(answer)
    assert.equal("timeout", err.kind)
    assert.is_true(elapsed >= 140 and elapsed < 10000, tostring(elapsed))
    client:close()
    err = here:failure(nil, to(here.deaf_url, { timeouts = { connect_ms = 50, total_ms = 5000 } }))
    assert.equal("connect", err.code)
    assert.equal(3, err.attempts) -- a new grant each
  end)

  -- The token request goes on without who asked for it: each has an endpoint of its own.
  it("row 35: an answer that dribbles", function()
    here:answers("/drypp/token", { dribble_ms = 20, token = {}, always = true })
    local client = here:client(to(here.url .. "/drypp"))
    local elapsed, answer, err = impatient(client, 150)
    assert.is_nil(answer)
    assert.equal("timeout", err.kind)
    assert.is_true(elapsed >= 140 and elapsed < 10000, tostring(elapsed))
    client:close()
    here:answers("/sen/token", { delay_ms = 2000, token = {}, always = true })
    client = here:client(to(here.url .. "/sen", { timeouts = { first_byte_ms = 100 } }))
    elapsed, answer, err = impatient(client, 150)
    assert.is_nil(answer)
    assert.is_true(err.code == "first_byte" or err.code == "deadline", tostring(err))
    assert.is_true(elapsed < 1900, tostring(elapsed))
    client:close()
  end)

  it("row 36: a body without end, or compressed", function()
    local bodies = {
      { endless = true }, { body = (" "):rep(70000) }, { gzip = true, body = (" "):rep(1000000) },
      { gzip = true, token = {} },
    }
    for _, answer in ipairs(bodies) do
      answer.always = true
      here:forget()
      local elapsed, got, err = timed(function()
        return here:call({ answer })
      end)
      assert.is_nil(got)
      assert.truthy(err.kind == "protocol" or err.kind == "limit", tostring(err))
      assert.is_true(elapsed < 10000)
      local seen = here:seen("/token")
      assert.equal(1, #seen)
      assert.same({ "identity" }, endpoint.header(seen[1], "Accept-Encoding"))
    end
  end)

  it("row 37: headers without measure", function()
    for _, answer in ipairs { { header_bytes = 200000, token = {} },
      { header_count = 5000, token = {} } } do
      here:forget()
      local err = here:failure({ answer })
      assert.equal("protocol", err.kind, tostring(err))
      assert.matches("header", err.message)
    end
  end)

  it("row 38: a redirect is not followed", function()
    for _, status in ipairs { 301, 302, 303, 307, 308 } do
      here:forget()
      local err = here:failure({ { status = status,
        headers = { Location = here.url .. "/et-annet-sted?hemmelig=1" } } })
      assert.equal("protocol", err.kind)
      assert.equal(status, err.status)
      assert.matches("redirect", err.message)
      assert.matches("127%.0%.0%.1", err.message)
      assert.is_nil(err.message:find("hemmelig", 1, true))
      assert.equal(0, #here:seen("/et-annet-sted"))
      assert.equal(1, here:token_requests())
    end
  end)
end)
