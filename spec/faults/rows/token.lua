--- The token endpoint: a grant is sent anew with each try, so a POST is safe here.
local TOKEN = { status = 200, headers = { ["Content-Type"] = "application/json" }, body =
  [[{"access_token":"ugjennomsiktig","token_type":"Bearer","expires_in":100,"scope":"ks:fiks"}]] }

local rows = {
  { "the token endpoint: 503 twice, then a token",
    stub = { { status = 503 }, { status = 503 }, TOKEN },
    kind = "ok", tries = 3, to_ms = 1500, after = "the pauses" },
  { "the token endpoint: reset, then a token",
    stub = { { fault = "CONNECTION_RESET_BY_PEER" }, TOKEN },
    kind = "ok", tries = 2, to_ms = 500, after = "the pause" },
  { "the token endpoint: 503 for good", stub = { { status = 503 } },
    kind = "server", code = "http_503", status = 503, tries = 3, retryable = true, to_ms = 1500,
    after = "at once" },
  { "the token endpoint: rubbish", stub = { { fault = "RANDOM_DATA_THEN_CLOSE" } },
    kind = "protocol", code = "curl", tries = 1, to_ms = 0, after = "at once" },
  { "the token endpoint: no answer begins",
    stub = { { status = 200, fixedDelayMilliseconds = 3000 } },
    limits = { first_byte_ms = 200 }, kind = "timeout", code = "first_byte", tries = 3,
    retryable = true, from_ms = 600, to_ms = 2100, after = "10 s a try" },
}
for _, row in ipairs(rows) do
  row.server, row.call = "WireMock", "token"
end
return rows
