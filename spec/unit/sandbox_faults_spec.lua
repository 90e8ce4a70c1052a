-- sandbox.faults: which call a fault is for, and how often.
local faults = require("sandbox.faults")

local function request(path, method, headers)
  return {
    path = path,
    method = method or "GET",
    header = function(_, name)
      return headers and headers[name]
    end,
  }
end

describe("sandbox.faults", function()
  before_each(faults.clear)

  it("counts down", function()
    faults.add({ sti = "/a", antall = 2, status = 503 })
    assert.is_nil(faults.take(request("/b")))
    assert.equal(503, faults.take(request("/a")).status)
    assert.equal(503, faults.take(request("/a")).status)
    assert.is_nil(faults.take(request("/a")))
  end)

  it("lets some calls pass first", function()
    faults.add({ sti = "/a", hopp = 1, status = 500 })
    assert.is_nil(faults.take(request("/a")))
    assert.is_table(faults.take(request("/a")))
  end)

  it("fits prefix, method and headers", function()
    faults.add({ sti = "/a/*", metode = "PUT", kun = { IntegrasjonId = "x" }, status = 500 })
    assert.is_nil(faults.take(request("/a/b")))
    assert.is_nil(faults.take(request("/a/b", "PUT")))
    assert.is_nil(faults.take(request("/b/a/", "PUT", { IntegrasjonId = "x" })))
    assert.is_table(faults.take(request("/a/b", "PUT", { IntegrasjonId = "x" })))
  end)

  it("makes the answer, or none for a mere delay", function()
    assert.same({
      status = 429,
      body = "",
      headers = { ["Retry-After"] = "3", X = "y" },
    }, faults.answer({ status = 429, retryAfter = "3", headere = { X = "y" } }))
    assert.is_nil(faults.answer({ forsinkelseMs = 5 }))
  end)

  it("holds a request for its delay, or until the faults are forgotten", function()
    local slept = 0
    faults.hold({ forsinkelseMs = 50 }, function(seconds) slept = slept + seconds * 1000 end)
    assert.is_true(math.abs(slept - 50) < 0.1)
    slept = 0
    faults.hold({ forsinkelseMs = 25000 }, function()
      slept = slept + 1
      if slept == 3 then
        faults.clear()
      end
    end)
    assert.equal(3, slept)
    faults.hold({}, error)
  end)
end)
