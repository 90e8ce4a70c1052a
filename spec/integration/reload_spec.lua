-- Rotation while calls are running, and many integrasjoner of one supplier.

local fiks = require "fiks"
local sandbox = require "spec.support.sandbox"

local KONTO = "/fiks-io/katalog/api/v1/kontoer/"

describe("rotation against the sandbox", function()
  local here, kommune, integrasjon, folder, remove

  setup(function()
    here = sandbox.description()
    kommune = here.organisations.kommune
    integrasjon = sandbox.integrasjon()
    folder, remove = sandbox.folder()
  end)
  teardown(function()
    remove()
  end)

  local function write(name, bytes)
    local path = folder .. "/" .. name
    local file = assert(io.open(path .. ".ny", "wb"))
    file:write(bytes)
    file:close()
    assert(os.rename(path .. ".ny", path))
    return path
  end

  -- A key of its own, registered at the sandbox's Maskinporten under a kid.
  local function new_key(name)
    local path = folder .. "/" .. name
    assert(os.execute(("LD_PRELOAD= openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=%s "
      .. "-keyout %s.key -out %s.crt 2>/dev/null"):format(name, path, path)))
    return sandbox.read(path .. ".key"), sandbox.read(path .. ".crt")
  end

  local function lookup(client)
    return client:request { method = "GET", path = KONTO .. here.fiksio.mottaker.konto_id }
  end

  it("of key and kid fails no call, and the new one is used", function()
    local client_id, old, old_certificate = fiks.uuid(), new_key("gammel")
    local new, new_certificate = new_key("ny")
    sandbox.konfigurasjon("POST", "/klienter", {
      klientId = client_id, organisasjonsnummer = kommune.organisasjonsnummer,
      nokler = { { kid = "gammel", sertifikat = old_certificate },
        { kid = "ny", sertifikat = new_certificate } },
    })
    write("aktiv.key", old)
    local settings = ("{\"maskinporten\":{\"client_id\":\"%s\"},"
      .. "\"certificate\":{\"key\":\"aktiv.key\",\"kid\":\"%s\"}}")
    local file = write("fiks.json", settings:format(client_id, "gammel"))
    local options = sandbox.options("current", integrasjon, { file = file })
    options.certificate, options.maskinporten = nil, nil
    local client = assert(fiks.new(options))
    assert(lookup(client))
    local mark = sandbox.mark()
    local items, before = {}, client._settings.key:thumbprint()
    for i = 1, 60 do
      items[i] = i
    end
    local answers, errors = fiks.map(items, { concurrency = 6 }, function(_, i)
      if i == 20 then
        write("aktiv.key", new)
        write("fiks.json", settings:format(client_id, "ny"))
        assert.is_true(assert(client:reload_if_changed()))
      elseif i == 40 then -- and one that goes wrong: half a key
        write("aktiv.key", new:sub(1, 700))
        local ok, err = client:reload_if_changed()
        assert.is_nil(ok)
        assert.equal("credentials", err.kind)
      end
      return lookup(client)
    end)
    assert.same({}, errors)
    assert.equal(60, #answers)
    for _, answer in ipairs(answers) do
      assert.equal(200, answer.status)
      assert.equal(1, answer.attempts)
    end
    assert.equal("ny", client._settings.kid)
    assert.not_equal(before, client._settings.key:thumbprint())
    assert.equal(1, #sandbox.calls(mark, "/maskinporten/token")) -- the new key's; not in storms
    client:close()
  end)

  -- A virksomhetssertifikat of the municipality with a new key, as PKCS#12.
  local function new_certificate(name, password)
    local certs = kommune.pkcs12:match("^(.*/)")
    local path = folder .. "/" .. name
    assert(os.execute(([[LD_PRELOAD= bash -c 'set -e; umask 077
      openssl req -new -utf8 -newkey rsa:2048 -nodes -keyout %s.key -out %s.csr \
        -subj "/C=NO/O=STOREVIK KOMMUNE/CN=Storevik kommune/serialNumber=%s"
      openssl x509 -req -in %s.csr -CA %svirksomhet-intermediate.crt -set_serial 0x1%s \
        -CAkey %svirksomhet-intermediate.key -days 90 -out %s.crt \
        -extfile <(echo keyUsage=critical,digitalSignature)
      openssl pkcs12 -export -inkey %s.key -in %s.crt -out %s.p12 -passout pass:%s \
        -certfile %svirksomhet-intermediate.crt' 2>/dev/null]]):format(path, path,
      kommune.organisasjonsnummer, path, certs, fiks.uuid():gsub("%-", ""):sub(1, 16), certs, path,
      path, path, path, password, certs)))
    return sandbox.read(path .. ".p12")
  end

  it("of certificate, key and their password in a PKCS#12 fails no call", function()
    local client_id = fiks.uuid()
    sandbox.konfigurasjon("POST", "/klienter", {
      klientId = client_id, organisasjonsnummer = kommune.organisasjonsnummer,
    })
    write("aktiv.p12", new_certificate("foerste", "gammelt-passord"))
    write("p12-passord", "gammelt-passord\n")
    local fresh = new_certificate("andre", "nytt-passord")
    local file = write("p12.json", ("{\"maskinporten\":{\"client_id\":\"%s\"},\"certificate\":"
      .. "{\"pkcs12\":\"aktiv.p12\",\"password\":{\"file\":\"p12-passord\"}}}"):format(client_id))
    local options = sandbox.options("current", integrasjon, { file = file })
    options.certificate, options.maskinporten = nil, nil
    local client = assert(fiks.new(options))
    assert(lookup(client))
    local mark, before = sandbox.mark(), client._settings.key:thumbprint()
    local items = {}
    for i = 1, 60 do
      items[i] = i
    end
    local answers, errors = fiks.map(items, { concurrency = 6 }, function(_, i)
      if i == 20 then -- half of the change: the old one stays
        write("aktiv.p12", fresh)
        local ok, err = client:reload_if_changed()
        assert.is_nil(ok)
        assert.equal("wrong_password", err.code)
        assert.equal(before, client._settings.key:thumbprint())
      elseif i == 30 then
        write("p12-passord", "nytt-passord\n")
        assert.is_true(assert(client:reload_if_changed()))
      end
      return lookup(client)
    end)
    assert.same({}, errors)
    for _, answer in ipairs(answers) do
      assert.same({ 200, 1 }, { answer.status, answer.attempts })
    end
    assert.equal(60, #answers)
    assert.not_equal(before, client._settings.key:thumbprint())
    assert.equal(1, #sandbox.calls(mark, "/maskinporten/token")) -- the new certificate's
    client:close()
  end)

  it("of the integrasjon's password takes one reload", function()
    local own = sandbox.integrasjon()
    local path = write("passord", own.password)
    local client = sandbox.client("current", { id = own.id, password = { file = path } })
    assert(lookup(client))
    local made = sandbox.konfigurasjon("POST", "/integrasjoner/" .. own.id .. "/passord")
    local answer, err = lookup(client)
    assert.is_nil(answer)
    assert.equal("auth", err.kind)
    write("passord", made.passord .. "\n")
    assert.is_true(assert(client:reload_if_changed()))
    assert.equal(200, assert(lookup(client)).status)
  end)

  it("is for a supplier's 400 integrasjoner as for one: one token, little memory", function()
    local client_id = fiks.uuid()
    sandbox.konfigurasjon("POST", "/klienter", {
      klientId = client_id, organisasjonsnummer = kommune.organisasjonsnummer,
    })
    local base = sandbox.client("current", integrasjon, {
      maskinporten = { client_id = client_id },
    })
    local clients = {}
    clients[1] = assert(base:with { integrasjon = integrasjon })
    local mark = sandbox.mark()
    collectgarbage()
    collectgarbage()
    local before = collectgarbage("count")
    for i = 1, 400 do
      clients[i] = assert(base:with { integrasjon = integrasjon })
    end
    collectgarbage()
    collectgarbage()
    local each = (collectgarbage("count") - before) / 400
    assert.is_true(each < 4, ("%.2f KiB a client"):format(each))
    local _, errors = fiks.map(clients, { concurrency = 8 }, lookup)
    assert.same({}, errors)
    assert.equal(1, #sandbox.calls(mark, "/maskinporten/token"))
    assert.equal(400, #sandbox.calls(mark, KONTO, integrasjon))
  end)
end)
