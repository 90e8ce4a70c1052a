-- client:check against the sandbox: one verdict per line, and what it leaves behind: nothing.

local fiks = require "fiks"
local meldinger = require "examples.meldinger"
local sandbox = require "spec.support.sandbox"
local stage = require "examples.support"

describe("client:check", function()
  local here, kommune, integrasjon

  setup(function()
    here = sandbox.description()
    kommune = here.organisations.kommune
    integrasjon = sandbox.integrasjon()
  end)
  after_each(sandbox.no_faults)

  local function verdicts(report)
    local by_name = {}
    for _, verdict in ipairs(report) do
      by_name[verdict.name] = verdict
    end
    return by_name
  end

  local function fails(report, name, message, who)
    local verdict = verdicts(report)[name]
    assert.is_false(report.ok)
    assert.is_false(verdict.ok)
    assert.matches(message, verdict.message)
    assert.matches(who, verdict.who)
    assert.matches("\nFAIL  " .. name, "\n" .. tostring(report))
    return verdict
  end

  it("finds everything in order, and changes nothing", function()
    local client = sandbox.client("current", integrasjon)
    local mark = sandbox.mark()
    local before = #sandbox.konfigurasjon("GET", "/meldinger")
    local report = client:check { tjeneste = "innsyn",
      fiks_organisasjon = kommune.fiks_organisasjon_id }
    assert.is_true(report.ok, tostring(report))
    local found = verdicts(report)
    for _, name in ipairs { "certificate", "token", "scope", "organisation", "integrasjon",
      "privilege" } do
      assert.is_true(found[name].ok, name)
    end
    assert.matches("organisation " .. kommune.organisasjonsnummer, found.certificate.message)
    assert.matches("valid %d%d%d%d%-%d%d%-%d%d to ", found.certificate.message)
    assert.matches("ks:fiks", found.scope.message)
    assert.matches(kommune.organisasjonsnummer, found.organisation.message)
    assert.matches(integrasjon.id:gsub("%-", "%%-"), found.integrasjon.message)
    assert.equal(before, #sandbox.konfigurasjon("GET", "/meldinger"))
    local paths = {}
    for _, call in ipairs(sandbox.calls(mark, "/", integrasjon)) do
      paths[#paths + 1] = call.metode .. " " .. call.sti:gsub("%x+%-[%x%-]+", "ID")
    end
    assert.same({ "GET /fiks-io/katalog/api/v1/kontoer/ID",
      "POST /innsyn-index/api/v1/delete/slettByMeldingId" }, paths)
    assert.is_nil(tostring(report):find(integrasjon.password, 1, true))
  end)

  it("says who grants a missing privilege", function()
    local verdict = fails(sandbox.client("current", integrasjon):check { tjeneste = "innsyn",
      fiks_organisasjon = here.organisations.nabo.fiks_organisasjon_id }, "privilege",
      "har ikke privilegiet", "administrator of the municipality")
    assert.equal("denied", verdict.err.kind)
  end)

  it("shows the privilege of every service, and leaves nothing behind", function()
    local client = sandbox.client("current", integrasjon)
    assert(client:meldingsboks():index(meldinger.for_person(kommune, "14021950123")))
    local before = #sandbox.konfigurasjon("GET", "/meldinger")
    assert.is_true(before > 0)
    local mark = sandbox.mark()
    local report = client:check { tjeneste = "meldingsboks",
      fiks_organisasjon = kommune.fiks_organisasjon_id }
    assert.is_true(report.ok, tostring(report))
    assert.is_true(verdicts(report).privilege.ok)
    local deletion = sandbox.calls(mark, "/meldingindexer/", integrasjon)
    assert.equal(1, #deletion)
    assert.equal("DELETE", deletion[1].metode)
    report = client:check { tjeneste = "fiks-io", konto = here.fiksio.avsender.konto_id }
    assert.is_true(report.ok, tostring(report))
    assert.matches("fiks%-io of the account", verdicts(report).privilege.message)
    assert.equal(before, #sandbox.konfigurasjon("GET", "/meldinger"))
  end)

  it("finds the privilege missing, service by service", function()
    local client = sandbox.client("current", integrasjon)
    fails(client:check { tjeneste = "meldingsboks",
      fiks_organisasjon = here.organisations.nabo.fiks_organisasjon_id }, "privilege",
      "har ikke privilegiet", "grant the integrasjon the privilege for meldingsboks of")
    fails(client:check { tjeneste = "fiks-io", konto = here.fiksio.mottaker.konto_id },
      "privilege", "har ikke privilegiet", "the privilege for fiks%-io of the account")
    fails(client:check { tjeneste = "fiks-io", konto = fiks.uuid() }, "privilege", "404",
      "check the id of the account")
  end)

  it("does not take the privilege for another service for the one asked about", function()
    local services = { "innsyn", "meldingsboks" }
    for i, asked in ipairs(services) do
      local other = services[3 - i]
      local fresh = stage.new_integrasjon("spec", "one service at a time", services)
      local wanted = { tjeneste = asked, fiks_organisasjon = kommune.fiks_organisasjon_id }
      local client = sandbox.client("current", fresh)
      stage.grant(fresh, { tjeneste = other, fiksOrganisasjonId = wanted.fiks_organisasjon })
      fails(client:check(wanted), "privilege", "har ikke privilegiet",
        "grant the integrasjon the privilege for " .. asked .. " of")
      stage.grant(fresh, { tjeneste = asked, fiksOrganisasjonId = wanted.fiks_organisasjon })
      local report = client:check(wanted)
      assert.is_true(report.ok, tostring(report))
    end
  end)

  it("does not take a platform that fails for a missing privilege", function()
    sandbox.fault { sti = "/innsyn-index/*", status = 503, antall = 5, retryAfter = 0 }
    local verdict = fails(sandbox.client("current", integrasjon):check { tjeneste = "innsyn",
      fiks_organisasjon = kommune.fiks_organisasjon_id }, "privilege", "503", "try again later")
    assert.equal("server", verdict.err.kind)
  end)

  it("says who corrects a wrong password, and tries no further", function()
    local client = sandbox.client("current", { id = integrasjon.id, password = "hemmelig-feil" })
    local report = client:check { tjeneste = "innsyn",
      fiks_organisasjon = kommune.fiks_organisasjon_id }
    local verdict = fails(report, "integrasjon", "Autentisering feilet", "fiks%-konfigurasjon")
    assert.matches("authorised organisation " .. kommune.organisasjonsnummer, verdict.who)
    assert.is_nil(verdicts(report).privilege.ok)
    assert.is_nil(tostring(report):find("hemmelig", 1, true))
  end)

  it("tells a refused token, by its code", function()
    local client = sandbox.client("current", integrasjon)
    local report = assert(client:with { maskinporten = { client_id = fiks.uuid() } }):check()
    fails(report, "token", "MP%-100", "client_id")
    assert.is_nil(verdicts(report).integrasjon.ok)
    report = assert(client:with { maskinporten = { scope = "ks:fiks ks:annet" } }):check()
    fails(report, "token", "MP%-200", "Samarbeidsportal")
  end)

  it("tells a token that the platform does not take", function()
    sandbox.fault { sti = "/fiks-io/katalog/*", status = 401, antall = 2,
      contentType = "application/json",
      kropp = "{\"status\":401,\"message\":\"Klarte ikke å validere access_token\"}" }
    fails(sandbox.client("current", integrasjon):check(), "integrasjon", "validere access_token",
      "same environment")
  end)

  it("tells a platform that does not answer from one that refuses", function()
    sandbox.fault { sti = "/fiks-io/katalog/*", status = 503, antall = 3, retryAfter = 0 }
    fails(sandbox.client("current", integrasjon):check(), "integrasjon", "503", "try again later")
  end)

  it("works for the contract of 2018", function()
    local report = sandbox.client("2018", integrasjon):check()
    assert.is_true(report.ok, tostring(report))
    assert.equal("ks", verdicts(report).scope.message)
  end)

  it("says what is missing in the settings", function()
    local client = assert(fiks.new { environment = "sandbox" })
    local report = client:check()
    fails(report, "token", "client_id", "correct the setting")
    assert.is_nil(verdicts(report).certificate.ok)
    local options = sandbox.options("current", integrasjon)
    options.integrasjon = nil
    fails(assert(fiks.new(options)):check(), "integrasjon", "none is set", "integrasjon.id")
  end)

  it("raises for misuse, at the caller's line", function()
    local client = sandbox.client("current", integrasjon)
    for text, given in pairs {
      ["did you mean 'innsyn'"] = { tjeneste = "insyn" },
      ["must be a UUID"] = { konto = "7" },
      ["needs fiks_organisasjon"] = { tjeneste = "innsyn" },
      ["did you mean 'tjeneste'"] = { tjenste = "innsyn" },
    } do
      local ok, err = pcall(function()
        client:check(given)
      end)
      assert.is_false(ok)
      assert.matches("check_spec.lua:%d+: .*" .. text, err)
    end
  end)
end)

describe("integrasjon-person against the sandbox", function()
  local here, integrasjon, client

  setup(function()
    here = sandbox.description()
    integrasjon = sandbox.integrasjon()
    client = sandbox.client("current", integrasjon)
  end)

  local function lookup(who, person)
    return who:request { method = "GET", person = person,
      path = "/fiks-io/katalog/api/v1/kontoer/" .. here.fiksio.mottaker.konto_id }
  end

  it("sends the person's token and nobody else's, mixed with calls of the integrasjon", function()
    local token = assert(client:token()).access_token
    local options = sandbox.options("current", integrasjon)
    options.certificate, options.maskinporten = nil, nil
    local bare = assert(fiks.new(options)) -- has no token of its own
    assert.is_nil((lookup(bare)))
    local person = assert(bare:as_person(token))
    local asked = 0
    local values, errors = fiks.all {
      function() return lookup(person) end,
      function() return lookup(client) end,
      function()
        return lookup(bare, function()
          asked = asked + 1
          return assert(client:token()).access_token
        end)
      end,
    }
    assert.same({}, errors)
    for i = 1, 3 do
      assert.equal(200, values[i].status)
    end
    assert.equal(1, asked)
  end)

  it("does not replace a token that is not its own when it is refused", function()
    local person = assert(client:as_person("ikke-et-token"))
    local mark = sandbox.mark()
    local answer, err = lookup(person)
    assert.is_nil(answer)
    assert.equal("auth", err.kind)
    assert.is_nil(tostring(err):find("ikke-et-token", 1, true))
    assert.equal(0, #sandbox.calls(mark, "/maskinporten/token"))
    assert.equal(1, #sandbox.calls(mark, "/fiks-io", integrasjon))
  end)

  it("lets one call act for another organisation, with a token of its own", function()
    local supplier = here.organisations.leverandor
    local id = fiks.uuid()
    local kommune = here.organisations.kommune.organisasjonsnummer
    sandbox.konfigurasjon("POST", "/klienter", { klientId = id,
      organisasjonsnummer = supplier.organisasjonsnummer, delegeringer = { kommune } })
    local own = sandbox.client("current", integrasjon, { maskinporten = { client_id = id },
      certificate = { pkcs12 = supplier.pkcs12, password = supplier.pkcs12_password } })
    assert.equal("auth", select(2, lookup(own)).kind) -- the supplier is not authorised
    local answer = assert(own:request { method = "GET", consumer_org = kommune,
      path = "/fiks-io/katalog/api/v1/kontoer/" .. here.fiksio.mottaker.konto_id })
    assert.equal(200, answer.status)
    local report = assert(own:with { maskinporten = { consumer_org = kommune } }):check()
    assert.is_true(report.ok, tostring(report))
    assert.matches(kommune .. ", by the supplier " .. supplier.organisasjonsnummer,
      tostring(report))
  end)
end)
