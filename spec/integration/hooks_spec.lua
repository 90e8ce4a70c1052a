-- The option `hooks`: what a program sees of calls while they are made.

local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"

describe("hooks", function()
  local here, seen, client

  setup(function() here = endpoint.start() end)
  teardown(function() here:stop() end)

  local function note(name)
    return function(request, ...)
      seen[#seen + 1] = { name = name, request = request, ... }
    end
  end

  local function new(hooks, more)
    local options = more or {}
    options.hooks = hooks
    return here:client(options)
  end

  before_each(function()
    here:forget()
    seen = {}
    client = new { before = note "before", after = note "after", retry = note "retry",
      token = note "token" }
  end)
  after_each(function() client:close() end)

  local function names()
    local list = {}
    for index, one in ipairs(seen) do
      list[index] = one.name
    end
    return table.concat(list, " ")
  end

  it("see a call from its start to its answer, tries and token included", function()
    here:answers("/x", { status = 503 }, { cut = true, body = "x" }, { body = "{}" })
    assert.equal(200, assert(client:request { method = "GET", path = "/x" }).status)
    assert.equal("before token retry retry after", names())
    assert.is_true(seen[2][1] > 0)
    assert.equal(503, seen[3][1].status)
    assert.is_number(seen[3][1].pause_ms)
    assert.equal("network", seen[4][1].kind)
    assert.equal(200, seen[5][1].status)
    assert.equal("/x", seen[5].request.path)
    assert.equal(seen[1].request, seen[5].request)

    seen = {}
    here:answers("/x", { status = 403, body = "{}" })
    assert.is_nil((client:request { method = "GET", path = "/x" }))
    assert.equal("before after", names())
    assert.equal("denied", seen[2][2].kind)
  end)

  it("see each retry once, and never the outcome as one", function()
    here:answers("/x", { status = 503, always = true })
    local _, err = client:request { method = "GET", path = "/x" }
    assert.equal(3, err.attempts)
    assert.equal("before token retry retry after", names())
  end)

  it("see no secret", function()
    local function walk(value, depth)
      if type(value) == "table" and depth < 5 then
        for name, inner in pairs(value) do
          walk(name, depth + 1)
          walk(inner, depth + 1)
        end
      elseif type(value) == "string" then
        assert.is_nil(value:find(endpoint.PASSORD, 1, true))
        assert.is_nil(value:find("eyJ", 1, true))
      end
    end
    client:request { method = "POST", path = "/x", json = { a = 1 } }
    walk(seen, 0)
    assert.is_nil(seen[1].request.body)
  end)

  it("may set the ids of the call", function()
    client:close()
    client = new { before = function(request) request.correlation_id = "min-id" end }
    assert(client:request { method = "GET", path = "/x" })
    assert.same({ "min-id" }, endpoint.header(here:seen("/x")[1], "X-Correlation-Id"))
  end)

  it("may make calls and yield, in tasks too", function()
    local plain = here:client()
    client:close()
    client = new { before = function() assert(plain:request { method = "GET", path = "/for" }) end,
      after = function() assert(plain:request { method = "GET", path = "/etter" }) end }
    local statuses = fiks.map({ 1, 2, 3 }, { concurrency = 3 }, function()
      return client:request { method = "GET", path = "/x" }.status
    end)
    assert.same({ 200, 200, 200 }, statuses)
    assert.equal(3, #here:seen("/for"))
    assert.equal(3, #here:seen("/etter"))
    plain:close()
  end)

  it("that raise end their call where it was made, and nothing else", function()
    client:close()
    local broken = "retry"
    here:answers("/x", { status = 503 }, { body = "{}" }, { body = "{}" })
    client = new { retry = function() error(broken, 0) end }
    assert.has_error(function() client:request { method = "GET", path = "/x" } end, "retry")
    assert.equal(200, assert(client:request { method = "GET", path = "/x" }).status)
  end)

  it("are the derived clients' too", function()
    local other = assert(client:with { integrasjon = { id = fiks.uuid(), password = "p" } })
    assert(other:request { method = "GET", path = "/x" })
    assert.equal("before token after", names())
    other:close()
  end)

  it("are checked when the client is made", function()
    assert.has_error(function() fiks.new(here:options { hooks = { befor = print } }) end)
    local none, err = fiks.new(here:options { hooks = { before = "print" } })
    assert.is_nil(none)
    assert.equal("hooks.before", err.code)
    none, err = fiks.new(here:options { hooks = 7 })
    assert.is_nil(none)
    assert.equal("hooks", err.code)
  end)
end)
