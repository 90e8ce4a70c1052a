-- client:request against a platform that misbehaves: retries, deadlines, errors, TLS.

local fiks = require "fiks"
local sandbox = require "spec.support.sandbox"

local KONTO = "/fiks-io/katalog/api/v1/kontoer/"

describe("client:request", function()
  local here, client, path, integrasjon

  setup(function()
    here = sandbox.description()
    integrasjon = sandbox.integrasjon()
    client = sandbox.client("current", integrasjon)
    path = KONTO .. here.fiksio.mottaker.konto_id
  end)
  after_each(sandbox.no_faults)
  teardown(function()
    client:close()
  end)

  local function get(options)
    options = options or {}
    options.method, options.path = options.method or "GET", options.path or path
    return client:request(options)
  end

  it("decodes JSON, tells time and tries", function()
    local answer = assert(get())
    assert.equal(here.fiksio.mottaker.konto_id, answer.json.kontoId)
    assert.equal(1, answer.attempts)
    assert.is_true(answer.elapsed_ms >= 0)
  end)

  it("fills the path and encodes it", function()
    local answer = assert(client:request { method = "GET", path = KONTO .. "{konto}/status",
      params = { konto = here.fiksio.mottaker.konto_id } })
    assert.equal(200, answer.status)
    local none, err = client:request { method = "GET", path = KONTO .. "{konto}",
      params = { konto = "../../x" } }
    assert.is_nil(none)
    assert.is_truthy(err.kind)
  end)

  it("gives the platform's error with its ids, and the refused answer third", function()
    local none, err, refused = get { path = KONTO .. fiks.uuid() }
    assert.is_nil(none)
    assert.equal("not_found", err.kind)
    assert.equal(404, err.status)
    assert.equal(refused.json.errorId, err.error_id)
    assert.equal(here.base_url, err.url:sub(1, #here.base_url))
  end)

  it("tries a GET again after 503, and waits as told", function()
    sandbox.fault { sti = path, status = 503, retryAfter = "0" }
    local answer = assert(get())
    assert.equal(2, answer.attempts)
  end)

  it("does not repeat a POST whose fate is unknown", function()
    sandbox.fault { sti = "/fiks-io/api/v1/send", status = 503, antall = 5 }
    local mark = sandbox.mark()
    local none, err = get { method = "POST", path = "/fiks-io/api/v1/send", json = {} }
    assert.is_nil(none)
    assert.equal("server", err.kind)
    assert.equal(1, #sandbox.calls(mark, "/fiks-io/api/v1/send"))
  end)

  it("tries a GET again when the connection is cut", function()
    local mark = sandbox.mark()
    sandbox.fault { sti = path, kutt = true }
    assert.equal(200, assert(get()).status)
    assert.equal(2, #sandbox.calls(mark, path, integrasjon))
  end)

  it("sends a POST once, also when a used connection is cut under it", function()
    assert(get()) -- leaves a connection to reuse
    sandbox.fault { sti = "/fiks-io/api/v1/send", kutt = true, antall = 5 }
    local mark = sandbox.mark()
    local none, err = get { method = "POST", path = "/fiks-io/api/v1/send", json = {} }
    assert.is_nil(none)
    assert.equal("network", err.kind)
    assert.equal(1, #sandbox.calls(mark, "/fiks-io/api/v1/send"))
  end)

  it("keeps its deadline", function()
    sandbox.fault { sti = path, forsinkelseMs = 1500, antall = 3 }
    local none, err = get { timeout_ms = 300 }
    assert.is_nil(none)
    assert.equal("timeout", err.kind)
    assert.is_true(err.retryable)
  end)

  it("gives a protocol error for broken JSON", function()
    sandbox.fault { sti = path, status = 200, kropp = "{\"a\":", contentType = "application/json" }
    local none, err = get()
    assert.is_nil(none)
    assert.equal("protocol", err.kind)
  end)

  it("hands out a web page as it is, since any path may be asked", function()
    sandbox.fault { sti = path, status = 200, kropp = "<html>", contentType = "text/html" }
    local answer = assert(get())
    assert.equal("<html>", answer.body)
    assert.is_nil(answer.json)
  end)

  it("sends nothing to a host that is not the client's", function()
    local none, err = get { path = "https://localhost:1/x" }
    assert.is_nil(none)
    assert.equal("foreign_host", err.code)
  end)

  it("runs side by side under fiks.all, also when one is slow", function()
    sandbox.fault { sti = path, forsinkelseMs = 25000 }
    local order = {}
    local _, errors = fiks.all {
      function()
        local answer, err = get()
        order[#order + 1] = "slow"
        return answer, err
      end,
      function()
        fiks.check(get { path = path .. "/status" })
        local answer, err = get { path = path .. "/status" }
        order[#order + 1] = "quick"
        sandbox.no_faults() -- lets the slow one go
        return answer, err
      end,
    }
    assert.same({}, errors)
    assert.same({ "quick", "slow" }, order)
  end)

  it("is cancelled by close, while the task that waits gets an error", function()
    local other = sandbox.client("current", integrasjon)
    sandbox.fault { sti = path, forsinkelseMs = 1500 }
    local _, errors = fiks.all {
      function()
        return other:request { method = "GET", path = path }
      end,
      function()
        fiks.check(get { path = path .. "/status" })
        other:close()
      end,
    }
    assert.equal("cancelled", errors[1].kind)
  end)

  it("leaves the state usable when a task raises among calls in flight", function()
    local ok, why = pcall(fiks.all, {
      function() fiks.check(get()) error("brast") end,
      function() fiks.check(get()) end,
    })
    assert.is_false(ok)
    assert.matches("brast", why)
    assert.equal(200, assert(get()).status)
  end)

  it("is refused by TLS when the CA is not trusted", function()
    local options = sandbox.options("current", integrasjon)
    options.ca_file = here.virksomhet_ca.root_file
    local stranger = assert(fiks.new(options))
    local none, err = stranger:request { method = "GET", path = path }
    assert.is_nil(none)
    assert.equal("tls", err.kind)
  end)

  it("names the host when nobody listens", function()
    local nobody = assert(fiks.new { environment = { svarut = "https://localhost:9" } })
    local none, err = nobody:request { method = "GET", path = "https://localhost:9/x",
      username = "u", password = "hemmelig-p" }
    assert.is_nil(none)
    assert.equal("network", err.kind)
    assert.truthy(tostring(err):find("localhost", 1, true))
    assert.is_nil(tostring(err):find("hemmelig-p", 1, true))
  end)
end)
