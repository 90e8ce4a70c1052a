--- Downloads, which are streamed: nothing appears of one that fails.
local rows = {
  { "a download is reset", filter = "tcp dport %d ct reply bytes > 100000 reject with tcp reset",
    kind = "network", code = "curl", tries = 3, retryable = true, uncertain = true, to_ms = 1500,
    after = "at once" },
  { "a download stalls", filter = "tcp dport %d ct reply bytes > 100000 drop",
    limits = { idle_ms = 200 }, kind = "timeout", code = "idle", tries = 3, retryable = true,
    uncertain = true, from_ms = 600, to_ms = 2400, after = "60 s a try (`idle_ms`)" },
}
for _, row in ipairs(rows) do
  row.server, row.call = "nftables", "download"
end

for _, row in ipairs {
  { "a download dribbles", stub = { { status = 200, bodyFileName = "forsendelse.cms",
    chunkedDribbleDelay = { numberOfChunks = 100, totalDuration = 20000 } } },
    limits = { idle_ms = 300, min_bytes_per_s = 1000000 },
    kind = "timeout", code = "too_slow", tries = 3, retryable = true, uncertain = true,
    from_ms = 900, to_ms = 2700,
    after = "60 s a try (`idle_ms`) at less than 1,000 bytes a second (`min_bytes_per_s`)" },
  { "503, then the download", stub = { { status = 503 },
    { status = 200, bodyFileName = "forsendelse.cms" } },
    kind = "ok", tries = 2, to_ms = 500, after = "the pause" },
  { "a web page instead of a download",
    stub = { { status = 200, body = "<html>Vedlikehold</html>" } },
    kind = "crypto", code = "not_cms", tries = 1, uncertain = true, to_ms = 0, after = "at once" },
  { "204 instead of a download", stub = { { status = 204 } },
    kind = "protocol", code = "http_204", status = 204, tries = 1, to_ms = 0, after = "at once" },
} do
  row.server, row.call = "WireMock", "download"
  rows[#rows + 1] = row
end

return rows
