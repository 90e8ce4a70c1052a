-- bin/fiks: the three commands, from the tree, as a shell runs them.

local core = require "fiks.core"
local sandbox = require "spec.support.sandbox"

describe("bin/fiks", function()
  local here, kommune, integrasjon, folder, remove, config

  local function write(name, text)
    local path = folder .. "/" .. name
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path
  end

  setup(function()
    here = sandbox.description()
    kommune = here.organisations.kommune
    integrasjon = sandbox.integrasjon()
    folder, remove = sandbox.folder()
    write("passord", integrasjon.password .. "\n")
    write("p12-passord", kommune.pkcs12_password)
    config = write("fiks.json", core.json_encode {
      environment = "sandbox", maskinporten = { client_id = kommune.client_id },
      certificate = { pkcs12 = kommune.pkcs12, password = { file = "p12-passord" } },
      integrasjon = { id = integrasjon.id, password = { file = "passord" } },
    })
  end)
  teardown(function()
    remove()
  end)

  -- Standard output, standard error, exit status.
  local function fiks(arguments, environment, input)
    local out, err = folder .. "/out", folder .. "/err"
    local command = "env -u FIKS_CONFIG LD_PRELOAD= %s bin/fiks %s <%s >%s 2>%s; echo $?"
    local pipe = assert(io.popen(command:format(environment or "", arguments,
      input or "/dev/null", out, err)))
    local status = tonumber(pipe:read("*a"))
    pipe:close()
    return sandbox.read(out), sandbox.read(err), status
  end

  local function with_config(arguments, ...)
    return fiks("--config " .. config .. " " .. arguments, ...)
  end

  local path = "/fiks-io/katalog/api/v1/kontoer/"

  it("check prints a verdict per line", function()
    local out, err, status = with_config("check --tjeneste innsyn --fiks-organisasjon "
      .. kommune.fiks_organisasjon_id)
    assert.equal("", err)
    assert.equal(0, status)
    for _, name in ipairs { "token", "scope", "organisation", "integrasjon", "privilege" } do
      assert.matches("\nok    " .. name, out)
    end
    assert.is_nil(out:find(integrasjon.password, 1, true))
  end)

  it("check ends with 1 when something is refused", function()
    local out, _, status = with_config("check --tjeneste innsyn --fiks-organisasjon "
      .. here.organisations.nabo.fiks_organisasjon_id)
    assert.equal(1, status)
    assert.matches("\nFAIL  privilege", out)
    local _, err
    _, err, status = with_config("check --tjeneste innsyn")
    assert.equal(2, status)
    assert.matches("needs fiks_organisasjon", err)
    _, _, status = with_config("check", "FIKS_INTEGRASJON_PASSORD=feil")
    assert.equal(1, status)
  end)

  it("token prints claims and expiry, and the token only when asked", function()
    local out, err, status = with_config("token")
    assert.equal("", err)
    assert.equal(0, status)
    assert.matches("\nscope +ks:fiks\n", out)
    assert.matches("\nconsumer +{.*0192:" .. kommune.organisasjonsnummer, out)
    assert.matches("\nexpires +%d%d%d%d%-%d%d%-%d%dT[%d:]+Z, in %d+ seconds\n", out)
    assert.is_nil(out:find("eyJ", 1, true))
    out, err, status = with_config("token --show")
    assert.equal("", err)
    assert.equal(0, status)
    assert.matches("^eyJ[%w_%-]+%.[%w_%-]+%.[%w_%-]+\n$", out)
  end)

  it("call prints the answer", function()
    local out, err, status = with_config("call get " .. path .. here.fiksio.mottaker.konto_id)
    assert.equal("", err)
    assert.equal(0, status)
    assert.equal(here.fiksio.mottaker.konto_id, core.json_decode(out).kontoId)
  end)

  it("call sends a query and a JSON body, and writes a file", function()
    local body = write("body.json", "{\"meldinger\":[{\"fiksOrgId\":\""
      .. kommune.fiks_organisasjon_id .. "\",\"meldingId\":\"" .. core.uuid()
      .. "\",\"meldingType\":\"mappe\"}]}")
    local delete = "call POST /innsyn-index/api/v1/delete/slettByMeldingId --json "
    local out, _, status = with_config(delete .. body)
    assert.equal(0, status)
    assert.equal(0, core.json_decode(out).antallSlettet)
    out, _, status = with_config(delete .. "- --output " .. folder .. "/svar", nil, body)
    assert.equal(0, status)
    assert.equal("", out)
    assert.equal(0, core.json_decode(sandbox.read(folder .. "/svar")).antallSlettet)
    local _, err
    _, err, status = with_config("call DELETE /innsyn-index/api/v1/delete/slett --query "
      .. "fiksOrganisasjonId=" .. here.organisations.nabo.fiks_organisasjon_id
      .. " --query meldingId=" .. core.uuid())
    assert.equal(1, status)
    assert.matches("^fiks: denied 403", err)
  end)

  it("call tells a refusal on the standard error, with the platform's words beside it", function()
    local out, err, status = with_config("call GET " .. path .. core.uuid())
    assert.equal(1, status)
    assert.matches("^fiks: not_found 404 %(.*errorId", err)
    assert.equal(404, core.json_decode(out).status)
  end)

  it("takes arguments before variables before the file", function()
    local other = sandbox.integrasjon()
    local _, err, status = with_config("--integrasjon " .. core.uuid() .. " call GET " .. path
      .. here.fiksio.mottaker.konto_id, "FIKS_INTEGRASJON_ID=" .. other.id)
    assert.equal(1, status)
    assert.matches("auth 401", err)
    _, err, status = fiks("--integrasjon " .. other.id .. " call GET " .. path
      .. here.fiksio.mottaker.konto_id, ("FIKS_CONFIG=%s FIKS_INTEGRASJON_PASSORD_FILE=%s"):format(
      config, write("annet-passord", other.password)))
    assert.equal("", err)
    assert.equal(0, status)
  end)

  it("makes calls as a person", function()
    local token = with_config("token --show")
    local file = write("token", token)
    local bare = write("bare.json", core.json_encode { environment = "sandbox",
      integrasjon = { id = integrasjon.id, password = { file = "passord" } } })
    local call = "--config " .. bare .. " --person-token-file %s call GET " .. path
      .. here.fiksio.mottaker.konto_id
    local _, err, status = fiks(call:format(file))
    assert.equal("", err)
    assert.equal(0, status)
    _, err, status = fiks(call:format(write("token", "ikke-et-token\n")))
    assert.equal(1, status)
    assert.is_nil(err:find("ikke-et-token", 1, true))
    _, err, status = fiks(call:format("/finnes/ikke"))
    assert.equal(3, status)
    assert.matches("cannot read the person's token", err)
  end)

  it("tells wrong usage from wrong settings, and both from a network that fails", function()
    local _, err, status = fiks("")
    assert.equal(2, status)
    assert.matches("Usage: ", err)
    for _, wrong in ipairs { "sjekk", "call GET", "check --tjeneste post", "call HENT /x",
      "call GET /x --query navn", "call GET /x --json /finnes/ikke",
      "call PUT /x --json /etc/passwd" } do
      _, err, status = with_config(wrong)
      assert.equal(2, status, wrong)
      assert.is_nil(err:find("stack traceback", 1, true), wrong)
    end
    _, err, status = fiks("check")
    assert.equal(3, status)
    assert.matches("^fiks: config %(environment%)", err)
    _, _, status = fiks("--config /finnes/ikke check")
    assert.equal(3, status)
    _, err, status = with_config("call GET https://evil.example/x") -- nothing was sent
    assert.equal(3, status)
    assert.matches("foreign_host", err)
    _, err, status = with_config("token", "FIKS_PKCS12_PASSWORD=hemmelig-feil")
    assert.equal(3, status)
    assert.matches("wrong_password", err)
    assert.is_nil(err:find("hemmelig-feil", 1, true))
    _, err, status = fiks("--config " .. config .. " token", "FIKS_API_URL=https://localhost:1 "
      .. "FIKS_ISSUER=https://localhost:1/ FIKS_TOKEN_ENDPOINT=https://localhost:1/token")
    assert.equal(4, status, err)
    assert.matches("^fiks: network", err)
  end)

  it("runs from elsewhere, through a link, and says its version", function()
    local root = assert(io.popen("pwd")):read("*l")
    assert(os.execute(("ln -s %s/bin/fiks %s/lenke"):format(root, folder)))
    for _, command in ipairs { root .. "/bin/fiks", folder .. "/lenke" } do
      local pipe = io.popen("cd / && LD_PRELOAD= " .. command .. " --version 2>&1")
      assert.equal("fiks " .. core.version .. "\n", pipe:read("*a"))
      pipe:close()
    end
  end)
end)
