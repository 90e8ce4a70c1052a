--- Proxies: tinyproxy, which wants a password, and connects to some ports only.
local PROXY = "http://198.18.0.1:8888"
local KNOWN = { proxy = PROXY, proxy_username = "mellom", proxy_password = "mann" }

local rows = {
  { "a proxy with user name and password", with = KNOWN,
    kind = "ok", status = 200, to_ms = 0, after = "nothing" },
  { "the proxy wants a password (407)", with = { proxy = PROXY },
    kind = "denied", code = "proxy_auth", tries = 1, to_ms = 0, says = "407", after = "at once" },
  { "the proxy does not accept the password",
    with = { proxy = PROXY, proxy_username = "mellom", proxy_password = "feil" },
    kind = "denied", code = "proxy_auth", tries = 1, to_ms = 0, after = "at once" },
  { "the proxy does not allow the port", with = KNOWN, at = "https://api.test:5001",
    kind = "denied", code = "proxy_denied", tries = 1, to_ms = 0, says = "403", after = "at once" },
  { "nobody listens behind the proxy", with = KNOWN, at = "https://api.test:5999",
    kind = "network", code = "proxy", tries = 3, retryable = true, to_ms = 1500,
    after = "at once" },
  { "nobody listens behind the proxy; a POST", with = KNOWN, at = "https://api.test:5999",
    call = "post", kind = "network", code = "proxy", tries = 3, retryable = true, to_ms = 1500,
    after = "at once; it never left" },
  { "the proxy does not know the name", with = KNOWN, at = "https://finnes-ikke.test",
    kind = "network", code = "proxy", tries = 3, retryable = true, to_ms = 1500,
    after = "at once" },
  { "nobody listens where the proxy should be", with = { proxy = "http://198.18.0.1:9" },
    server = "the kernel", kind = "network", code = "curl", tries = 3, retryable = true,
    to_ms = 1500, after = "at once" },
  { "a firewall drops the connection to the proxy", with = { proxy = "http://198.18.0.2:8888" },
    server = "nftables", limits = { connect_ms = 200 },
    kind = "timeout", code = "connect", tries = 3, retryable = true, from_ms = 600, to_ms = 2100,
    after = "5 s a try (`connect_ms`)" },
  { "the certificate behind the proxy has expired", with = KNOWN, certificate = "expired",
    kind = "tls", code = "tls", tries = 1, to_ms = 0, says = "expired", after = "at once" },
}
for _, row in ipairs(rows) do
  row.server = row.server or "tinyproxy"
  row.at = row.at or "https://api.test:5002"
end
return rows
