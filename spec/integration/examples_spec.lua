-- The examples run as a user runs them, say what they should, and print no secret.

local core = require "fiks.core"
local fiks = require "fiks"
local sandbox = require "spec.support.sandbox"
local stage = require "examples.support"

-- Runs a program with both output channels; its text and whether it ended well.
local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo status=$?"))
  local text = pipe:read("*a")
  pipe:close()
  return text, text:match("status=(%d+)%s*$") == "0"
end

local function no_secrets(text)
  local here = sandbox.description()
  for _, secret in ipairs { here.admin.key, here.organisations.kommune.pkcs12_password,
    here.svarinn.passord, stage.load("integrasjon").password, "eyJ" } do
    assert.is_nil(text:find(secret, 1, true))
  end
end

describe("the examples", function()
  local lua = os.getenv("FIKS_LUA") or arg[-1] or "lua5.4"

  it("run in order, in the demo", function()
    local text, ok = run(lua .. " examples/demo.lua")
    assert.is_true(ok, text)
    no_secrets(text)
    for _, want in ipairs {
      "created       integrasjon", "name          Storevik sakarkiv",
      "description   Indekserer saker", "services      meldingsboks, innsyn, fiks%-io",
      "valid for %d+ s", "answer        200",
      "4 messages: 4 ok, 0 failed, 0 reserved, 0 unknown",
      "4 messages: 2 ok, 1 failed, 1 reserved, 0 unknown",
      "converted     FAKTURA_V1", "forsendelse has no counterpart", "has not consented",
      "nothing of batch 1 was stored", "refused     %S+, not stored: nothing of the batch",
      "invalid     %S+, not stored: meldingMetadata", "SHA%-256 verified", "SHA%-256 mismatch",
      "reported    no", "reported    yes, not permanent", "SvarInn says  %S+ MOTTATT",
      "sent          melding", "denied 403", "auth 401", "The main job is done: 7 steps",
    } do
      assert.truthy(text:find(want), "not in the demo's output: " .. want .. "\n" .. text)
    end
  end)

  it("of fifteen lines does the job", function()
    local kommune, svarinn = sandbox.description().organisations.kommune,
      sandbox.description().svarinn
    local into, remove = sandbox.folder()
    local file = assert(io.open(into .. "/innstillinger.lua", "wb"))
    local integrasjon = sandbox.integrasjon()
    file:write(([[return {
      environment = "sandbox", client_id = %q,
      certificate = { pkcs12 = %q, password = %q },
      integrasjon = { id = %q, password = %q },
      svarinn = { username = %q, password = %q, keys = { { key = %q } } },
      inn = %q,
      meldinger = { {
        meldingId = %q, sikkerhetsniva = 3, fiksOrganisasjonId = %q,
        eksponertFor = { identifikatorType = "FODSELSNUMMER", verdi = "14021950123" },
        versjon = "MAPPE_V1", meldingMetadata = { type = "SAK", tittel = "P\195\165bygg" },
      } },
    }]]):format(kommune.client_id, kommune.pkcs12, kommune.pkcs12_password, integrasjon.id,
      integrasjon.password, svarinn.brukernavn, svarinn.passord, svarinn.key_file, into,
      fiks.uuid(), kommune.fiks_organisasjon_id))
    file:close()
    local id = stage.put_forsendelse("Klage", { { filnavn = "a.txt", mimeType = "text/plain",
      data = "hei" } })
    local text, ok = run(lua .. " examples/fifteen_lines.lua " .. into .. "/innstillinger.lua")
    assert.is_true(ok, text)
    assert.matches("1 messages: 1 ok, 0 failed", text)
    assert.truthy(text:find(id .. "\t" .. into .. "/" .. id, 1, true), text)
    assert.equal("hei", sandbox.read(into .. "/" .. id .. "/a.txt"))
    remove()
  end)

  describe("in C", function()
    local program = (os.getenv("FIKS_BUILD") or "build") .. "/examples/main_job"
    local here, integrasjon, into, remove, description, system

    -- A mottakersystem of its own, so that nothing but this spec's items waits.
    before_each(function()
      here = assert(core.json_decode(sandbox.read(os.getenv("FIKS_SANDBOX"))))
      integrasjon = sandbox.integrasjon()
      into, remove = sandbox.folder()
      system = sandbox.konfigurasjon("POST", "/mottakersystemer", {
        organisasjonsnummer = here.organisations.kommune.organisasjonsnummer, navn = "C",
        sertifikat = sandbox.read(here.svarinn.certificate_file),
      })
      here.svarinn.brukernavn, here.svarinn.passord = system.brukernavn, system.passord
      description = into .. "/sandbox.json"
    end)
    after_each(function()
      sandbox.no_faults()
      sandbox.konfigurasjon("DELETE", "/reservasjoner?eksponertFor=01816236955")
      remove()
    end)

    local function put()
      return sandbox.konfigurasjon("POST", "/mottakersystemer/" .. system.mottakersystemId
        .. "/forsendelser", { tittel = "Klage", filer = core.array { { filnavn = "a.txt",
          mimeType = "text/plain", innhold = core.base64("hei") } } }).id
    end

    local function waiting()
      return sandbox.konfigurasjon("GET", "/mottakersystemer/" .. system.mottakersystemId
        .. "/forsendelser")[1]
    end

    local function job(passord)
      local file = assert(io.open(description, "wb"))
      file:write((assert(core.json_encode(here))))
      file:close()
      local text, ok = run(("FIKS_INTEGRASJON_ID=%s FIKS_INTEGRASJON_PASSORD='%s' %s %s %s")
        :format(integrasjon.id, passord or integrasjon.password, program, description, into))
      assert.is_nil(text:find(integrasjon.password, 1, true))
      assert.is_nil(text:find(system.passord, 1, true))
      return text, ok
    end

    it("does the same job", function()
      local id = put()
      local text, ok = job()
      assert.is_true(ok, text)
      assert.matches("meldingsboks: 1 of 1 messages indexed", text)
      assert.matches("innsyn: 1 new, 0 updated", text)
      assert.matches("a.txt: 3 bytes, verified", text)
      assert.matches("svarinn: 1 listed, 0 not received", text)
      assert.equal("hei", sandbox.read(into .. "/" .. id .. "/a.txt"), text)
      assert.equal("MOTTATT", waiting().status)
    end)

    it("sends a case that its receiver can read", function()
      local text, ok = job()
      assert.is_true(ok, text)
      local id = text:match("fiks%-io: sent melding (%x+%-[%x-]+), %d+ encrypted bytes")
      local mottaker, sent = here.fiksio.mottaker, nil
      for _, melding in ipairs(sandbox.konfigurasjon("GET", "/fiksio/meldinger?kontoId="
        .. mottaker.konto_id)) do
        sent = melding.meldingId == id and melding or sent
      end
      assert.equal(here.fiksio.avsender.konto_id, sent.avsenderKontoId)
      assert.equal(sent.filnavn, sent.headere.klientMeldingId)
      text, ok = run(("cd %s && openssl cms -decrypt -binary -inform DER -inkey %s -in %s "
        .. "-out sak.asice && unzip -p sak.asice arkivmelding.xml 'vedlegg/*'"):format(into,
        mottaker.key_file, here.directory .. "/state/payload/" .. id))
      assert.is_true(ok, text)
      assert.matches("<system>Storevik sakarkiv</system>", text)
      assert.matches("Søknaden er innvilget", text)
    end)

    it("sends nothing when the receiver has no key, and does the rest", function()
      here.fiksio.mottaker.konto_id = fiks.uuid()
      local mark = sandbox.mark()
      local text, ok = job()
      assert.is_false(ok, text)
      assert.matches("fiks%-io: not_found", text)
      assert.matches("meldingsboks: 1 of 1 messages indexed", text)
      assert.same({}, sandbox.calls(mark, "/fiks-io/api/v1/send", integrasjon))
    end)

    it("only acknowledges what an earlier run received, when it is still whole", function()
      local id = put()
      sandbox.fault { sti = "/tjenester/svarinn/kvitterMottak/*", metode = "POST", status = 500,
        antall = 20 }
      local text, ok = job()
      assert.is_false(ok, text)
      assert.matches("svarinn: 1 listed, 1 not received", text)
      assert.equal("KLAR", waiting().status)
      sandbox.no_faults()
      local path = into .. "/" .. id .. "/a.txt"
      assert(os.execute(("chmod u+w %s && printf x >> %s"):format(path, path)))
      text, ok = job()
      assert.is_false(ok, text)
      assert.matches("changed", text)
      assert.equal("KLAR", waiting().status)
      assert(os.execute(("printf hei > %s"):format(path)))
      text, ok = job()
      assert.is_true(ok, text)
      assert.matches("since an earlier run, acknowledged", text)
      assert.equal("MOTTATT", waiting().status)
      assert.equal(1, waiting().nedlastinger)
    end)

    it("says so, also to its caller, when a message is not indexed", function()
      sandbox.konfigurasjon("POST", "/reservasjoner", { eksponertFor = "01816236955" })
      local text, ok = job()
      assert.is_false(ok, text)
      assert.matches("meldingsboks: message %x+%-[%x-]+: GDPR_RESERVED", text)
      assert.matches("meldingsboks: 0 of 1 messages indexed", text)
      assert.matches("innsyn: message %x+%-[%x-]+: no consent", text)
    end)

    it("says so, also to its caller, when the password is wrong", function()
      local text, ok = job("feil")
      assert.is_false(ok, text)
      assert.matches("index: auth", text)
      assert.is_nil(text:find("messages indexed", 1, true))
    end)

    it("says what is wrong with settings that cannot be read", function()
      local file = assert(io.open(description, "wb"))
      file:write("{\n  \"svarinn\": ]")
      file:close()
      local command = "FIKS_INTEGRASJON_ID=x FIKS_INTEGRASJON_PASSORD=x " .. program .. " "
      local text, ok = run(command .. description .. " " .. into)
      assert.is_false(ok)
      assert.truthy(text:find(description .. ": line 2: ", 1, true), text)
      text, ok = run(command .. into .. "/finnes-ikke.json " .. into)
      assert.is_false(ok)
      assert.truthy(text:find(into .. "/finnes-ikke.json: ", 1, true), text)
      assert.matches("No such file", text)
    end)
  end)

  it("stop with a sentence when there is no sandbox, not with a traceback of ours", function()
    local text, ok = run("FIKS_SANDBOX=/finnes/ikke " .. lua .. " examples/02_token.lua")
    assert.is_false(ok)
    assert.matches("sandbox/start", text)
  end)

  it("run each by itself, once there is an integrasjon", function()
    assert.is_table(core.json_decode(sandbox.read(sandbox.description().directory
      .. "/examples.json")))
    for _, name in ipairs { "02_token", "03_meldingsboks_2018", "04_innsyn", "05_svarinn",
      "06_send", "07_errors" } do
      local text, ok = run(lua .. " examples/" .. name .. ".lua")
      assert.is_true(ok, name .. ": " .. text)
      no_secrets(text)
    end
  end)
end)
