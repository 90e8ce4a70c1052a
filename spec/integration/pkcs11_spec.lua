-- A key that never leaves its token (SoftHSM), from fiks.new to an access token. OpenSSL's engine
-- is one per process and its module reads the environment, so each run is a process of its own.

local material = require "spec.support.material"
local sandbox = require "spec.support.sandbox"

local MODULE = "/usr/lib/softhsm/libsofthsm2.so"
local PIN = "hemmelig-48213"
local KEY = "pkcs11:token=fiks;object=virksomhet?module-path=" .. MODULE

describe("a key on a token", function()
  local made, kommune, integrasjon

  setup(function()
    kommune = sandbox.description().organisations.kommune
    integrasjon = sandbox.integrasjon()
    made = material.new()
    made:write("softhsm2.conf", ("directories.tokendir = %s/tokens\nlog.level = ERROR\n"):format(
      made.folder))
    made:write("passord", integrasjon.password)
    made:sh(([[
      export SOFTHSM2_CONF=$PWD/softhsm2.conf
      mkdir tokens
      softhsm2-util --init-token --free --label fiks --pin %s --so-pin 0000-so
      openssl pkcs8 -topk8 -nocrypt -in '%s' -out pkcs8.key
      softhsm2-util --import pkcs8.key --token fiks --label virksomhet --id a1 --pin %s
      rm pkcs8.key]]):format(PIN, kommune.key_file, PIN))
  end)
  teardown(function()
    made:remove()
  end)

  local AROUND = "SOFTHSM2_CONF='%s/softhsm2.conf'"

  -- What a process prints that makes a client with this certificate, asks for a token and calls.
  local function run(certificate)
    return made:lua(([[
      local fiks = require "fiks"
      local sandbox = require "spec.support.sandbox"
      local here = sandbox.description()
      local PIN, PEM = %q, %q
      local options = sandbox.options("current", { id = %q, password = %q },
        { certificate = %s })
      local client, err = fiks.new(options)
      local answer
      if client then
        answer, err = client:request { method = "GET",
          path = "/fiks-io/katalog/api/v1/kontoer/" .. here.fiksio.mottaker.konto_id }
      end
      print(answer and answer.status or err.kind .. " " .. err.code .. " " .. err.message)
    ]]):format(PIN, kommune.chain_file, integrasjon.id, integrasjon.password, certificate),
      AROUND:format(made.folder))
  end

  it("signs for a token, with the chain beside it and the PIN as its password", function()
    assert.equal("200\n", run(("{ key = %q, pem = PEM, password = PIN }"):format(KEY)))
  end)

  it("may have its PIN in the URI or in a file", function()
    local uri = KEY .. "&pin-value=" .. PIN
    assert.equal("200\n", run(("{ key = %q, pem = PEM }"):format(uri)))
    made:write("pin", PIN .. "\n")
    assert.equal("200\n", run(("{ key = %q, pem = PEM, password = { file = %q } }"):format(KEY,
      made:path("pin"))))
  end)

  it("that is not there, or not opened, says so and never tells the PIN", function()
    local wrong = run(("{ key = %q, pem = PEM, password = 'feil-pin-19' }"):format(KEY))
    assert.matches("^credentials wrong_password .*virksomhet", wrong)
    assert.is_nil(wrong:find("feil-pin-19", 1, true))
    assert.matches("^credentials password_missing ", run(("{ key = %q, pem = PEM }"):format(KEY)))
    local other = run(("{ key = %q, pem = PEM, password = PIN }"):format(KEY:gsub("virksomhet",
      "annen")))
    assert.matches("^credentials no_key ", other)
    assert.is_nil(other:find(PIN, 1, true))
    local module = run(("{ key = %q, pem = PEM, password = PIN }"):format(
      "pkcs11:token=fiks;object=virksomhet?module-path=/finnes/ikke.so"))
    assert.matches("^credentials %l+ .*/finnes/ikke.so", module)
  end)

  it("serves the shell, from variables", function()
    local command = "env -u FIKS_CONFIG LD_PRELOAD= " .. AROUND:format(made.folder)
      .. (" FIKS_ENVIRONMENT=sandbox FIKS_CLIENT_ID=%s FIKS_KEY='%s' FIKS_KEY_PASSWORD_FILE='%s'"
      .. " FIKS_CERTIFICATE='%s' FIKS_INTEGRASJON_ID=%s FIKS_INTEGRASJON_PASSORD_FILE='%s'"
      .. " bin/fiks check 2>&1 </dev/null"):format(kommune.client_id, KEY,
      made:write("pin", PIN), kommune.chain_file, integrasjon.id, made:path("passord"))
    local pipe = assert(io.popen(command))
    local output = pipe:read("*a")
    pipe:close()
    assert.matches("ok    token", output)
    assert.matches("ok    integrasjon", output)
  end)
end)
