-- What can be seen of calls: timings, attempts, ids, the platform's own words, counters.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"

local PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

describe("observability:", function()
  local here, client

  setup(function()
    here = endpoint.start()
  end)
  teardown(function()
    here:stop()
  end)
  before_each(function()
    here:forget()
    client = here:client()
  end)
  after_each(function()
    client:close()
  end)

  local function get(more)
    local given = { method = "GET", path = "/x" }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    return client:request(given)
  end

  local function failure(...)
    here:answers("/x", ...)
    local answer, err, refused = get()
    assert.is_nil(answer)
    return err, refused
  end

  describe("timings", function()
    it("say where the time went, and what a kept connection spares", function()
      local secure = here:client { environment = { api = here.tls_url },
        ca_file = here.material:path("tls.pem") }
      local first = assert(secure:request { method = "GET", path = "/x" })
      local second = assert(secure:request { method = "GET", path = "/x" })
      secure:close()
      local t = first.timings
      assert.is_false(t.reused)
      assert.is_true(t.connect_ms > 0 and t.tls_ms > 0 and t.first_byte_ms > 0)
      assert.is_true(t.total_ms >= t.dns_ms + t.connect_ms + t.tls_ms + t.first_byte_ms)
      t = second.timings
      assert.is_true(t.reused)
      assert.equal(0, t.dns_ms + t.connect_ms + t.tls_ms)
      assert.is_true(t.first_byte_ms > 0 and t.total_ms >= t.first_byte_ms)
      assert.equal(t, second.timings) -- made once
      assert.equal("1.1", second.http_version)
    end)

    it("count a slow server", function()
      here:answers("/x", { delay_ms = 30, body = "{}" })
      local t = assert(get()).timings
      assert.is_true(t.first_byte_ms >= 30, tostring(t.first_byte_ms))
    end)

    it("are no trap: other fields stay nil, a strange table is no answer", function()
      local answer = assert(get())
      assert.is_nil(answer.nothing)
      assert.is_nil(answer.request_id)
      local index = getmetatable(answer).__index
      assert.is_nil(index({}, "timings"))
      assert.is_nil(index("text", "timings"))
      local copy = {}
      for key, value in pairs(answer) do
        copy[key] = type(key) == "string" and value or io.stdout
      end
      assert.is_nil(index(copy, "timings"))
    end)
  end)

  describe("attempts", function()
    it("stand in the answer, one or several", function()
      here:answers("/x", { status = 503, body = "{\"errorCode\":\"full\"}" }, { body = "{}" })
      local answer = assert(get())
      assert.equal(2, answer.attempts)
      local history = answer.history
      assert.equal(2, #history)
      assert.equal("server", history[1].kind)
      assert.equal(503, history[1].status)
      assert.equal("full", history[1].code)
      assert.is_true(history[1].pause_ms >= 0 and history[1].elapsed_ms >= 0)
      assert.is_true(history[1].sent_bytes > 0 and history[1].received_bytes > 0)
      assert.is_false(history[1].token_renewed)
      assert.equal("ok", history[2].kind)
      assert.is_nil(history[2].code)
      assert.is_true(history[2].started_ms >= history[1].started_ms + history[1].pause_ms)
      assert.equal(0, history[2].pause_ms)
      assert.equal(1, #assert(get()).history)
    end)

    it("stand in the error, and shortly in its text", function()
      local err = failure({ status = 503 }, { cut = true, body = "{" },
        { status = 502, body = "nede" })
      assert.equal(3, err.attempts)
      assert.equal(3, #err.history)
      assert.equal("network", err.history[2].kind)
      assert.equal(200, err.history[2].status) -- of half an answer
      assert.equal("server 502 (http_502): request: 502: nede (3 attempts: 503, network, 502)",
        tostring(err))
      err = failure { status = 404, body = "borte" }
      assert.equal(1, #err.history)
      assert.equal("not_found 404 (http_404): request: 404: borte", tostring(err))
    end)

    it("tell of a token that was renewed", function()
      local blamed = "{\"message\":\"Klarte ikke å validere access_token\"}"
      here:answers("/x", { status = 401, body = blamed }, { body = "{}" })
      local answer = assert(get())
      assert.is_true(answer.history[1].token_renewed)
      assert.equal("auth", answer.history[1].kind)
      assert.is_false(answer.history[2].token_renewed)
    end)

    it("are none when no token could be had", function()
      here:tokens { status = 400, body = "{\"error\":\"invalid_grant\"}", always = true }
      local answer, err = get()
      assert.is_nil(answer)
      assert.equal("denied", err.kind)
      assert.same({}, err.history)
    end)
  end)

  describe("the platform's words", function()
    local function refusal(members)
      return { status = 400, body = core.json_encode(members) }
    end

    it("become fields: errorId, errorCode, errorJson as object or text", function()
      local err = failure(refusal {
        errorId = "e-1", errorCode = "innsyn.feil", message = "nei",
        errorJson = { antall = 13, felt = { "å" } },
      })
      assert.equal("e-1", err.error_id)
      assert.equal("innsyn.feil", err.code)
      assert.equal(13, err.error_json.antall)
      assert.equal("å", err.error_json.felt[1])
      assert.equal(13, failure(refusal { errorJson = "{\"antall\":13}" }).error_json.antall)
      assert.equal(2, failure(refusal { errorJson = " [1, 2]" }).error_json[2])
      assert.equal("{ikke json", failure(refusal { errorJson = "{ikke json" }).error_json)
      assert.equal("17", failure(refusal { errorJson = "17" }).error_json)
      assert.is_nil(failure(refusal { errorJson = core.null }).error_json)
      assert.is_nil(failure(refusal { errorJson = ("x"):rep(20000) }).error_json)
    end)

    it("may be a page, a text, or nothing", function()
      local err, refused = failure { status = 500, type = "text/html",
        body = "<html><body>\n  Feil: å\n</body></html>", always = true }
      assert.equal("server", err.kind)
      assert.matches("request: 500: <html><body> Feil: å </body></html>", err.message, 1, true)
      assert.matches("^<html>", refused.body)
      err = failure { status = 400, type = "text/plain; charset=ISO-8859-1",
        base64 = core.base64("Foresp\248rselen") }
      assert.matches("Foresp\239\191\189rselen", err.message, 1, true)
      err, refused = failure { status = 400, type = nil, body = "" }
      assert.equal("request: 400", err.message)
      assert.equal("", refused.body)
    end)

    it("may be called JSON and be none: the refusal is there all the same", function()
      local err, refused = failure { status = 404, body = "{nei" }
      assert.equal("not_found", err.kind)
      assert.equal("{nei", refused.body)
      assert.is_nil(refused.json)
      err = failure { body = "{nei", headers = { ["X-Request-Id"] = "n-2" } }
      assert.equal("json", err.code)
      assert.equal("request", err.operation)
      assert.equal("n-2", err.request_id)
      assert.equal(200, err.history[1].status)
    end)

    it("bring no secret along", function()
      local err = failure(refusal { errorJson = { sendt = endpoint.PASSORD, id = "i" } })
      assert.equal("i", err.error_json.id)
      assert.equal("***", err.error_json.sendt)
    end)
  end)

  describe("text", function()
    local function answered(type, bytes)
      here:answers("/x", { type = type, base64 = core.base64(bytes) })
      return get()
    end

    it("is UTF-8 with and without charset", function()
      for _, type in ipairs { "application/json", "application/json;charset=UTF-8",
        "application/problem+json; charset=\"utf-8\"" } do
        assert.equal("å", assert(answered(type, "{\"a\":\"å\"}")).json.a)
      end
      assert.equal("a", assert(answered("application/json; charset=ISO-8859-1",
        "{\"a\":\"a\"}")).json.a)
      assert.equal("\229", assert(answered("text/plain; charset=ISO-8859-1", "\229")).body)
    end)

    it("that is not is an error that says where", function()
      local answer, err = answered("application/json", "{\"a\":\"\229\"}")
      assert.is_nil(answer)
      assert.equal("protocol", err.kind)
      assert.equal("utf8", err.code)
      assert.matches("byte 6", err.message)
      assert.equal(200, err.status)
      answer, err = answered("application/json; charset=ISO-8859-1", "{\"a\":\"å\"}")
      assert.is_nil(answer)
      assert.equal("protocol", err.kind)
      assert.equal("charset", err.code)
      assert.matches("ISO%-8859%-1.*byte 6", err.message)
    end)
  end)

  describe("ids", function()
    local function sent(path)
      local seen = here:seen(path or "/x")
      local last = seen[#seen]
      return endpoint.header(last, "traceparent")[1], endpoint.header(last, "X-Correlation-Id")[1]
    end

    it("of a call go along to Fiks, not to the token endpoint, and show in its error", function()
      here:answers("/x", { status = 404, headers = { ["X-Request-Id"] = "r-1" } })
      local _, err = get { traceparent = PARENT, correlation_id = "sak-17" }
      assert.equal("sak-17", err.correlation_id)
      assert.equal("r-1", err.request_id)
      assert.same({ PARENT, "sak-17" }, { sent() })
      assert.same({}, { sent("/token") })
      here:answers("/x", { body = "{}", headers = { traceparent = PARENT } })
      assert.equal(PARENT, assert(get()).request_id)
      assert.same({}, { sent() })
    end)

    it("of a client go along with every call, until it or the call has others", function()
      local one = here:client { traceparent = PARENT, correlation_id = "a" }
      local other = assert(one:with { correlation_id = "b" })
      assert(one:request { method = "GET", path = "/x" })
      assert.same({ PARENT, "a" }, { sent() })
      assert(other:request { method = "GET", path = "/x" })
      assert.same({ PARENT, "b" }, { sent() })
      assert(other:reload())
      assert(other:request { method = "GET", path = "/x", correlation_id = "c" })
      assert.same({ PARENT, "c" }, { sent() })
      assert(other:request { method = "GET", path = "/x" })
      assert.same({ PARENT, "b" }, { sent() })
      one:close()
      other:close()
    end)

    it("that are none are refused", function()
      for option, value in pairs { traceparent = "00-x", correlation_id = "a b" } do
        local none, err = fiks.new(here:options { [option] = value })
        assert.is_nil(none)
        assert.equal("config", err.kind)
        assert.equal(option, err.code)
        none, err = client:with { [option] = value }
        assert.is_nil(none)
        assert.equal(option, err.code)
        none, err = get { [option] = value }
        assert.is_nil(none)
        assert.equal("invalid", err.kind)
        assert.equal(option, err.code)
      end
      assert.equal(0, #here:seen("/x"))
      local none, err = fiks.new(here:options { correlation_id = 17 })
      assert.is_nil(none)
      assert.equal("correlation_id", err.code)
    end)
  end)

  describe("counters", function()
    it("count calls by outcome, requests, tokens, bytes, connections", function()
      local before = fiks.metrics()
      assert(get())
      here:answers("/x", { status = 503 }, { body = "{}" })
      assert(get())
      assert.equal("not_found", failure({ status = 404 }).kind)
      local after = fiks.metrics()
      local function grew(name)
        return after[name] - before[name]
      end
      -- the answers were set by calls, too: two with their own outcome ok
      assert.equal(4, after.calls.ok - before.calls.ok)
      assert.equal(1, after.calls.not_found - before.calls.not_found)
      assert.equal(0, after.calls.timeout - before.calls.timeout)
      assert.equal(1, grew("token_fetches"))
      assert.equal(0, grew("token_failures"))
      assert.equal(3, grew("token_hits"))
      assert.equal(1, grew("retries"))
      assert.equal(7, grew("requests")) -- three calls, one again, the token, two that set answers
      assert.is_true(grew("sent_bytes") > 500 and grew("received_bytes") > 500)
      assert.equal(7, grew("connections_opened") + grew("connections_reused"))
      assert.equal(0, after.calls_in_flight)
      local calls = 0
      for i, bucket in ipairs(after.durations) do
        calls = calls + bucket.calls - before.durations[i].calls
      end
      assert.equal(5, calls)
      assert.is_nil(after.durations[#after.durations].up_to_ms)
    end)

    it("see a call under way", function()
      here:answers("/x", { delay_ms = 1000, body = "{}" })
      local seen
      fiks.all {
        function() return get() end,
        function()
          assert(get { path = "/y" })
          seen = fiks.metrics().calls_in_flight
        end,
      }
      assert.equal(1, seen)
      assert.equal(0, fiks.metrics().calls_in_flight)
    end)

    it("are text that Prometheus' own checker finds nothing to say about", function()
      assert(get())
      local text = assert(fiks.metrics_text())
      local path = here.material:path("metrics.txt")
      local file = assert(io.open(path, "w"))
      file:write(text)
      file:close()
      local run = assert(io.popen(("LD_PRELOAD= promtool check metrics <'%s' 2>&1; echo $?")
        :format(path)))
      local said = run:read("*a")
      run:close()
      assert.equal("0\n", said)
      assert.equal(fiks.metrics().requests,
        tonumber(text:match("\nfiks_requests_total (%d+)\n")))
      assert.matches("fiks_calls_total{outcome=\"ok\"} [1-9]", text)
      assert.is_nil(text:find("127.0.0.1", 1, true))
      assert.is_nil(text:find(endpoint.ID, 1, true))
    end)
  end)
end)
