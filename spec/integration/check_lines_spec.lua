-- client:check line by line, against answers that the sandbox is too well behaved to give.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"

local OWN, OTHER = "910753614", "310000019"
local ORGANISATION = "9b5cd314-df97-4f56-ae6d-ce8ac843db2a"
local CATALOGUE = "/fiks-io/katalog/api/v1/kontoer/"
local KONTO = "ae1d1f10-21cc-40a8-86ba-9ae6e024f197"
local LOGIN = "<html><title>Logg inn</title></html>"
local FORBIDDEN = core.json_encode { status = 403, message = "har ikke privilegiet innsyn",
  errorId = "6962a4ee-c6ef-4fea-9deb-fa9152f8ee43" }

describe("client:check, line by line:", function()
  local here, made

  setup(function()
    here = endpoint.start()
    made = here.material
    made:sh([[
      again() { openssl req -x509 -key kommune.key -subj "/O=KOMMUNE - 910753614/CN=K" -out $1.pem \
        "${@:2}"; }
      again soon -days 20
      faketime -f -400d openssl req -x509 -key kommune.key -subj /CN=K -days 30 -out expired.pem
      faketime -f +400d openssl req -x509 -key kommune.key -subj /CN=K -days 30 -out future.pem]])
  end)
  teardown(function()
    here:stop()
  end)
  before_each(function()
    here:forget()
  end)

  local function part(value)
    return (core.base64(core.json_encode(value)):gsub("+", "-"):gsub("/", "_"):gsub("=", ""))
  end

  -- A token answer with these claims beside the usual ones.
  local function token(claims)
    local now = math.floor(core.now() / 1000)
    local all = { iss = here.url .. "/", scope = "ks:fiks", iat = now, exp = now + 120,
      consumer = { authority = "iso6523-actorid-upis", ID = "0192:" .. OWN } }
    for name, value in pairs(claims or {}) do
      all[name] = value or nil
    end
    return { always = true, body = core.json_encode { token_type = "Bearer", expires_in = 119,
      access_token = part { alg = "RS256" } .. "." .. part(all) .. ".c2lnbmF0dXI" } }
  end

  local function run(replaced, given, claims)
    here:tokens(token(claims))
    return here:client(replaced):check(given)
  end

  local function line(report, name)
    for _, verdict in ipairs(report) do
      if verdict.name == name then
        return verdict
      end
    end
  end

  local function fails(report, name, message, who)
    local verdict = line(report, name)
    assert.is_false(verdict.ok, tostring(report))
    assert.is_false(report.ok)
    assert.matches(message, verdict.message)
    assert.matches(who, verdict.who)
    assert.matches("\nFAIL  " .. name, "\n" .. tostring(report))
  end

  local function warns(report, name, message)
    local verdict = line(report, name)
    assert.is_true(verdict.ok and verdict.warning, tostring(report))
    assert.matches(message, verdict.message)
    assert.matches("\nsoon  " .. name, "\n" .. tostring(report))
    return verdict
  end

  local function certificate(name, more)
    local given = { key = made:path("kommune.key"), pem = made:path(name .. ".pem") }
    for option, value in pairs(more or {}) do
      given[option] = value
    end
    return given
  end

  -- What is no answer of Fiks', but was taken for one.
  local STRANGERS = {
    ["a redirect to a login page"] = { status = 302, body = "", type = "text/html",
      headers = { Location = "https://logg.inn.example/" } },
    ["a 404 page"] = { status = 404, type = "text/html", body = LOGIN },
    ["a 403 page"] = { status = 403, type = "text/html", body = LOGIN },
    ["a 401 page"] = { status = 401, type = "text/html", body = LOGIN },
    ["a page instead of an answer"] = { status = 200, type = "text/html", body = LOGIN },
    ["a page that says it is JSON"] = { status = 200, body = LOGIN },
    ["JSON of somebody else's"] = { status = 404, body = '{"detail":"no route"}' },
    ["a number"] = { status = 200, body = "7" },
  }

  local function again(answer)
    local copy = { always = true }
    for name, value in pairs(answer) do
      copy[name] = value
    end
    return copy
  end

  for what, answer in pairs(STRANGERS) do
    it("the integrasjon is not accepted by " .. what, function()
      here:answers(CATALOGUE .. KONTO, again(answer))
      local report = run(nil, { konto = KONTO })
      fails(report, "integrasjon", "something else than Fiks", "proxy, a firewall or a login page")
    end)

    it("no privilege is granted or missing by " .. what, function()
      for service, path in pairs {
        innsyn = "/innsyn-index/api/v1/delete/slettByMeldingId",
        meldingsboks = "/meldingindexer/api/v1/slett", ["fiks-io"] = "/fiks-io/api/v1/send",
      } do
        here:answers(path, again(answer))
        local report = run(nil, { tjeneste = service, fiks_organisasjon = ORGANISATION,
          konto = KONTO })
        assert.is_true(line(report, "integrasjon").ok)
        fails(report, "privilege", "something else than Fiks",
          "proxy, a firewall or a login page")
      end
    end)
  end

  it("a refusal in Fiks' own form is an answer, with errorId or with status and message", function()
    for _, body in ipairs { FORBIDDEN, '{"status":404,"message":"Fant ikke konto"}' } do
      here:answers(CATALOGUE .. KONTO, { status = body == FORBIDDEN and 403 or 404, body = body,
        always = true })
      assert.is_true(line(run(nil, { konto = KONTO }), "integrasjon").ok)
    end
    here:answers("/innsyn-index/api/v1/delete/slettByMeldingId", { status = 403, always = true,
      body = FORBIDDEN })
    fails(run(nil, { tjeneste = "innsyn", fiks_organisasjon = ORGANISATION }), "privilege",
      "har ikke privilegiet", "an administrator of the municipality")
  end)

  it("a platform that is down has not accepted anybody, in whatever form it says so", function()
    here:answers(CATALOGUE .. KONTO, { status = 503, always = true,
      headers = { ["Retry-After"] = "0" }, body = '{"status":503,"message":"nede"}' })
    fails(run(nil, { konto = KONTO }), "integrasjon", "503", "try again later")
  end)

  it("a token that cannot be had for the probe is no missing privilege", function()
    local good = token()
    good.always = nil
    here:tokens(good, { status = 403, always = true, body = core.json_encode {
      error = "invalid_grant", error_uri = "https://x/MP-250" } })
    here:answers("/innsyn-index/api/v1/delete/slettByMeldingId", { status = 401, always = true,
      body = '{"status":401,"message":"Klarte ikke å validere access_token"}' })
    local report = here:client():check { tjeneste = "innsyn", fiks_organisasjon = ORGANISATION }
    fails(report, "privilege", "MP%-250", "^KS: grant your organisation the scope")
  end)

  it("certificate: holder, organisation, days left", function()
    local report = run()
    assert.matches("^Storevik, organisation " .. OWN, line(report, "certificate").message)
    assert.is_nil(line(report, "certificate").warning)
    local soon = warns(run { certificate = certificate "soon" }, "certificate", "19 days left")
    assert.matches("order the next one", soon.who)
  end)

  it("certificate: one that is not valid, and calls that work all the same", function()
    for name in pairs { expired = true, future = true } do
      for _, more in ipairs { { kid = "registrert-1" }, { allow_expired = true } } do
        local report = run { certificate = certificate(name, more) }
        local verdict = warns(report, "certificate", "not valid today")
        assert.matches("get a valid one", verdict.who)
        assert.is_true(report.ok, tostring(report))
      end
    end
  end)

  it("certificate: one that ended while the client lived", function()
    here:tokens(token())
    local client = here:client { certificate = certificate("expired", { allow_expired = true }) }
    client._settings.allow_expired_certificate = nil -- as if it had been valid then
    fails(client:check(), "certificate", "not valid today", "get a valid one")
  end)

  it("certificate: a key with a kid has none", function()
    local report = run { certificate = { key = made:path("kommune.key"), kid = "registrert-1" } }
    assert.matches("registered as kid registrert%-1", line(report, "certificate").message)
    assert.is_true(line(report, "certificate").ok)
  end)

  it("token: one that is no JWT, and one that does not say when it ends", function()
    here:tokens({ always = true, body = '{"access_token":"opakt","expires_in":99}' })
    fails(here:client():check(), "token", "not a JWT", "self%-contained tokens")
    local verdict = line(run(nil, nil, { exp = false, iat = false }), "token")
    assert.truthy(verdict.message:find("from " .. here.url .. "/, until ", 1, true))
  end)

  it("scope: one that is missing", function()
    fails(run(nil, nil, { scope = "ks:annet" }), "scope", 'has "ks:annet", not "ks:fiks"',
      "add the scope")
    fails(run(nil, nil, { scope = false }), "scope", 'has "", not "ks:fiks"', "add the scope")
    warns(run({ maskinporten = { accept_fewer_scopes = true } }, nil, { scope = "ks:annet" }),
      "scope", 'not "ks:fiks"')
  end)

  it("organisation: another's, none, and a supplier's", function()
    fails(run(nil, nil, { consumer = { ID = "0192:" .. OTHER } }), "organisation",
      "for " .. OTHER .. ", not for " .. OWN, "consumer_org")
    local report = run(nil, nil, { consumer = false })
    assert.is_nil(line(report, "organisation").ok)
    assert.matches("names none", line(report, "organisation").message)
    assert.matches("\n%?     organisation", tostring(report))
    report = run({ maskinporten = { consumer_org = OTHER } }, nil, {
      consumer = { ID = "0192:" .. OTHER }, supplier = { ID = "0192:" .. OWN } })
    assert.matches(OTHER .. ", by the supplier " .. OWN, line(report, "organisation").message)
    assert.is_true(line(report, "organisation").ok)
  end)

  it("clock: how far, and on which side", function()
    here:clock(8)
    warns(run(), "clock", "^[6-9] seconds behind Maskinporten's")
    here:clock(-8)
    warns(run(), "clock", "^[789] seconds ahead of Maskinporten's")
    here:clock(0)
    assert.is_nil(line(run(), "clock"))
  end)

  it("settings: what the client warned of, once", function()
    local report = run { certificate = certificate "soon",
      environment = { issuer = "http://annet.example/" } }
    warns(report, "settings", "issuer is on annet.example")
    local found = 0
    for _, verdict in ipairs(report) do
      found = found + (verdict.message:find("days", 1, true) and 1 or 0)
    end
    assert.equal(1, found) -- the certificate's end has its own line
  end)

  it("privilege: for the client's fiks-organisasjon, unless another is named", function()
    here:tokens(token())
    local client = assert(here:client():with { fiks_organisasjon = ORGANISATION })
    for given, expected in pairs { [ORGANISATION] = ORGANISATION, [KONTO] = KONTO } do
      local report = client:check { tjeneste = "innsyn",
        fiks_organisasjon = given ~= ORGANISATION and given or nil }
      assert.is_true(report.ok, tostring(report))
      assert.equal("innsyn of " .. expected, line(report, "privilege").message)
    end
  end)

  it("integrasjon: none, and what comes after it", function()
    here:tokens(token())
    local options = here:options()
    options.integrasjon = nil
    local report = assert(fiks.new(options)):check { tjeneste = "innsyn",
      fiks_organisasjon = ORGANISATION }
    fails(report, "integrasjon", "none is set", "integrasjon.id and integrasjon.password")
    assert.is_nil(line(report, "privilege").ok)
  end)
end)
