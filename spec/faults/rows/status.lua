--- Answers that say "not now", with and without Retry-After.
local rows = {}

local KINDS = { [408] = "timeout", [425] = "rejected", [429] = "rate_limited" }

for _, status in ipairs { 408, 425, 429, 500, 502, 503, 504 } do
  local uncertain = status == 408 or status >= 500
  rows[#rows + 1] = { ("status %d"):format(status), server = "WireMock",
    stub = { { status = status } }, status = status,
    kind = KINDS[status] or "server", code = "http_" .. status, tries = 3, retryable = true,
    uncertain = uncertain, to_ms = 1500, after = "at once" }
  rows[#rows + 1] = { ("status %d with Retry-After: 1"):format(status), server = "WireMock",
    stub = { { status = status, headers = { ["Retry-After"] = "1" } } }, status = status,
    kind = KINDS[status] or "server", code = "http_" .. status, tries = 3, retryable = true,
    uncertain = uncertain, retry_after_ms = 1000, from_ms = 2000, to_ms = 2000,
    after = "pauses of 1 s at least" }
end

local DATE = "{{now offset='3 seconds' timezone='GMT' format='EEE, dd MMM yyyy HH:mm:ss'}} GMT"

for _, row in ipairs {
  { "503 twice, then an answer", stub = { { status = 503 }, { status = 503 }, { status = 200 } },
    kind = "ok", status = 200, tries = 3, to_ms = 1500, after = "the pauses" },
  { "429 with Retry-After: 1, then an answer",
    stub = { { status = 429, headers = { ["Retry-After"] = "1" } }, { status = 200 } },
    kind = "ok", status = 200, tries = 2, from_ms = 1000, to_ms = 1000, after = "1 s" },
  { "503 with a date as Retry-After, then an answer",
    stub = { { status = 503, headers = { ["Retry-After"] = DATE },
      transformers = { "response-template" } }, { status = 200 } },
    kind = "ok", status = 200, tries = 2, from_ms = 1500, to_ms = 3000, after = "when it says" },
  { "503 with a date in the past as Retry-After",
    stub = { { status = 503, headers = { ["Retry-After"] = "Tue, 02 Jan 2018 08:00:00 GMT" } } },
    kind = "server", code = "http_503", status = 503, tries = 3, retryable = true, uncertain = true,
    to_ms = 1500, after = "at once" },
  { "503 with a Retry-After that cannot be read",
    stub = { { status = 503, headers = { ["Retry-After"] = "snart" } } },
    kind = "server", code = "http_503", status = 503, tries = 3, retryable = true, uncertain = true,
    to_ms = 1500, after = "at once" },
  { "429 with a Retry-After beyond the deadline",
    stub = { { status = 429, headers = { ["Retry-After"] = "120" } } },
    kind = "rate_limited", code = "http_429", status = 429, tries = 1, retryable = true,
    retry_after_ms = 120000, to_ms = 0, after = "at once: `retry_after_ms` says when" },
  { "503; a POST", stub = { { status = 503 } }, call = "post",
    kind = "server", code = "http_503", status = 503, tries = 1, retryable = true, uncertain = true,
    to_ms = 0, after = "at once: it may have been carried out" },
  { "429; a POST", stub = { { status = 429, headers = { ["Retry-After"] = "1" } } }, call = "post",
    kind = "rate_limited", code = "http_429", status = 429, tries = 1, retryable = true,
    retry_after_ms = 1000, to_ms = 0, after = "at once" },
  { "503; a POST with `idempotent = true`", stub = { { status = 503 } }, call = "safe_post",
    kind = "server", code = "http_503", status = 503, tries = 3, retryable = true, uncertain = true,
    to_ms = 1500, after = "at once" },
  { "501", stub = { { status = 501 } },
    kind = "server", code = "http_501", status = 501, tries = 1, uncertain = true, to_ms = 0,
    after = "at once" },
} do
  row.server = "WireMock"
  rows[#rows + 1] = row
end

for _, row in ipairs {
  { "a gateway without a server behind it (its page of 503)", path = "/nede",
    kind = "server", code = "http_503", status = 503, says = "No server is available",
    tries = 3, retryable = true, uncertain = true, to_ms = 1500, after = "at once" },
  { "a gateway that got rubbish (502)", path = "/rot",
    kind = "server", code = "http_502", status = 502, tries = 3, retryable = true, uncertain = true,
    to_ms = 1500, after = "at once" },
  { "a gateway that waited in vain (504)", path = "/treg",
    kind = "server", code = "http_504", status = 504, tries = 3, retryable = true, uncertain = true,
    from_ms = 900, to_ms = 2400, after = "the gateway's own time" },
  { "a rate limit of two calls, then room again", path = "/ratebegrenset",
    kind = "ok", status = 200, tries = 3, from_ms = 2000, to_ms = 2000,
    after = "what Retry-After says, each time" },
} do
  row.server, row.at = "haproxy", "https://api.test:5002"
  rows[#rows + 1] = row
end

return rows
