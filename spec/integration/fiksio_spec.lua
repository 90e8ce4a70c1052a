-- Fiks IO: an encrypted case from one account of the sandbox to another, in both contracts.

local core = require "fiks.core"
local fiks = require "fiks"
local sandbox = require "spec.support.sandbox"

local TYPE = "no.ks.fiks.arkiv.v1.arkivering.arkivmelding.opprett"

for _, contract in ipairs { "current", "2018" } do
  describe("Fiks IO, contract " .. contract, function()
    local here, client, arkiv, to
    local path = contract == "2018" and "/svarinn2/api/v1/send" or "/fiks-io/api/v1/send"

    setup(function()
      here = sandbox.description().fiksio
      client = sandbox.client(contract, sandbox.integrasjon())
      arkiv = assert(client:fiksio { konto = here.avsender.konto_id,
        key = { key = here.avsender.key_file, pem = here.avsender.certificate_file } })
      to = here.mottaker.konto_id
    end)
    after_each(sandbox.no_faults)

    local function received(id)
      for _, melding in ipairs(sandbox.konfigurasjon("GET", "/fiksio/meldinger?kontoId=" .. to)) do
        if melding.meldingId == id then
          return melding
        end
      end
    end

    it("delivers what only the receiver can open", function()
      local receipt = assert(arkiv:send {
        to = to, type = TYPE, ttl = 60000, headers = { sak = "p\195\165bygg" },
        files = { { name = "arkivmelding.xml", data = "<arkivmelding/>" },
          { name = "m\195\165l.txt", data = "x" } },
      })
      local melding = received(receipt.melding_id)
      assert.equal(TYPE, melding.meldingType)
      assert.equal(here.avsender.konto_id, melding.avsenderKontoId)
      assert.equal(60000, melding.ttl)
      assert.equal("p\195\165bygg", melding.headere.sak)
      assert.equal(receipt.klient_melding_id, melding.headere.klientMeldingId)
    end)

    it("sends a message without content", function()
      local receipt = assert(arkiv:send { to = to, type = TYPE })
      assert.equal(0, received(receipt.melding_id).dataBytes or 0)
    end)

    it("finds accounts, and says when there is none", function()
      assert.equal(to, arkiv:konto(to).kontoId)
      assert.is_true(arkiv:status(to).gyldigMottaker)
      assert.matches("BEGIN CERTIFICATE", arkiv:offentlig_nokkel(to).nokkel)
      local none, err = arkiv:konto(fiks.uuid())
      assert.is_nil(none)
      assert.equal("not_found", err.kind)
    end)

    it("sends nothing to an account without a key", function()
      local keyless = sandbox.konfigurasjon("POST", "/kontoer", {
        fiksOrganisasjonId = here.mottaker.fiks_organisasjon_id, navn = "uten",
      }).kontoId
      local mark = sandbox.mark()
      local none, err = arkiv:send { to = keyless, type = TYPE,
        files = { { name = "a.xml", data = "x" } } }
      assert.is_nil(none)
      assert.equal("no_public_key", err.code)
      assert.equal(0, #sandbox.calls(mark, path))
    end)

    it("is not repeated when its fate is unknown, and says under which id to repeat", function()
      sandbox.fault { sti = path, kutt = true, etterUtforelse = true, antall = 5 }
      local id = fiks.uuid()
      local mark = sandbox.mark()
      local none, err = arkiv:send { to = to, type = TYPE, klient_melding_id = id }
      assert.is_nil(none)
      assert.equal("network", err.kind)
      assert.equal(id, err.id)
      assert.equal(1, #sandbox.calls(mark, path))
      sandbox.no_faults()
      local receipt = assert(arkiv:send { to = to, type = TYPE, klient_melding_id = id })
      assert.equal(id, receipt.klient_melding_id)
    end)

    it("from an account without privilege is denied", function()
      local foreign = assert(client:fiksio { konto = to,
        key = { key = here.mottaker.key_file, pem = here.mottaker.certificate_file } })
      local none, err = foreign:send { to = here.avsender.konto_id, type = TYPE }
      assert.is_nil(none)
      assert.equal("denied", err.kind)
    end)
  end)
end

describe("the encrypted bytes", function()
  it("open with the receiver's key to a container with the files", function()
    local here = sandbox.description().fiksio
    local client = sandbox.client("current", sandbox.integrasjon())
    local arkiv = assert(client:fiksio { konto = here.avsender.konto_id,
      key = { key = here.avsender.key_file, pem = here.avsender.certificate_file } })
    local receipt = assert(arkiv:send { to = here.mottaker.konto_id, type = TYPE,
      files = { { name = "arkivmelding.xml", data = "<arkivmelding/>" } } })
    -- The bytes go through a file: the helper that decodes JSON is not for them.
    local admin = sandbox.description().admin
    local sealed = os.tmpname()
    local config = os.tmpname()
    local file = assert(io.open(config, "wb"))
    file:write(("silent\nurl = \"%s/fiksio/meldinger/%s/data\"\ncacert = \"%s\"\n"
      .. "header = \"%s: %s\"\noutput = \"%s\"\n"):format(admin.url, receipt.melding_id,
        sandbox.description().ca_file, admin.header, admin.key, sealed))
    file:close()
    assert(os.execute("LD_PRELOAD= curl --config " .. config))
    local key = assert(core.key { file = here.mottaker.key_file })
    local opened = assert(core.cms_decrypt(sandbox.read(sealed), { key }))
    os.remove(sealed)
    os.remove(config)
    assert.equal("PK\3\4", opened:sub(1, 4))
    assert.truthy(opened:find("arkivmelding.xml", 1, true))
    assert.truthy(opened:find("application/vnd.etsi.asic-e+zip", 1, true))
    assert.is_nil((core.cms_decrypt(sandbox.read(here.mottaker.certificate_file), { key })))
  end)
end)
