-- TLS: whom we trust, what is refused and why, and what we show of ourselves (mutual TLS), against
-- nginx and openssl s_server.

local core = require "fiks.core"
local daemon = require "spec.support.daemon"
local fiks = require "fiks"
local origin = require "spec.support.origin"

local SECRET = "nokkelens-passord-7391"
local PREPARE = ([[
mkdir rehashed empty; openssl x509 -in ca.pem -out rehashed/rot.pem; openssl rehash rehashed
openssl pkcs12 -export -inkey klient.key -in klient.pem -passout pass:%s -name en -out klient.p12
openssl pkcs8 -topk8 -in klient.key -passout pass:%s -out locked.key
cat klient.pem locked.key >both.pem
openssl rsa -in <(openssl genrsa 2048) -aes256 -traditional -passout pass:%s -out rsa.key
openssl req -new -key rsa.key -passin pass:%s -subj /CN=klient-rsa -out rsa.csr
openssl x509 -req -in rsa.csr -CA fremmed.pem -CAkey fremmed.key -days 9 -out rsa.pem
issue() { openssl req -new -newkey rsa:2048 -nodes -keyout $2.key -out $2.csr -subj /CN=$2
  openssl x509 -req -in $2.csr -CA $1.pem -CAkey $1.key -days 9 -out $2.pem; }
issue ca uventet
echo '{"svar":true}' >svar.json
]]):format(SECRET, SECRET, SECRET, SECRET)

describe("over TLS", function()
  local here

  setup(function()
    here = origin.start()
    here.material:sh(PREPARE)
  end)
  teardown(function()
    here:stop()
  end)

  local function refused(given, kind, code, text)
    local client, err = fiks.new(here:options("tls", given))
    assert.is_nil(client)
    assert.equal(kind, err.kind)
    assert.equal(code, err.code)
    assert.matches(text, err.message)
    assert.is_nil(tostring(err):find(SECRET, 1, true))
  end

  -- ---- whom we trust ----------------------------------------------------------------------------

  it("roots come from a file, a directory or memory, and from nowhere else then", function()
    local none = { ca_file = false }
    assert.equal("tls", here:failure("tls", none).kind) -- the system's do not know it
    local pem = here.material:read("ca.pem")
    for _, roots in ipairs { { ca_file = here:path("ca.pem") },
      { ca_file = false, ca_dir = here:path("rehashed") }, { ca_file = false, ca_pem = pem } } do
      assert(here:call("tls", roots))
      local err = here:failure("ukjent", roots)
      assert.equal("tls", err.kind)
      assert.matches("unable to get local issuer certificate", err.message)
      assert.matches("trusted roots: " .. (roots.ca_pem and "ca_pem" or here.material.folder)
        :gsub("%p", "%%%0"), err.message)
    end
  end)

  it("roots that are none are refused", function()
    local file = here:path("ca.pem")
    refused({ ca_file = false, ca_dir = here:path("empty") }, "config", "ca_dir", "openssl rehash")
    refused({ ca_file = false, ca_dir = "/finnes/ikke" }, "config", "ca_dir", "No such file")
    refused({ ca_file = false, ca_pem = "hei" }, "config", "ca_pem", "no certificate")
    refused({ ca_file = false, ca_pem = here.material:read("klient.key") }, "config", "ca_pem",
      "no certificate")
    refused({ ca_file = false, ca_pem = 7 }, "config", "ca_pem", "not a number")
    refused({ ca_file = file, ca_dir = here:path("rehashed") }, "config", "ca_dir", "more than one")
    refused({ ca_file = file, ca_pem = here.material:read("ca.pem") }, "config", "ca_pem",
      "more than one")
  end)

  -- ---- what is refused --------------------------------------------------------------------------

  it("a certificate is refused with OpenSSL's reason, once, and nothing is sent", function()
    for port, why in pairs {
      ukjent = "unable to get local issuer certificate",
      selv = "self%-signed certificate",
      utgaatt = "certificate has expired",
      annet = "no alternative certificate subject name matches target host name '"
        .. origin.HOST:gsub("%p", "%%%0"),
    } do
      local err = here:failure(port)
      assert.equal("tls", err.kind, port)
      assert.equal("tls", err.code)
      assert.matches(why, err.message)
      assert.is_false(err.retryable)
      assert.is_nil(err.uncertain)
      assert.equal(1, err.attempts)
      assert.equal(port == "ukjent" or port == "selv", err.message:find("ca_file", 1, true) ~= nil)
    end
  end)

  it("a name in CN alone counts, as libcurl has it, but not beside other names", function()
    assert(here:call("navnlos"))
    assert.equal("tls", here:failure("annet").kind) -- CN is right, subjectAltName is not
  end)

  it("nothing turns verification off: no option, no variable, no file at home", function()
    for _, name in ipairs { "insecure", "verify", "verify_peer", "verify_host", "ssl_verify",
      "tls_verify" } do
      assert.has_error(function()
        fiks.new(here:options("ukjent", { [name] = true }))
      end)
    end
    local pipe = assert(io.popen("grep -rnE 'CURLOPT_[A-Z_]*VERIFY' csrc lua; echo done"))
    assert.equal("done\n", pipe:read("*a"))
    pipe:close()
    here.material:sh("mkdir home; printf 'insecure\\nproxy = 127.0.0.1:1\\n' >home/.curlrc")
    local output = here.material:lua(([[
      local fiks, core = require "fiks", require "fiks.core"
      for _, port in ipairs { "%s", "%s" } do
        local client = assert(fiks.new(core.json_decode(port)))
        local answer, err = client:request { method = "GET", path = "/x", person = "t" }
        print(answer and answer.json.authorization, err and err.kind)
      end
    ]]):format((core.json_encode(here:options("ukjent")):gsub("[\\\"]", "\\%0")),
      (core.json_encode(here:options("tls")):gsub("[\\\"]", "\\%0"))),
      ("HOME=%s CURL_HOME=%s CURL_CA_BUNDLE=%s SSL_CERT_FILE=%s"):format(here:path("home"),
        here:path("home"), here:path("fremmed.pem"), here:path("fremmed.pem")))
    assert.equal("nil\ttls\nBearer t\tnil\n", output)
  end)

  -- ---- mutual TLS -------------------------------------------------------------------------------

  local function shown(certificate)
    local seen = assert(here:call("mutual", { client_certificate = certificate }))
    assert.equal("SUCCESS", seen.verify)
    return seen.klient
  end

  it("a client certificate is shown, from PEM or PKCS#12, files or memory", function()
    local pem, key = here:path("klient.pem"), here:path("klient.key")
    for _, certificate in ipairs {
      { pem = pem, key = key },
      { pem = pem, key = here:path("locked.key"), password = SECRET },
      { pem = here:path("both.pem"), password = SECRET },
      { pkcs12 = here:path("klient.p12"), password = SECRET },
      { pkcs12 = here:path("klient.p12"), alias = "en",
        password = { file = here.material:write("passord", SECRET .. "\n") } },
      { data = here.material:read("klient.pem") .. here.material:read("klient.key") },
      { data = here.material:read("both.pem"), password = SECRET },
      { data = here.material:read("klient.p12"), password = SECRET },
    } do
      assert.equal("CN=klient-en", shown(certificate))
    end
    assert.equal("CN=klient-rsa", shown { pem = here:path("rsa.pem"), key = here:path("rsa.key"),
      password = SECRET })
    assert.equal("-", assert(here:call("mutual")).klient) -- and only when it is asked for
  end)

  it("one that cannot be used is refused when the client is made", function()
    local pem, locked = here:path("klient.pem"), here:path("locked.key")
    local function bad(certificate, code, text)
      refused({ client_certificate = certificate }, "credentials", code, text)
    end
    bad({ pem = pem, key = locked, password = "galt" .. SECRET }, "wrong_password",
      "wrong password")
    bad({ pem = pem, key = locked }, "password_missing", "no password was given")
    bad({ pkcs12 = here:path("klient.p12"), password = "galt" }, "wrong_password", "klient.p12")
    bad({ pem = pem, key = here:path("klient2.key") }, "key_mismatch", "does not belong")
    bad({ key = here:path("klient.key") }, "no_certificate", "no certificate")
    bad({ pem = pem }, "no_key", "no private key")
    bad({ pem = "/finnes/ikke.pem", key = here:path("klient.key") }, "file", "No such file")
    bad({ data = "tull" }, "format", "the client certificate given as data")
    bad({ key = "pkcs11:token=x;object=y", pem = pem }, "unsupported_key", "PKCS#11")
    local function wrong(certificate, code, text)
      refused({ client_certificate = certificate }, "config", code, text)
    end
    wrong({}, "client_certificate", "names no file")
    wrong({ pem = pem, data = "x" }, "client_certificate", "more than one")
    wrong("klient.pem", "client_certificate", "must be a table")
    wrong({ data = 7 }, "client_certificate.data", "not a number")
    wrong({ pem = pem, password = 7 }, "client_certificate.password", "not a number")
    assert.has_error(function()
      fiks.new(here:options("tls", { client_certificate = { cert = pem } }))
    end)
  end)

  -- openssl s_server that insists on a certificate of `fremmed`.
  local function insisting(version, use)
    local port = daemon.ports(1)
    local server = daemon.start(here.material, "s_server", ("openssl s_server -accept 127.0.0.1:%d "
      .. "-cert server.pem -key server.key -CAfile fremmed.pem -Verify 3 -verify_return_error %s "
      .. "-WWW"):format(port, version), port)
    local ok, why = pcall(use, function(replaced)
      replaced.environment = { api = ("https://localhost:%d"):format(port) }
      local client = here:client("tls", replaced)
      local answer, err = client:request { method = "GET", path = "/svar.json", person = "t" }
      client:close()
      return answer, err
    end)
    server:stop()
    assert(ok, why)
  end

  it("a server that insists on a certificate is told apart, in TLS 1.3 and 1.2", function()
    for _, version in ipairs { "-tls1_3", "-tls1_2" } do
      insisting(version, function(call)
        local answer = assert(call { client_certificate = { pkcs12 = here:path("klient.p12"),
          password = SECRET } })
        assert.matches("svar", answer.body)
        local err
        answer, err = call {}
        assert.is_nil(answer)
        assert.equal("tls", err.kind)
        assert.equal("client_certificate", err.code)
        assert.is_false(err.retryable)
        assert.matches("alert", err.message)
        assert.matches("set client_certificate", err.message)
        answer, err = call { client_certificate = { pem = here:path("uventet.pem"),
          key = here:path("uventet.key") } }
        assert.is_nil(answer)
        assert.equal("tls", err.kind)
        assert.equal("client_certificate", err.code)
        assert.matches("does not accept the client_certificate", err.message)
      end)
    end
  end)

  it("a client is asked for it with its chain, and only through its own connections", function()
    local one = { pem = here:path("klient.pem"), key = here:path("klient.key") }
    local two = { pem = here:path("klient2.pem"), key = here:path("klient2.key") }
    local clients, seen, connections = {}, {}, {}
    for i, certificate in ipairs { one, two, false } do
      clients[i] = here:client("mutual", { client_certificate = certificate })
    end
    for _ = 1, 3 do
      for i, client in ipairs(clients) do
        local answer = assert(origin.get(client))
        seen[i] = seen[i] or answer.klient
        connections[i] = connections[i] or answer.connection
        assert.equal(seen[i], answer.klient)
        assert.equal(connections[i], answer.connection) -- kept
      end
    end
    assert.same({ "CN=klient-en", "CN=klient-to", "-" }, seen)
    for _, client in ipairs(clients) do
      client:close()
    end
  end)
end)
