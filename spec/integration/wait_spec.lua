-- Waiting for real calls: what is dropped, cancelled, closed or slow, and the I/O thread.

local core = require "fiks.core"
local fiks = require "fiks"
local sandbox = require "spec.support.sandbox"
local wait = require "fiks.wait"

describe("calls", function()
  local client, integrasjon, path

  setup(function()
    integrasjon = sandbox.integrasjon()
    client = sandbox.client("current", integrasjon)
    path = "/fiks-io/katalog/api/v1/kontoer/" .. sandbox.description().fiksio.mottaker.konto_id
    assert(client:token())
  end)
  after_each(sandbox.no_faults)

  local function start(method)
    return assert(client._core:call({ method = method or "GET", path = path }, wait.queue()))
  end

  local function get()
    return client:request { method = "GET", path = path }
  end

  it("that are dropped in flight are forgotten, and harm nobody", function()
    for _ = 1, 20 do
      start()
    end
    collectgarbage()
    collectgarbage()
    assert.equal(200, assert(get()).status)
  end)

  it("that have finished unseen wait for whoever asks", function()
    local first = start()
    assert.equal(200, assert(get()).status)
    wait.await(first)
    assert.equal(200, first:result().status)
    first:close()
  end)

  it("that are closed in flight send no event to the next", function()
    local closed = start()
    closed:close()
    assert.has_error(function() closed:finished() end)
    assert.equal(200, assert(get()).status)
    assert.equal("fiks.core.call (closed)", tostring(closed))
  end)

  it("that are cancelled end as cancelled, once", function()
    sandbox.fault { sti = path, forsinkelseMs = 1000, kun = { IntegrasjonId = integrasjon.id } }
    local call = start()
    call:cancel()
    call:cancel()
    wait.await(call)
    local response, err = call:result()
    assert.is_nil(response)
    assert.equal("cancelled", err.kind)
    call:close()
    call:close()
  end)

  it("that are given up with their tasks leave a client that closes", function()
    sandbox.fault { sti = path, forsinkelseMs = 1000, kun = { IntegrasjonId = integrasjon.id } }
    local log, other = require "fiks.log", sandbox.client("current", integrasjon)
    local deliver = log.deliver
    finally(function() log.deliver = deliver end)
    log.deliver = function() -- while it waits
      log.deliver = deliver
      error("interrupt", 0)
    end
    assert.has_error(function()
      fiks.all { function() return other:request { method = "GET", path = path } end }
    end, "interrupt")
    other:close()
  end)

  it("go on side by side: the slow ones together take as long as one", function()
    sandbox.fault { sti = path, forsinkelseMs = 1000, antall = 5,
      kun = { IntegrasjonId = integrasjon.id } }
    local _, before = core.now()
    local answers, errors = fiks.map({ 1, 2, 3, 4, 5 }, { concurrency = 5 }, get)
    local _, after = core.now()
    assert.same({}, errors)
    assert.equal(5, #answers)
    assert.is_true(after - before < 5 * 1000, after - before)
  end)

  it("work from any coroutine, task or not", function()
    local plain = coroutine.wrap(function()
      return get()
    end)
    assert.equal(200, plain().status)
    assert.equal(200, fiks.run(get).status)
    assert.equal(200, coroutine.wrap(function()
      return fiks.run(get)
    end)().status)
  end)

  it("are moved by the I/O thread too", function()
    assert(core.engine_thread(true))
    local answers, errors = fiks.map({ 1, 2, 3, 4 }, { concurrency = 4 }, get)
    assert.equal(200, assert(get()).status)
    assert(core.engine_thread(false))
    assert.same({}, errors)
    assert.equal(4, #answers)
    assert.equal(200, assert(get()).status)
  end)

  it("of a client that was collected still end", function()
    local other = sandbox.client("current", integrasjon)
    local call = assert(other._core:call({ method = "GET", path = path }, wait.queue()))
    other = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    wait.await(call)
    assert.equal(200, call:result().status)
    call:close()
  end)

  it("can be made when the module was first required inside a coroutine that is gone", function()
    local script = os.tmpname()
    local file = assert(io.open(script, "w"))
    file:write([[
      local client, path = coroutine.wrap(function()
        local fiks = require "fiks"
        local sandbox = require "spec.support.sandbox"
        return sandbox.client("current", sandbox.integrasjon()),
          "/fiks-io/katalog/api/v1/kontoer/" .. sandbox.description().fiksio.mottaker.konto_id
      end)()
      collectgarbage() collectgarbage()
      print(client:request({ method = "GET", path = path }).status)
    ]])
    file:close()
    local pipe = io.popen((os.getenv("FIKS_LUA") or arg[-1]) .. " " .. script .. " 2>&1")
    assert.equal("200\n", pipe:read("*a"))
    pipe:close()
    os.remove(script)
  end)
end)
