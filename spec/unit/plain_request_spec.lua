-- client:begin of the core starts what is right at first sight, and answers false to anything else,
-- which fiks.request then looks at closely.

local core = require "fiks.core"

describe("a plain request", function()
  local client, queue

  before_each(function()
    client = assert(core.client {
      api_url = "https://localhost:1", contract = "current",
      integrasjon_id = "41dad8d5-2fb7-414e-8eb4-5de8ec59afc3", integrasjon_passord = "p",
    })
    queue = core.queue()
  end)
  after_each(function()
    queue:close()
    client:close()
  end)

  -- With Basic credentials, as then it needs no token.
  local function with(fields)
    local request = { method = "GET", path = "/a", username = "u", password = "p" }
    for name, value in pairs(fields) do
      request[name] = value
    end
    return request
  end

  it("starts at once", function()
    for _, case in ipairs {
      { with {} }, { with { method = "POST", body = "\0\255" } },
      { with { method = "PUT", json = { 1 } }, "[1]" },
      { with { method = "DELETE", content_type = "text/plain", timeout_ms = 1, idempotent = false,
        max_answer_bytes = 2 ^ 53, traceparent = "00-" .. ("a"):rep(32) .. "-" .. ("b"):rep(16)
          .. "-01", correlation_id = "c" } },
    } do
      local call = assert(client:begin(case[1], queue, case[2]))
      call:cancel()
      call:close()
    end
  end)

  it("that the core refuses is nil and an error", function()
    local call, err = client:begin(with { path = "a" }, queue, nil)
    assert.is_nil(call)
    assert.equal("path", err.code)
  end)

  it("is none when anything about it needs a closer look", function()
    for name, values in pairs {
      method = { "get", "TRACE", "", 1 }, path = { 1, "/a\0b" }, body = { {}, 1, print },
      content_type = { 1, "a\0" }, username = { 1, "u\0" }, password = { {}, "p\0" },
      timeout_ms = { 0, -1, 1.5, 2 ^ 31, "1", 0 / 0, 1 / 0 }, idempotent = { 1, "yes" },
      max_answer_bytes = { 0, 2 ^ 54 }, traceparent = { 1 }, correlation_id = { false },
      json = { { 1 } }, query = { {} }, params = { {} }, parts = { {} }, into = { "f" },
      progress = { print }, person = { "t" }, scope = { "s" }, pid = { "1" }, timeouts = { {} },
      operation = { "token" }, bearer = { "t" }, sink = { 1 }, source = { 1 }, hooked = { true },
      connect_timeout_ms = { 1 }, no_such_name = { 1 },
    } do
      for _, value in ipairs(values) do
        assert.is_false(client:begin(with { [name] = value }, queue, nil), name)
      end
    end
    assert.is_false(client:begin(with { [1] = "GET" }, queue, nil))
    assert.is_false(client:begin({ path = "/a" }, queue, nil))
    assert.is_false(client:begin({ method = "GET" }, queue, nil))
    assert.is_false(client:begin(with { method = "POST", body = "b", json = 1 }, queue, "1"))
    for _, given in ipairs { 1, "GET", true } do
      assert.is_false(client:begin(given, queue, nil))
    end
    assert.is_false(client:begin(nil, queue, nil))
  end)
end)
