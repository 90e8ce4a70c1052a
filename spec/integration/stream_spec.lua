-- Bodies of client:request that do not pass as one string, both ways, against a server that counts.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"

describe("a body that streams", function()
  local here, client

  setup(function() here = endpoint.start() end)
  teardown(function() here:stop() end)
  before_each(function()
    here:forget()
    client = here:client()
  end)
  after_each(function() client:close() end)

  local function seen(path)
    local requests = here:seen(path)
    return requests[#requests], #requests
  end

  -- A function that gives `count` pieces of 100,000 bytes, and what they hash to.
  local function pieces(count)
    local piece, given = ("æ"):rep(50000), 0
    return function()
      given = given + 1
      return given <= count and piece or nil
    end, core.sha256(piece:rep(count)), #piece * count
  end

  local function post(spec)
    spec.method, spec.path = "POST", "/opp"
    return client:request(spec)
  end

  it("is given by a function, in chunks or with its length", function()
    for _, known in ipairs { false, true } do
      local read, sha256, length = pieces(30)
      assert(post { content_type = "text/plain",
        body = known and { read = read, length = length } or read })
      local request = seen("/opp")
      assert.equal(sha256, request.sha256)
      assert.same({ known and "3000000" or nil }, endpoint.header(request, "Content-Length"))
      assert.same({ (not known) and "chunked" or nil },
        endpoint.header(request, "Transfer-Encoding"))
      assert.same({ "text/plain" }, endpoint.header(request, "Content-Type"))
    end
  end)

  it("is read from a file, alone and as a part", function()
    local read, sha256, length = pieces(20)
    local path = here.material:path("stor")
    here.material:write("stor", read() .. ("x"):rep(length - 100000))
    local whole = core.sha256(here.material:read("stor"))
    assert(post { body = { file = path }, content_type = "application/octet-stream" })
    assert.equal(whole, seen("/opp").sha256)
    assert.is_string(sha256)

    here.material:write("liten", "fra fil")
    local function part_bodies()
      local got = {}
      for body in seen("/opp").body:gmatch("\r\n\r\n(.-)\r\n%-%-") do
        got[#got + 1] = body
      end
      return got
    end
    local parts = {
      { name = "a", data = "fra minne" },
      { name = "b", filename = "b.txt", data = { file = here.material:path("liten") } },
      { name = "c", data = { read = coroutine.wrap(function()
        coroutine.yield("fra ")
        coroutine.yield("funksjon")
      end), length = 12 } },
    }
    assert(post { parts = parts })
    assert.same({ "fra minne", "fra fil", "fra funksjon" }, part_bodies())
    assert.equal(1, #endpoint.header(seen("/opp"), "Content-Length"))
  end)

  it("fails for a file that is not there, before anything is sent", function()
    local answer, err = post { body = { file = here.material:path("ingen") } }
    assert.is_nil(answer)
    assert.equal("io", err.kind)
    assert.matches("ingen", err.message)
    answer, err = post { parts = { { name = "a", data = { file = "/" } } } }
    assert.is_nil(answer)
    assert.equal("io", err.kind)
    assert.is_nil(seen("/opp"))
  end)

  it("goes out again only if it can begin anew", function()
    here:answers("/opp", { status = 503 }, { status = 503 }, {})
    local at, rewound = 0, 0
    local function read()
      at = at + 1
      return ({ "en", "to" })[at]
    end
    local function rewind()
      at, rewound = 0, rewound + 1
    end
    assert(post { body = { read = read, rewind = rewind }, idempotent = true })
    local request, count = seen("/opp")
    assert.equal(3, count)
    assert.equal(2, rewound)
    assert.equal("ento", request.body)

    here:forget()
    here:answers("/opp", { status = 503 }, {})
    at = 0
    local answer, err = post { body = read, idempotent = true }
    assert.is_nil(answer)
    assert.equal(1, err.attempts)
  end)

  it("that gives up ends the call, and says why", function()
    local answer, err = post { body = function() return nil, "platen er full" end }
    assert.is_nil(answer)
    assert.equal("cancelled", err.kind)
    assert.equal("body", err.code)
    assert.matches("platen er full", err.message)
    assert.has_error(function() post { body = function() return 7 end } end,
      "the function that gives the body returned a number: a string, or nil at the end")
    assert.has_error(function() post { body = function() error("min feil", 0) end } end, "min feil")
    assert(client:request { method = "GET", path = "/x" }) -- nothing is left behind
  end)

  it("of a wrong type raises where it was given", function()
    for _, wrong in ipairs { 7, true, { les = print }, { read = 1 }, { read = print, length = -1 },
      { file = 3 } } do
      local ok, why = pcall(function()
        local answer = client:request { method = "POST", path = "/opp", body = wrong }
        return answer
      end)
      assert.is_false(ok)
      assert.matches("stream_spec", why)
    end
  end)

  -- ---- answers ----------------------------------------------------------------------------------

  local function get(spec)
    spec.method, spec.path = "GET", "/ned"
    return client:request(spec)
  end

  it("is taken by a function, chunk by chunk, which may make calls", function()
    here:answers("/ned", { body = ("0123456789"):rep(1000), times = 200 })
    local bytes, chunks, others = {}, 0, 0
    local answer = assert(get { into = function(chunk)
      chunks = chunks + 1
      bytes[chunks] = chunk
      if chunks % 5 == 1 then
        others = others + (client:request { method = "GET", path = "/x" } and 1 or 0)
      end
    end })
    assert.equal(200, answer.status)
    assert.equal(("0123456789"):rep(200000), table.concat(bytes))
    assert.is_true(chunks > 4)
    assert.is_true(others > 0)
  end)

  it("goes into a file that appears as a whole", function()
    local path = here.material:path("ned.pdf")
    here:answers("/ned", { body = "innhold" }, { status = 404, body = "{}" }, { body = "nytt" })
    assert(get { into = path })
    assert.equal("innhold", here.material:read("ned.pdf"))
    local answer, err = get { into = path }
    assert.is_nil(answer)
    assert.equal("exists", err.code)
    answer, err = get { into = { file = path, replace = true } }
    assert.is_nil(answer)
    assert.equal("not_found", err.kind)
    assert.equal("innhold", here.material:read("ned.pdf"))
    assert(get { into = { file = path, replace = true } })
    assert.equal("nytt", here.material:read("ned.pdf"))
  end)

  it("that is refused ends the call; what it was given is not given again", function()
    here:answers("/ned", { body = "abc", times = 300000 })
    local answer, err = get { into = function() return nil, "nok" end }
    assert.is_nil(answer)
    assert.equal("cancelled", err.kind)
    assert.matches("nok", err.message)
    here:answers("/ned", { body = "halv", cut = true }, { body = "hel" })
    local got = {}
    answer, err = get { into = function(chunk) got[#got + 1] = chunk end }
    if not answer then -- the first piece had been handed over: no other try
      assert.equal("network", err.kind)
      assert.equal("halv", table.concat(got))
    else
      assert.equal("hel", table.concat(got))
    end
  end)

  it("tells its progress, and can be broken off by it", function()
    here:answers("/ned", { body = ("x"):rep(1000), times = 3000 })
    local last, told = nil, 0
    assert(get { into = function() end, progress = function(now)
      assert.is_true(not last or now.received >= last.received)
      last, told = now, told + 1
    end })
    assert.is_true(told >= 1)
    assert.equal(3000000, last.received)
    assert.equal(3000000, last.received_total)
    assert.equal(0, last.sent)

    local read = pieces(1000)
    local answer, err = post { body = read, progress = function(now) return now.sent < 500000 end }
    assert.is_nil(answer)
    assert.equal("progress", err.code)
  end)

  it("is held up by a slow reader without memory, and without blame", function()
    here:answers("/ned", { body = ("x"):rep(1000), times = 20000 })
    local total, most = 0, 0
    assert(get { timeouts = { idle_ms = 60 }, into = function(chunk)
      total, most = total + #chunk, math.max(most, #chunk)
      local _, now = core.now()
      local till = now + 2
      repeat _, now = core.now() until now > till
    end })
    assert.equal(20000000, total)
    assert.is_true(most <= 512 * 1024, tostring(most))
  end)

  it("has no deadline, and yet ends when the server goes on for ever without giving it", function()
    here:answers("/ned", { status = 403, endless = true })
    local answer, err = get { into = here.material:path("ned") }
    assert.is_nil(answer)
    assert.equal("denied", err.kind)
    here:answers("/ned", { status = 404, endless = true,
      headers = { ["Content-Encoding"] = "br" } })
    answer, err = get { into = function() end }
    assert.is_nil(answer)
    assert.equal("not_found", err.kind)
    here:answers("/ned", { header_count = 300, dribble_ms = 1 })
    answer, err = get { into = function() end, timeouts = { idle_ms = 300 }, idempotent = false }
    assert.is_nil(answer)
    assert.equal("timeout", err.kind)
    assert.equal("idle", err.code)
  end)

  it("streams side by side with others in tasks", function()
    here:answers("/ned", { body = ("y"):rep(1000), times = 500, always = true })
    local sums = fiks.map({ 1, 2, 3, 4, 5, 6 }, { concurrency = 6 }, function()
      local sum = 0
      assert(get { into = function(chunk) sum = sum + #chunk end })
      return sum
    end)
    assert.same({ 500000, 500000, 500000, 500000, 500000, 500000 }, sums)
  end)

  it("is cancelled from another task, and by closing the client", function()
    here:answers("/ned", { delay_ms = 5000, body = "{}", always = true })
    local function cut(how)
      local _, before = core.now()
      local err = fiks.run(function()
        local task = fiks.spawn(function() return get {} end)
        fiks.spawn(function()
          client:request { method = "GET", path = "/x" }
          how(task)
        end)
        local answer, why = task:join()
        assert.is_nil(answer)
        return why
      end)
      local _, after = core.now()
      assert.equal("cancelled", err.kind)
      assert.is_true(after - before < 4000)
    end
    cut(function(task) task:cancel() end)
    cut(function() client:close() end)
  end)
end)
