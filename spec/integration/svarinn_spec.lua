-- SvarInn v1 and v2: from the list to a folder of checked files, and what must not happen.

local core = require "fiks.core"
local fiks = require "fiks"
local sandbox = require "spec.support.sandbox"
local stage = require "examples.support"

local TEXT = "Jeg klager p\195\165 vedtaket.\n\195\152yvind"
local PDF = "%PDF-1.4 " .. ("0123456789"):rep(30000)

for version = 1, 2 do
  describe("SvarInn v" .. version, function()
    local here, system, client, svarinn, into, remove, paths

    setup(function()
      here = sandbox.description().svarinn
      client = assert(fiks.new { environment = "sandbox" })
    end)

    -- A mottakersystem of its own, with the sandbox's key.
    before_each(function()
      system = sandbox.konfigurasjon("POST", "/mottakersystemer", {
        organisasjonsnummer = sandbox.description().organisations.kommune.organisasjonsnummer,
        navn = "spec", sertifikat = sandbox.read(here.certificate_file),
      })
      svarinn = assert(client:svarinn {
        username = system.brukernavn, password = system.passord, version = version,
        keys = { { key = here.key_file, pem = here.certificate_file } },
      })
      into, remove = sandbox.folder()
      paths = version == 1
        and { list = "/tjenester/svarinn/mottaker/hentNyeForsendelser",
              ack = "/tjenester/svarinn/kvitterMottak/*",
              download = "/tjenester/svarinn/forsendelse/*" }
        or { list = "/api/svarinn/v2/forsendelser", ack = "/api/svarinn/v2/forsendelser/*",
             download = "/api/svarinn/v2/forsendelser/*" }
    end)
    after_each(function()
      sandbox.no_faults()
      remove()
    end)

    local function put(fields)
      fields.tittel = fields.tittel or "Klage"
      for _, file in ipairs(fields.filer) do
        file.mimeType = file.mimeType or "application/octet-stream"
        file.innhold, file.data = core.base64(file.data), nil
      end
      fields.filer = fiks.array(fields.filer)
      local made = sandbox.konfigurasjon("POST", "/mottakersystemer/" .. system.mottakersystemId
        .. "/forsendelser", fields)
      return made.id or made.ider
    end

    local function good()
      return put { filer = { { filnavn = "klage p\195\165.txt", data = TEXT },
        { filnavn = "vedlegg.pdf", data = PDF } } }
    end

    local function bad()
      return put { filer = { { filnavn = "a.txt", data = TEXT },
        { filnavn = "b.txt", data = "b", sha256 = ("0"):rep(64) } } }
    end

    local function status(id)
      for _, item in ipairs(sandbox.konfigurasjon("GET", "/mottakersystemer/"
        .. system.mottakersystemId .. "/forsendelser")) do
        if item.id == id then
          return item
        end
      end
    end

    local function receive(options)
      options = options or {}
      options.into = into
      local got = {}
      for f, err in assert(svarinn:receive(options)) do
        got[#got + 1], f.err = f, err
      end
      return got
    end

    it("receives files as they were sent, then acknowledges", function()
      local id = good()
      local got = receive()
      assert.equal(1, #got)
      assert.is_nil(got[1].err)
      assert.equal(id, got[1].id)
      assert.equal(into .. "/" .. id, got[1].folder)
      assert.is_true(got[1].acknowledged)
      assert.equal(TEXT, sandbox.read(got[1].folder .. "/klage p\195\165.txt"))
      assert.equal(PDF, sandbox.read(got[1].folder .. "/vedlegg.pdf"))
      assert.equal("verified", got[1].files[1].verdict)
      assert.equal(core.sha256(PDF), got[1].files[2].sha256)
      assert.equal("MOTTATT", status(id).status)
      assert.same({}, receive())
    end)

    it("receives a single document that is not in a zip", function()
      local id = put { filer = { { filnavn = "brev.pdf", data = PDF } }, pakking = "enkeltfil" }
      assert.is_nil(receive()[1].err)
      assert.equal(PDF, sandbox.read(into .. "/" .. id .. "/brev.pdf"))
    end)

    it("leaves nothing of a wrong hash, and acknowledges the good ones beside it", function()
      local wrong, right = bad(), good()
      local by_id = {}
      for _, f in ipairs(receive()) do
        by_id[f.id] = f
      end
      assert.equal("integrity", by_id[wrong].err.kind)
      assert.equal("mismatch", by_id[wrong].err.code)
      assert.is_false(by_id[wrong].acknowledged)
      assert.equal(2, status(wrong).nedlastinger) -- it may have been the way
      assert.equal(1, status(right).nedlastinger)
      local verdicts = {}
      for _, file in ipairs(by_id[wrong].files) do
        verdicts[file.name] = file.verdict
      end
      assert.equal("mismatch", verdicts["b.txt"])
      assert.equal("KLAR", status(wrong).status)
      assert.same({}, status(wrong).feil)
      assert.equal("MOTTATT", status(right).status)
      local listing = io.popen("ls -A " .. into .. " | grep -v '^[.]fiks-journal[.]db'")
      assert.equal(right .. "\n", listing:read("*a"))
      listing:close()
    end)

    it("downloads nothing that the disk has no room for", function()
      local id = put { filer = { { filnavn = "a.txt", data = "a", storrelse = 2 ^ 50 } } }
      local got = receive()
      assert.equal("disk_full", got[1].err.code)
      assert.matches("needs 3377699720527872 bytes of disk, and %d+ are free", got[1].err.message)
      assert.equal(0, status(id).nedlastinger)
      assert.equal("KLAR", status(id).status)
    end)

    it("reports a wrong hash only when asked, and never as permanent", function()
      local id = bad()
      local got = receive { report_mismatch = true }
      assert.is_true(got[1].reported)
      local now = status(id)
      assert.equal("KLAR", now.status)
      assert.equal(1, #now.feil)
      assert.is_false(now.feil[1].permanent)
    end)

    it("hands over, and says so, what could not be acknowledged; next time only that is sent",
      function()
        local id = good()
        sandbox.fault { sti = paths.ack, metode = version == 1 and "POST" or "PATCH", status = 500,
          antall = 20 }
        local got = receive()
        assert.is_nil(got[1].err)
        assert.is_false(got[1].acknowledged)
        assert.equal("server", got[1].ack_error.kind)
        assert.equal("KLAR", status(id).status)
        sandbox.no_faults()
        local downloads = status(id).nedlastinger
        got = receive()
        assert.is_true(got[1].redelivered)
        assert.is_true(got[1].acknowledged)
        assert.equal("klage p\195\165.txt", got[1].files[1].stored_as)
        assert.equal(downloads, status(id).nedlastinger)
        assert.equal("MOTTATT", status(id).status)
      end)

    it("does not acknowledge a folder of an earlier run that is not what was sent", function()
      local id = good()
      sandbox.fault { sti = paths.ack, metode = version == 1 and "POST" or "PATCH", status = 500,
        antall = 20 }
      local folder = receive()[1].folder
      sandbox.no_faults()
      local file = assert(io.open(folder .. "/klage p\195\165.txt", "ab"))
      file:write("x")
      file:close()
      local got = receive()
      assert.is_true(got[1].redelivered)
      assert.is_false(got[1].acknowledged)
      assert.equal("integrity", got[1].err.kind)
      assert.equal("changed", got[1].err.code)
      assert.equal("KLAR", status(id).status)
    end)

    it("takes 404 to the acknowledgement as acknowledged", function()
      good()
      sandbox.fault { sti = paths.ack, metode = version == 1 and "POST" or "PATCH", status = 404 }
      assert.is_true(receive()[1].acknowledged)
    end)

    it("gives up for good only on purpose", function()
      local id = good()
      assert(svarinn:fail(id, { feilmelding = "Kan ikke leses" }))
      assert.equal("KLAR", status(id).status)
      assert(svarinn:fail(id, { feilmelding = "Kan ikke leses", permanent = true }))
      assert.equal("FEILET", status(id).status)
      assert.is_true(status(id).feil[2].permanent)
    end)

    it("acknowledges and downloads by hand", function()
      local id = good()
      local list = assert(svarinn:list())
      assert.equal("Klage", list[1].tittel)
      local got = assert(svarinn:download(list[1], { into = into }))
      assert.equal(TEXT, sandbox.read(got.folder .. "/" .. got.files[1].stored_as))
      assert.equal("KLAR", status(id).status)
      local again, err = svarinn:download(list[1], { into = into })
      assert.is_nil(again)
      assert.equal("io", err.kind) -- the folder exists
      assert(svarinn:acknowledge(list[1]))
      assert.equal("MOTTATT", status(id).status)
      local none
      none, err = svarinn:acknowledge(fiks.uuid())
      assert.is_nil(none)
      assert.equal("not_found", err.kind)
    end)

    it("refuses what is not encrypted, not complete, or for another key", function()
      local payloads = {
        html = "<html>vedlikehold</html>", pdf = PDF, empty_zip = "PK\5\6" .. ("\0"):rep(18),
      }
      local whole = core.cms_encrypt(PDF, { sandbox.read(here.certificate_file) })
      payloads.truncated = whole:sub(1, #whole - 200)
      payloads.other_key = core.cms_encrypt(PDF, {
        sandbox.read(sandbox.description().fiksio.mottaker.certificate_file),
      })
      local count = 0
      for _, payload in pairs(payloads) do
        put { filer = { { filnavn = "a.pdf", data = PDF } }, payload = core.base64(payload) }
        count = count + 1
      end
      local got = receive { report_mismatch = true }
      assert.equal(count, #got)
      for _, f in ipairs(got) do
        assert.is_truthy(f.err, f.id)
        assert.is_false(f.acknowledged)
        assert.is_nil(f.reported)
        assert.equal("KLAR", status(f.id).status)
      end
    end)

    it("tries all keys", function()
      local id = good()
      local other = sandbox.description().fiksio.mottaker
      svarinn = assert(client:svarinn {
        username = system.brukernavn, password = system.passord, version = version,
        keys = { { key = other.key_file }, { key = here.key_file } },
      })
      assert.is_nil(receive()[1].err)
      assert.equal("MOTTATT", status(id).status)
    end)

    it("starts over a download that is cut", function()
      local id = good()
      sandbox.fault { sti = paths.download, metode = "GET", kutt = true }
      local mark = sandbox.mark()
      assert.is_nil(receive()[1].err)
      local downloads = {}
      for _, call in ipairs(sandbox.calls(mark, (paths.download:gsub("%*$", "") .. id))) do
        if call.metode == "GET" then
          downloads[#downloads + 1] = call.status
        end
      end
      assert.same({ 0, 200 }, downloads) -- 0: cut without an answer
      assert.equal("MOTTATT", status(id).status)
    end)

    it("notes a full page", function()
      put { antall = 200, filer = { { filnavn = "a", data = "x" } } }
      assert.equal(200, #svarinn:list())
      assert.is_true(svarinn.backlog)
    end)

    it("takes only a JSON list for an answer", function()
      for _, body in ipairs { "<html><body>Vedlikehold</body></html>", "{\"feil\":1}", "[{" } do
        sandbox.fault { sti = paths.list, status = 200, kropp = body, contentType = "text/html" }
        local list, err = svarinn:list()
        assert.is_nil(list)
        assert.equal("protocol", err.kind)
      end
    end)

    it("sends no credentials to an address that is not SvarInn's", function()
      for _, url in ipairs { "http://localhost:9/x", "https://svarut.example/x", "ftp://x/y",
        "https://user:pass@localhost/x", "/x" } do
        local id = fiks.uuid()
        local item = version == 1 and { id = id, downloadUrl = url }
          or { id = id, nedlastingslenke = url }
        sandbox.fault { sti = paths.list, status = 200, contentType = "application/json",
          kropp = core.json_encode(fiks.array { item }) }
        local mark = sandbox.mark()
        local got = receive()
        assert.is_truthy(got[1].err, url)
        assert.is_false(got[1].acknowledged)
        assert.equal(1, #sandbox.calls(mark)) -- the list, and no more
      end
    end)

    it("receives several at once under fiks.all", function()
      local ids = { good(), good(), bad() }
      local list = assert(svarinn:list())
      local got, errors = fiks.map(list, { concurrency = 3 }, function(f)
        return svarinn:download(f, { into = into })
      end)
      for i, f in ipairs(list) do
        if f.id == ids[3] then
          assert.equal("mismatch", errors[i].code)
        else
          assert.equal(TEXT, sandbox.read(got[i].folder .. "/klage p\195\165.txt"))
        end
      end
    end)
  end)
end

describe("the stage of the examples", function()
  it("puts a forsendelse", function()
    assert.is_string(stage.put_forsendelse("t", { { filnavn = "a", mimeType = "text/plain",
      data = "x" } }))
  end)
end)
