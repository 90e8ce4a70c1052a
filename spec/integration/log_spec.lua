-- fiks.log: the core's lines, in a function of the program.

local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"

local LEVELS = { "error", "warning", "info", "debug" }

describe("fiks.log", function()
  local here, lines

  setup(function()
    here = endpoint.start()
  end)
  teardown(function()
    here:stop()
  end)
  before_each(function()
    here:forget()
    lines = {}
  end)
  after_each(function()
    fiks.log(nil)
  end)

  local function keep(level, line)
    lines[#lines + 1] = level .. " " .. line
  end

  local function get(client)
    return client:request { method = "GET", path = "/x" }
  end

  local function found(pattern)
    local count = 0
    for _, line in ipairs(lines) do
      count = count + (line:find(pattern) and 1 or 0)
    end
    return count
  end

  it("gives the lines up to a level", function()
    local seen = {}
    for i, level in ipairs(LEVELS) do
      lines = {}
      here:tokens { status = 400, always = true, body = '{"error":"invalid_grant"}' }
      fiks.log(level, keep)
      local client = here:client()
      assert.is_nil((get(client))) -- an error, a warning
      here:tokens()
      assert.is_table(get(here:client())) -- info and debug
      for _, line in ipairs(lines) do
        seen[line:match("^%a+")] = true
      end
      for k, other in ipairs(LEVELS) do
        assert.equal(k <= i, found("^" .. other .. " ") > 0, level .. ": " .. other)
      end
    end
    assert.same({ error = true, warning = true, info = true, debug = true }, seen)
    assert.equal(1, found("^error token: no new one: denied 400 %(invalid_grant, jti [%x-]+%): "))
    assert.equal(1, found("^debug request: GET http.*/x, Authorization: %d+ bytes, IntegrasjonId: "
      .. endpoint.ID:gsub("%-", "%%-") .. ", IntegrasjonPassord: %d+ bytes$"))
  end)

  it("gives those of fiks.new at once", function()
    fiks.log("warning", keep)
    here:client { environment = { issuer = "http://annet.example/" } }
    assert.equal(1, found("^warning client: issuer is on annet.example"))
  end)

  it("ends when it is told to, and begins with nothing old", function()
    fiks.log("debug", keep)
    fiks.log(nil)
    get(here:client())
    assert.same({}, lines)
    fiks.log("debug", keep)
    here:client()
    assert.equal(0, found("request"))
    fiks.log("debug", function() end)
    get(here:client())
    assert.equal(0, found("request"))
  end)

  it("runs the function where calls are waited for, and lets it make calls", function()
    local client, made, depth, deepest = here:client(), 0, 0, 0
    fiks.log("info", function(_, line)
      depth = depth + 1
      deepest = math.max(deepest, depth)
      keep("info", line)
      if made < 4 then
        made = made + 1
        assert(get(client))
      end
      depth = depth - 1
    end)
    local values, errors = fiks.all {
      function() return get(client) end,
      function() return get(client) end,
    }
    assert.same({}, errors)
    assert.equal(200, values[1].status)
    assert.equal(4, made)
    assert.equal(1, deepest) -- the lines of those calls wait for their turn
    assert(get(client))
    assert.is_true(found("^info request: ok") >= 6)
  end)

  it("stands a function that raises, and says so once", function()
    local output = here.material:lua(([[
      local fiks = require "fiks"
      local calls = 0
      fiks.log("debug", function()
        calls = calls + 1
        error("min feil")
      end)
      local client = assert(fiks.new { environment = { api = "%s" }, allow_loopback_http = true })
      for _ = 1, 3 do
        assert(client:request { method = "GET", path = "/x", username = "u", password = "p" })
      end
      print("calls", calls)]]):format(here.url))
    assert.is_true(tonumber(output:match("calls\t(%d+)")) >= 6, output)
    assert.equal(1, select(2, output:gsub("fiks.log: the function raised", "")))
    assert.equal(1, select(2, output:gsub("min feil", "")))
  end)

  it("keeps the newest lines when nobody takes them, and says how many are lost", function()
    local core = require "fiks.core"
    fiks.log("debug", keep)
    core.log(3)
    local client = here:client()
    lines = {}
    local dropped = fiks.metrics().log_lines_dropped
    local queue = core.queue()
    for _ = 1, 200 do -- two lines each, taken by nobody
      local call = assert(client._core:call({ method = "GET", path = "/x", username = "u",
        password = "p" }, queue))
      while not call:finished() do
        queue:wait(1000)
      end
      call:close()
    end
    assert.same({}, lines)
    get(client)
    assert.matches("^warning log: 14%d older lines were lost", lines[1])
    assert.equal(tonumber(lines[1]:match("%d+")), fiks.metrics().log_lines_dropped - dropped)
    assert.is_true(#lines > 256)
    assert.equal(0, found("lost") - 1)
  end)

  it("raises for misuse, at the caller's line", function()
    for text, f in pairs {
      ["did you mean 'debug'"] = function() fiks.log("debugg", keep) end,
      ["must be one of error, warning"] = function() fiks.log(3, keep) end,
      ["expected a function"] = function() fiks.log("info") end,
    } do
      local ok, err = pcall(f)
      assert.is_false(ok)
      assert.matches("log_spec.lua:%d+: fiks.log: .*" .. text, err)
    end
  end)
end)
