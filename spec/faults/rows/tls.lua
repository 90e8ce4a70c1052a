--- Certificates, which spec/support/faults/certificates.sh makes, and handshakes.
local S_SERVER = "openssl s_server"

local function refused(what, certificate, says)
  return { what, server = S_SERVER, certificate = certificate,
    kind = "tls", code = "tls", tries = 1, to_ms = 0, says = says, after = "at once" }
end

return {
  refused("the certificate has expired", "expired", "expired"),
  refused("the certificate is not valid yet", "future", "not yet valid"),
  refused("the certificate is of another host", "other", "api%.test"),
  refused("the certificate is self-signed", "selfsigned", "self.signed certificate"),
  refused("the certificate is of an unknown issuer", "stranger", "issuer certificate.*ca_file"),
  refused("the server leaves out the intermediate certificate", "unchained", "issuer certificate"),
  refused("the certificate's key is too small", "small", "key too weak"),
  refused("the certificate is signed with SHA-1", "sha1", "too weak"),
  refused("the certificate is no server's", "purpose", "purpose"),
  { "the certificate names the host only as its CN", server = S_SERVER, certificate = "cn",
    kind = "ok", status = 200, to_ms = 0, after = "the name counts when there is no other" },
  { "the server speaks no TLS newer than 1.1", server = S_SERVER, certificate = "good",
    options = "-tls1_1", kind = "tls", code = "tls", tries = 1, to_ms = 0, says = "protocol",
    after = "at once" },
  { "the server wants a certificate", server = S_SERVER, certificate = "good",
    options = "-Verify 1", kind = "tls", code = "client_certificate", tries = 1, to_ms = 0,
    says = "certificate required", after = "at once" },
  { "the server wants a certificate, in TLS 1.2", server = S_SERVER, certificate = "good",
    options = "-tls1_2 -Verify 1", kind = "tls", code = "client_certificate", tries = 1, to_ms = 0,
    says = "handshake failure", after = "at once" },
  { "there is plain http where https is spoken", server = "haproxy", at = "https://api.test:5003",
    kind = "tls", code = "tls", tries = 1, to_ms = 0, says = "wrong version", after = "at once" },
  { "there is TLS where plain http is spoken", server = S_SERVER, certificate = "local",
    http = true, kind = "network", code = "curl", tries = 3, retryable = true, uncertain = true,
    to_ms = 1500, after = "at once" },
  { "the server hangs up during the handshake", server = "haproxy", at = "https://api.test:5004",
    kind = "network", code = "curl", tries = 3, retryable = true, to_ms = 1500, after = "at once" },
  { "the connection is reset during the handshake", server = "nftables",
    filter = "tcp dport %d ct original packets > 2 reject with tcp reset",
    kind = "network", code = "curl", tries = 3, retryable = true, to_ms = 1500, after = "at once" },
  { "the handshake stalls", server = "nftables",
    filter = "tcp dport %d ct original packets > 2 drop", limits = { connect_ms = 200 },
    kind = "timeout", code = "connect", tries = 3, retryable = true, from_ms = 600, to_ms = 2100,
    after = "5 s a try (`connect_ms`)" },
}
