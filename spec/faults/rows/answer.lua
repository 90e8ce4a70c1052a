--- Answers that come whole, and are not what the contract says.
local rows = {}

local BACK = { status = 302, headers = { Location = "{{request.url}}" },
  transformers = { "response-template" } }

local function add(server, list)
  for _, row in ipairs(list) do
    row.server, row.tries, row.to_ms, row.after = server, row.tries or 1, 0, row.after or "at once"
    rows[#rows + 1] = row
  end
end

local function json(text, headers)
  headers = headers or {}
  headers["Content-Type"] = headers["Content-Type"] or "application/json"
  return { { status = 200, body = text, headers = headers } }
end

local function zipped(file, coding)
  return { { status = 200, bodyFileName = file, headers = {
    ["Content-Type"] = "application/json", ["Content-Encoding"] = coding } } }
end

add("WireMock", {
  { "a web page instead of JSON", call = "list",
    stub = json("<html>Vedlikehold</html>", { ["Content-Type"] = "text/html" }),
    kind = "protocol", code = "html", uncertain = true, says = "Vedlikehold" },
  { "a web page that is called JSON", call = "list", stub = json("<html>Vedlikehold</html>"),
    kind = "protocol", code = "html", uncertain = true, says = "Vedlikehold" },
  { "text instead of JSON", call = "list",
    stub = json("Vi er straks tilbake", { ["Content-Type"] = "text/plain" }),
    kind = "protocol", code = "json", says = "straks tilbake" },
  { "JSON that is called text", call = "list",
    stub = json("[]", { ["Content-Type"] = "text/plain" }),
    kind = "ok", after = "it is read" },
  { "JSON that is cut", stub = json("{\"halv\": [1, 2"),
    kind = "protocol", code = "json", uncertain = true },
  { "JSON in Latin-1", stub = { { status = 200, base64Body = "eyJuYXZuIjoiU3RvcvhrYSJ9",
    headers = { ["Content-Type"] = "application/json" } } },
    kind = "protocol", code = "utf8", uncertain = true, says = "byte 13" },
  { "nothing instead of JSON", call = "list", stub = json(""), kind = "protocol", code = "json" },
  { "204 instead of JSON", call = "list", stub = { { status = 204 } },
    kind = "protocol", code = "json" },
  { "a redirect",
    stub = { { status = 302, headers = { Location = "https://innlogging.test/x?t=1" } } },
    kind = "protocol", code = "http_302", status = 302, says = "redirect" },
  { "a redirect without Location", stub = { { status = 307 } },
    kind = "protocol", code = "http_307", status = 307 },
  { "a redirect, with `redirects = 3`", with = { redirects = 3 }, stub = { BACK, { status = 200 } },
    kind = "ok", status = 200, tries = 2, after = "it is followed" },
  { "a redirect in a circle, with `redirects = 3`", with = { redirects = 3 }, stub = { BACK },
    kind = "protocol", code = "http_302", status = 302, tries = 4, says = "one redirect too many" },
  { "304 to a request that asked nothing", stub = { { status = 304 } },
    kind = "protocol", code = "http_304", status = 304 },
  { "compressed, which was not asked for", stub = zipped("svar.gz", "gzip"),
    kind = "protocol", code = "content_encoding", uncertain = true, says = "gzip" },
  { "compressed with brotli", stub = zipped("svar.gz", "br"),
    kind = "protocol", code = "content_encoding", uncertain = true, says = "br" },
  { "a gzip bomb", stub = zipped("bombe.gz", "gzip"),
    kind = "protocol", code = "content_encoding", uncertain = true, says = "gzip",
    after = "at once: nothing is ever unpacked" },
  { "\"identity\" as Content-Encoding", stub = json("{}", { ["Content-Encoding"] = "identity" }),
    kind = "ok", status = 200, after = "it is read" },
  { "404 with a compressed page", stub = { { status = 404, bodyFileName = "svar.gz", headers = {
    ["Content-Encoding"] = "gzip" } } },
    kind = "not_found", code = "http_404", status = 404 },
})

add("haproxy", {
  { "larger than allowed", at = "https://api.test:5001", path = "/stor", call = "small_get",
    kind = "limit", code = "answer_too_large", status = 200, uncertain = true,
    after = "as soon as it is seen (`max_answer_bytes`)" },
})

add("openssl s_server", {
  { "one header of 200,000 bytes", raw = "HTTP/1.1 200 OK\r\nX-Stor: " .. ("x"):rep(200000)
    .. "\r\n\r\n{}", kind = "protocol", code = "curl", uncertain = true, says = "header" },
  { "5,000 headers", raw = "HTTP/1.1 200 OK\r\n" .. ("X-En-Til: " .. ("x"):rep(100)
    .. "\r\n"):rep(5000) .. "\r\n{}", kind = "protocol", code = "headers", uncertain = true },
  { "20,000 times 100 Continue", raw = ("HTTP/1.1 100 Continue\r\n\r\n"):rep(20000)
    .. "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    kind = "protocol", code = "headers", uncertain = true },
  { "103 Early Hints before the answer", raw = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    .. "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", kind = "ok", status = 200,
    after = "it is read" },
  { "a negative length", raw = "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
    kind = "protocol", code = "curl", uncertain = true },
  { "a NUL byte in a header", raw = "HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    kind = "protocol", code = "curl", uncertain = true },
  { "another protocol (101)", raw = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
    .. "Connection: upgrade\r\n\r\nx", kind = "protocol", code = "http_101", status = 101 },
})

add("our own", {
  { "endless", script = { endless = true }, call = "small_get",
    kind = "limit", code = "answer_too_large", status = 200, uncertain = true,
    after = "as soon as it is larger than allowed (`max_answer_bytes`)" },
})

return rows
