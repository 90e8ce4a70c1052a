-- luacheck: std max+busted
-- What csrc/bind adds for authentication: key:info, PKCS#11 URIs, token options of a client.
local core = require("fiks.core")

local folder

local function path(name)
  return folder .. "/" .. name
end

setup(function()
  local pipe = assert(io.popen("mktemp -d"))
  folder = pipe:read("*l")
  pipe:close()
  local done = os.execute("cd '" .. folder .. "' && openssl req -x509 -newkey rsa:2048 -nodes "
    .. "-days 20 -keyout a.key -out a.pem -subj '/O=Storevik - 910753614/CN=A' 2>log")
  assert(done == true or done == 0)
end)

teardown(function()
  os.execute("rm -rf '" .. folder .. "'")
end)

local function load_key(certificate)
  return assert(core.key {
    file = path("a.key"), certificate_file = certificate and path("a.pem") or nil, name = "vår",
  })
end

local function options(more)
  local given = {
    api_url = "https://api.example", issuer = "https://issuer.example/", client_id = "klient",
    key = load_key(true), integrasjon_id = "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01",
    integrasjon_passord = "p",
  }
  for name, value in pairs(more or {}) do given[name] = value end
  return given
end

describe("key:info", function()
  it("tells what the certificate says", function()
    local info = load_key(true):info()
    assert.equal("vår", info.name)
    assert.equal(2048, info.bits)
    assert.equal(1, info.certificates)
    assert.equal(43, #info.thumbprint)
    assert.equal("910753614", info.organisasjonsnummer)
    assert.matches("CN=A", info.subject)
    assert.equal(20 * 86400, info.not_after - info.not_before)
  end)

  it("tells less of a key alone", function()
    local info = load_key():info()
    assert.equal(0, info.certificates)
    assert.is_nil(info.subject)
    assert.is_nil(info.not_after)
  end)
end)

describe("a PKCS#11 URI", function()
  it("never shows its PIN", function()
    for _, given in ipairs {
      { uri = "pkcs11:token=ingen;object=x?pin-value=hemmelig-91&module-path=/finnes/ikke.so" },
      { file = "pkcs11:token=ingen?pin-value=hemmelig-91%2" },
      { uri = "pkcs11:?pin-value=hemmelig-91" },
    } do
      local key, err = core.key(given)
      assert.is_nil(key)
      assert.equal("credentials", err.kind)
      assert.is_nil(err.message:find("91", 1, true))
    end
  end)
end)

describe("core.client", function()
  it("takes what a grant may say, and names what is wrong", function()
    for name, value in pairs {
      alg = "ES256", x5c = "both", resource = "", pid = "1", authorization_details = "{}",
    } do
      local client, err = core.client(options { [name] = value })
      assert.is_nil(client)
      assert.equal("config", err.kind)
      assert.equal(name, err.code)
    end
    assert.error_matches(function()
      core.client(options { clock_correction = "yes" })
    end, "clock_correction")
    assert(core.client(options {
      alg = "RS512", x5c = "leaf", resource = "r", resource_array = true, pid = "01017012345",
      authorization_details = "[{}]", clock_correction = true, allow_expired_certificate = true,
    }))
  end)

  it("collects warnings", function()
    assert.matches("expires in %d+ days", assert(core.client(options())):warnings()[1])
    local list = assert(core.client(options { token_endpoint = "https://t.example/" })):warnings()
    assert.matches("token_endpoint on t.example", list[1])
  end)

  it("refuses hosts that are gone", function()
    local client, err = core.client(options { issuer = "https://ver2.maskinporten.no/" })
    assert.is_nil(client)
    assert.equal("retired_host", err.code)
  end)

  it("looks for tokens by their claims", function()
    local client = assert(core.client(options()))
    assert.is_nil(client:token())
    assert.is_nil(client:token { consumer_org = "971032146" })
    assert.is_nil(client:clock_skew())
    local token, err = client:token { consumer_org = "x" }
    assert.is_nil(token)
    assert.equal("consumer_org", err.code)
    assert.is_true(client:invalidate())
    assert.is_true(client:invalidate { scope = "ks:svarut", access_token = "t" })
    assert.is_nil(client:invalidate { pid = "x" })
    assert.error(function() client:token("x") end)
  end)

  it("takes a person's token for a call, and checks it", function()
    local client = assert(core.client(options()))
    local queue = core.queue()
    local call, err = client:call({ method = "GET", path = "/x", bearer = "a b" }, queue)
    assert.is_nil(call)
    assert.equal("bearer", err.code)
    call, err = client:call({ method = "GET", path = "/x", pid = "1" }, queue)
    assert.is_nil(call)
    assert.equal("pid", err.code)
    call = assert(client:call({ method = "GET", path = "/x", bearer = "a.b.c" }, queue))
    call:close()
  end)
end)
