-- Rows 70 to 78 of the edge cases of authentication: what goes out in headers, and to which hosts.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"
local proof = require "spec.support.proof"

local GET = { method = "GET", path = "/x" }

-- getaddrinfo of libcurl, for one name.
local TWO_ADDRESSES = [[
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(
            RTLD_NEXT, "getaddrinfo");
    if (!node || strcmp(node, "to.example") != 0)
        return real(node, service, hints, out);
    struct addrinfo *six = NULL, *four = NULL, only = *hints;
    only.ai_family = AF_INET6;
    int failed = real("::1", service, &only, &six);
    only.ai_family = AF_INET;
    failed = failed ? failed : real("127.0.0.1", service, &only, &four);
    if (failed)
        return failed;
    six->ai_next = four;
    *out = six;
    return 0;
}
]]

describe("headers and hosts,", function()
  local here

  setup(function()
    here = endpoint.start()
  end)
  teardown(function()
    here:stop()
  end)
  before_each(function()
    here:forget()
  end)

  local function refused(replaced, part)
    local client, err = fiks.new(here:options(replaced))
    assert.is_nil(client)
    assert.equal("config", err.kind)
    assert.truthy(err.message:find(part, 1, true), err.message)
    return err
  end

  -- What a call of a process of its own printed, with these variables.
  local function elsewhere(variables, api)
    return here.material:lua(([[
      local fiks = require "fiks"
      local client = assert(fiks.new {
        environment = { api = "%s", issuer = "%s/", token_endpoint = "%s/token" },
        allow_loopback_http = true, ca_file = ... .. "/tls.pem",
        maskinporten = { client_id = "klient", kid = "nokkel" },
        certificate = { key = ... .. "/kommune.key" },
        integrasjon = { id = "%s", password = "p" },
      })
      local answer, err = client:request { method = "GET", path = "/x" }
      print(answer and answer.status, err and err.kind, err and err.message)
    ]]):format(api, here.url, here.url, endpoint.ID), "env " .. variables)
  end

  it("row 70: a password is passed on unchanged, or refused", function()
    for _, password in ipairs { "pass ord", "a:b:c", "blåbær€", " foran", "bak ", "\"'\\%^(}" } do
      here:forget()
      assert.equal(200, here:call(nil, { integrasjon = { password = password } }).status)
      assert.same({ password }, endpoint.header(here:seen("/x")[1], "IntegrasjonPassord"))
    end
    for _, password in ipairs { "HEMMELIG\r\nX-Evil: 1", "HEMMELIG\nb", "HEMMELIG\0b" } do
      local err = refused({ integrasjon = { password = password } }, "password")
      assert.is_nil(tostring(err):find("HEMMELIG", 1, true))
    end
  end)

  it("row 71: an IntegrasjonId that is no UUID, or in capitals", function()
    for _, id in ipairs { "7", "{" .. endpoint.ID .. "}", endpoint.ID .. "x", "",
      endpoint.ID:gsub("-", "") } do
      refused({ integrasjon = { id = id } }, "integrasjon.id")
    end
    assert.equal(200, here:call(nil, { integrasjon = { id = endpoint.ID:upper() } }).status)
    assert.same({ endpoint.ID }, endpoint.header(here:seen("/x")[1], "IntegrasjonId"))
  end)

  it("row 72: each header goes out once, and a program cannot add its own", function()
    local answer, _, client = here:call()
    assert.equal(200, answer.status)
    local request = here:seen("/x")[1]
    for _, name in ipairs { "Authorization", "IntegrasjonId", "IntegrasjonPassord" } do
      assert.equal(1, #endpoint.header(request, name), name)
    end
    assert.has_error(function()
      client:request { method = "GET", path = "/x", headers = { Authorization = "Bearer x" } }
    end)
    -- A person's token, or a user name, is said as such, and replaces the token.
    assert(client:request { method = "GET", path = "/x", person = "personens.eget.token" })
    assert(client:request { method = "GET", path = "/x", username = "u", password = "p" })
    local seen = here:seen("/x")
    assert.same({ "Bearer personens.eget.token" }, endpoint.header(seen[2], "Authorization"))
    assert.equal(1, #endpoint.header(seen[2], "IntegrasjonId"))
    assert.same({ "Basic " .. core.base64("u:p") }, endpoint.header(seen[3], "Authorization"))
    assert.equal(0, #endpoint.header(seen[3], "IntegrasjonPassord"))
    client:close()
  end)

  it("row 73: a redirect of Fiks brings no secret to another host", function()
    for _, status in ipairs { 301, 302, 307, 308 } do
      here:forget()
      here:answers("/x", { status = status, headers = { Location = here.tls_url .. "/stjal" } })
      local answer, err = here:call()
      assert.is_nil(answer)
      assert.equal("protocol", err.kind)
      assert.equal(0, #here:seen("/stjal"))
    end
    local client = here:client()
    local answer, err = client:request { method = "GET", path = "https://evil.example/x" }
    assert.is_nil(answer)
    assert.equal("foreign_host", err.code)
    client:close()
    proof.in_c("test_call: a_link_from_the_platform_must_point_to_its_own_host")
  end)

  it("row 74: plain http only to this machine, and only when allowed", function()
    local err = refused({ allow_loopback_http = false }, "https")
    assert.equal("plain_http", err.code)
    refused({ environment = { api = "http://api.example" } }, "https")
    refused({ environment = { token_endpoint = "http://issuer.example/token" } }, "https")
    refused({ environment = { token_endpoint = "http://127.0.0.1.example/token" } }, "https")
    proof.in_c("test_url: loopback_is_not_what_looks_like_it")
  end)

  it("row 75: a proxy, with credentials, and hosts that need none", function()
    local proxy = here.url:match("//(.*)")
    local output = elsewhere(("HTTPS_PROXY=http://bruker:proxyhemmelig@%s"):format(proxy),
      "https://api.example")
    assert.matches("407", output)
    assert.is_nil(output:find("proxyhemmelig", 1, true))
    local request = here:seen("CONNECT")[1]
    assert.equal("api.example:443", request.target)
    assert.equal(0, #endpoint.header(request, "Authorization"))
    assert.equal(0, #endpoint.header(request, "IntegrasjonPassord"))
    assert.same({ "Basic " .. core.base64("bruker:proxyhemmelig") },
      endpoint.header(request, "Proxy-Authorization"))
    here:forget()
    local far = "https://" .. ("a"):rep(64) .. ".example" -- no name, so nobody is asked for it
    output = elsewhere(("HTTPS_PROXY=http://%s NO_PROXY=.example"):format(proxy), far)
    assert.matches("resolve", output)
    assert.equal(0, #here:seen("CONNECT"))
    output = elsewhere(("HTTPS_PROXY=http://%s"):format(proxy), here.tls_url) -- loopback: never
    assert.matches("^200", output)
    assert.equal(0, #here:seen("CONNECT"))
    proof.in_c("test_engine: plain_http_to_this_machine_is_shown_to_no_proxy")
  end)

  it("row 76: a private CA by ca_file, and no way to trust anybody", function()
    local over_tls = { environment = { api = here.tls_url,
      token_endpoint = here.tls_url .. "/token" } }
    local answer, err = here:call(nil, over_tls)
    assert.is_nil(answer)
    assert.equal("tls", err.kind)
    assert.matches("ca_file", err.message)
    assert.equal(0, here:token_requests())
    over_tls.ca_file = here.material:path("tls.pem")
    assert.equal(200, here:call(nil, over_tls).status)
    over_tls.ca_file = here.material:path("finnes-ikke.pem")
    answer, err = here:call(nil, over_tls)
    assert.is_nil(answer)
    assert.equal("tls", err.kind)
    for _, name in ipairs { "insecure", "verify", "verify_tls" } do
      assert.has_error(function()
        fiks.new(here:options { [name] = true })
      end)
    end
  end)

  it("row 77: an address family that leads nowhere", function()
    -- "localhost" is ::1 and 127.0.0.1; the server listens on the latter alone.
    local _, before = core.now()
    assert.equal(200, here:call(nil, { ca_file = here.material:path("tls.pem"),
      environment = { api = here.tls_url, token_endpoint = here.tls_url .. "/token" } }).status)
    local _, after = core.now()
    assert.is_true(after - before < 10000)
    -- A name with two addresses: ::1, which is silent as behind a firewall that
    -- drops, and 127.0.0.1.
    local made = here.material
    made:write("names.c", TWO_ADDRESSES)
    made:sh("gcc -shared -fPIC -D_GNU_SOURCE -o names.so names.c -ldl")
    local output = made:lua(([[
      local fiks, core, port, here = require "fiks", require "fiks.core", %s, ...
      local function try(host, first_ms)
        local client = fiks.check(fiks.new { environment = { api = ("https://%%s:%%d"):format(host,
          port) }, ca_file = here .. "/tls.pem", timeouts = { connect_ms = first_ms } })
        local _, before = core.now()
        local answer, err = client:request { method = "GET", path = "/x", username = "u",
          password = "p", timeout_ms = 2 * first_ms }
        local _, after = core.now()
        print(host, answer and answer.status or err.kind, math.floor(after - before))
      end
      try("[::1]", 400)
      try("to.example", 5000)]]):format(here.tls_url:match(":(%d+)$")),
      "LD_PRELOAD=" .. made:path("names.so"))
    assert.matches("%[::1%]\ttimeout\t", output)
    local took = tonumber(output:match("to.example\t200\t(%d+)\n"))
    assert.truthy(took, output)
    assert.is_true(took >= 150) -- the silent one was tried first, and given a while
    assert.is_true(took < 5000) -- but not as long as connecting may take
    local client = here:client { environment = { api = here.deaf_url } }
    _, before = core.now()
    local answer, err = client:request { method = "GET", path = "/x", timeout_ms = 150 }
    _, after = core.now()
    assert.is_nil(answer)
    assert.equal("timeout", err.kind)
    assert.is_true(after - before < 10000)
    client:close()
  end)

  it("row 78: everything is logged, and no secret is", function()
    proof.in_c("test_auth_life: no_secret_is_logged_at_any_level, a_token_that_is_no_jwt_is_logged",
      "test_client: warnings_are_logged_too",
      "test_redact: requests_are_logged_as_header_names_and_sizes, "
        .. "header_values_are_shown_from_an_allow_list")
    proof.in_source("spec/redaction_spec.lua", "drives every failure")
    assert.equal(200, here:client():request(GET).status)
  end)
end)
