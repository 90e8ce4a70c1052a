--- Connections that end or stop at each phase of a request and its answer.
--- `filter` lets nftables count packets and bytes: the handshake takes about 900 of ours, and 3,000
--- of the server's. `raw` is an answer, byte by byte.
local LONG = { fyll = ("x"):rep(6000) }

local rows = {}

local function add(server, list)
  for _, row in ipairs(list) do
    row.server = server
    rows[#rows + 1] = row
  end
end

local function cut(row) -- GET: again, as nothing changes by it
  row.kind, row.code, row.tries, row.retryable = "network", "curl", 3, true
  row.uncertain, row.to_ms = true, 1500
  row.after = row.after or "at once"
  return row
end

local function stopped(row)
  row.kind, row.tries, row.retryable, row.uncertain = "timeout", row.tries or 3, true, true
  return row
end

add("nftables", {
  cut { "the connection is reset when the request goes out", query = LONG,
    filter = "tcp dport %d ct original bytes > 5000 reject with tcp reset" },
  cut { "the connection is reset within the headers", path = "/hode",
    filter = "tcp dport %d ct reply bytes > 8000 reject with tcp reset" },
  cut { "the connection is reset within the body", path = "/stor",
    filter = "tcp dport %d ct reply bytes > 100000 reject with tcp reset" },
  stopped { "the request's body stalls", path = "/opplasting", call = "huge_post",
    filter = "tcp dport %d ct original bytes > 100000 drop", limits = { idle_ms = 400 },
    code = "idle", tries = 1, from_ms = 400, to_ms = 600,
    after = "30 s (`idle_ms`); one try: it may have been carried out" },
  stopped { "the headers stall", path = "/hode",
    filter = "tcp dport %d ct reply bytes > 8000 drop", limits = { idle_ms = 200 },
    code = "idle", from_ms = 600, to_ms = 2400, after = "30 s a try (`idle_ms`)" },
  stopped { "the body stalls", path = "/stor",
    filter = "tcp dport %d ct reply bytes > 100000 drop", limits = { idle_ms = 200 },
    code = "idle", from_ms = 600, to_ms = 2400, after = "30 s a try (`idle_ms`)" },
  { "a kept connection has died", query = LONG, call = "get_twice", kind = "ok", status = 200,
    filter = "tcp dport %d ct original bytes > 10000 reject with tcp reset",
    to_ms = 0, after = "nothing: another one is made" },
  { "a kept connection dies under a POST", path = "/opplasting", call = "post_twice",
    filter = "tcp dport %d ct original bytes > 10000 reject with tcp reset",
    kind = "network", code = "curl", tries = 1, retryable = true, uncertain = true, to_ms = 0,
    after = "at once: it may have been carried out" },
})

add("WireMock", {
  cut { "the connection is reset before the answer",
    stub = { { fault = "CONNECTION_RESET_BY_PEER" } } },
  { "the connection is reset before the answer; a POST", call = "post",
    stub = { { fault = "CONNECTION_RESET_BY_PEER" } },
    kind = "network", code = "curl", tries = 1, retryable = true, uncertain = true, to_ms = 0,
    after = "at once: it may have been carried out" },
  cut { "the connection is closed without an answer", stub = { { fault = "EMPTY_RESPONSE" } } },
  { "reset, then an answer", stub = { { fault = "CONNECTION_RESET_BY_PEER" }, { status = 200 } },
    kind = "ok", status = 200, tries = 2, to_ms = 500, after = "the pause" },
  { "the answer is rubbish", stub = { { fault = "RANDOM_DATA_THEN_CLOSE" } },
    kind = "protocol", code = "curl", tries = 1, uncertain = true, to_ms = 0, after = "at once" },
  cut { "a chunk is broken", stub = { { fault = "MALFORMED_RESPONSE_CHUNK" } } },
  stopped { "no answer begins", stub = { { status = 200, fixedDelayMilliseconds = 3000 } },
    limits = { first_byte_ms = 200 }, code = "first_byte", from_ms = 600, to_ms = 2100,
    after = "30 s a try (`first_byte_ms`)" },
  stopped { "no answer begins; a POST", stub = { { status = 200, fixedDelayMilliseconds = 3000 } },
    call = "post", limits = { first_byte_ms = 200 }, code = "first_byte", tries = 1,
    from_ms = 200, to_ms = 200,
    after = "30 s (`first_byte_ms`); one try: it may have been carried out" },
  stopped { "the body dribbles", limits = { total_ms = 600 }, code = "deadline", tries = 1,
    stub = { { status = 200, body = ("x"):rep(100),
      chunkedDribbleDelay = { numberOfChunks = 100, totalDuration = 20000 } } },
    from_ms = 600, to_ms = 600, after = "60 s (`total_ms`)" },
})

add("openssl s_server", {
  cut { "the body is shorter than its length",
    raw = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"halv\":" },
  cut { "the body ends without its last chunk",
    raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"halv\":\r\n" },
  cut { "the length of a chunk is no number",
    raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nåtte\r\n{\"halv\":\r\n" },
  cut { "the connection is closed within the headers",
    raw = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Le" },
  cut { "the connection is closed after 100 Continue", raw = "HTTP/1.1 100 Continue\r\n\r\n" },
})

add("haproxy", {
  cut { "an HTTP/2 stream is reset within the body", at = "https://api.test:5001",
    path = "/kuttet" },
  stopped { "a gateway keeps the call waiting", at = "https://api.test:5002", path = "/taus",
    limits = { first_byte_ms = 200 }, code = "first_byte", from_ms = 600, to_ms = 2100,
    after = "30 s a try (`first_byte_ms`)" },
})

add("our own", {
  stopped { "headers come one byte at a time (slow loris)",
    script = { dribble_ms = 150, body = "{}" }, limits = { total_ms = 600 }, code = "deadline",
    tries = 1, from_ms = 600, to_ms = 600, after = "60 s (`total_ms`)" },
})

return rows
