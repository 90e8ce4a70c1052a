-- No secret in what a program could log: spec/support/failures.lua drives every failure
-- with secrets planted everywhere, and here all that it wrote is
-- searched for them, as they are and encoded.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local failures = require "spec.support.failures"

local S = failures.SECRETS

local function percent(text)
  return (text:gsub("[^%w%-._~]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

-- Base64 of text that may begin anywhere in something longer: what is the same in all of them.
local function inner_base64(text)
  local forms = {}
  for shift = 0, 2 do
    local encoded = core.base64(("x"):rep(shift) .. text)
    forms[#forms + 1] = encoded:sub(shift == 0 and 1 or 5, -5)
  end
  return forms
end

-- Name -> the forms of every secret.
local function forms_of(secrets)
  local forms = {}
  for name, text in pairs(secrets) do
    forms[#forms + 1] = { name, text }
    forms[#forms + 1] = { name .. " (percent)", percent(text) }
    for _, encoded in ipairs(inner_base64(text)) do
      forms[#forms + 1] = { name .. " (base64)", encoded }
      forms[#forms + 1] = { name .. " (base64url)", (encoded:gsub("+", "-"):gsub("/", "_")) }
    end
  end
  return forms
end

local function leaks(output, forms)
  local found = {}
  for _, form in ipairs(forms) do
    local at = #form[2] > 6 and output:find(form[2], 1, true)
    if at then
      local line = output:sub(1, at):match("[^\n]*$") .. output:sub(at + 1):match("^[^\n]*")
      found[#found + 1] = form[1] .. " in: " .. line:sub(1, 300)
    end
  end
  return table.concat(found, "\n")
end

describe("what a program can log", function()
  local here, made

  setup(function()
    here = endpoint.start()
    made = here.material
    made:sh(([[
      openssl pkcs12 -export -inkey kommune.key -in kommune.pem -passout 'pass:%s' -out a.p12
      openssl pkcs8 -topk8 -in kommune.key -passout 'pass:%s' -out locked.key]]):format(
        S.p12_password, S.key_password))
  end)
  teardown(function()
    here:stop()
  end)

  local function every_secret()
    local secrets = {}
    for name, text in pairs(S) do
      secrets[name] = text
    end
    local number = 0
    for line in made:read("kommune.key"):gmatch("[^\n]+") do
      if not line:find("-----", 1, true) then
        number = number + 1
        secrets["key line " .. number] = line
      end
    end
    assert.is_true(number > 20)
    return secrets
  end

  -- The signatures of the grants that went out: whoever has the whole assertion has those.
  local function add_assertions(secrets)
    local grants = here:grants()
    assert.is_true(#grants > 3)
    for i, grant in ipairs(grants) do
      secrets["assertion " .. i] = grant.signature
    end
    return secrets
  end

  local function token(text, more)
    return { body = ('{"access_token":"%s"%s}'):format(text, more or ',"expires_in":99'),
      always = true }
  end

  -- Answers that say back what they were told, or should have kept to themselves.
  local QUOTE = "Bearer " .. S.jwt_token .. " / " .. S.jwt_token .. " assertion=" .. S.jwt_token
    .. " / Bearer " .. S.opaque_token .. " / Basic " .. core.base64("bruker:" .. S.basic_password)
    .. " / pid " .. S.pid .. " fra " .. failures.DETAILS.from .. " eller " .. S.consenting
    .. " / IntegrasjonPassord: " .. S.passord .. " / access_token=" .. S.opaque_token
  local function platform(status, text)
    return { status = status, always = true,
      body = core.json_encode { message = text .. QUOTE, errorCode = S.jwt_token,
        errorId = S.jwt_token } }
  end
  local GOOD = token(S.opaque_token)

  local function scene(token_answer, x_answer)
    return {
      { path = "/token", answers = core.array { token_answer } },
      { path = "/x", answers = core.array { x_answer } },
      { path = "/hang", answers = core.array { { delay_ms = 100, always = true } } },
      { path = "/tjenester/svarinn/mottaker/hentNyeForsendelser",
        answers = core.array { platform(401, "Feil passord ") } },
    }
  end

  local SCENES = {
    scene(GOOD, platform(401, "Klarte ikke å validere access_token ")),
    scene(GOOD, platform(401, "Autentisering feilet for integrasjon ")),
    scene(GOOD, platform(403, "har ikke privilegiet ")),
    scene(token(S.jwt_token), { status = 403, always = true, body = "<p>" .. QUOTE .. "</p>" }),
    scene(GOOD, { status = 302, always = true, headers = { Location =
      "https://evil.example/?access_token=" .. S.jwt_token } }),
    scene(GOOD, { always = true, body = '{"access_token":"' .. S.jwt_token }),
    scene(GOOD, { drop = true, always = true }),
    scene({ status = 400, always = true, body = core.json_encode { error = "invalid_grant",
      error_description = QUOTE, error_uri = "https://x/" .. S.jwt_token } }, GOOD),
    scene({ status = 400, always = true, body = core.json_encode { error = "invalid_grant",
      error_description = "pid " .. S.pid .. " (trace_id: " .. S.consenting .. ")" } }, GOOD),
    scene({ status = 403, always = true, type = "text/html", body = QUOTE }, GOOD),
    scene(token(S.jwt_token, ',"expires_in":-1'), GOOD),
    scene(token(S.jwt_token .. "\\r\\n"), GOOD),
    scene(token(S.opaque_token, ',"token_type":"mac"'), GOOD),
    scene(token(S.opaque_token, ',"scope":"ks:annet"'), GOOD),
    scene({ always = true, body = '{"access_token":"' .. S.opaque_token }, GOOD),
  }

  local function run(level)
    made:write("scenes.json", core.json_encode(core.array(SCENES)))
    return made:lua(([[
      local file = assert(io.open((...) .. "/scenes.json"))
      local scenes = require("fiks.core").json_decode(file:read("*a"))
      file:close()
      require("spec.support.failures").run(..., "%s", scenes, "%s")
    ]]):format(here.url, level))
  end

  for level, least in pairs { error = 1, warning = 100, info = 150, debug = 300 } do
    it("holds no secret, whatever fails, with the log at level " .. level, function()
      here:forget()
      local output = run(level)
      local logged, lines = output:match("logged\t(%d+)\nlines\t(%d+)\n$")
      assert.is_true(lines and tonumber(lines) > 1000, output:sub(-2000))
      assert.is_true(tonumber(logged) >= least, logged)
      assert.equal("", leaks(output, forms_of(add_assertions(every_secret()))))
    end)
  end

  it("holds no secret in the shell either", function()
    local file = made:write("fiks.json", core.json_encode {
      environment = { api = here.url, issuer = here.url .. "/",
        token_endpoint = here.url .. "/token" },
      allow_loopback_http = true, maskinporten = { client_id = "skall" },
      certificate = { pkcs12 = "a.p12", password = S.p12_password },
      integrasjon = { id = endpoint.ID, password = S.passord },
    })
    local person = made:write("person", S.person_token)
    local output, runs = "", 0
    for i, one in ipairs(SCENES) do
      here:forget()
      for _, rule in ipairs(one) do
        here:answers(rule.path, rule.answers[1])
      end
      -- What the server answered goes to standard output as it is: call is for that.
      for _, command in ipairs { "check 2>&1", "call GET /x 2>&1 >/dev/null",
        "call GET /x --feil " .. S.person_token .. " 2>&1",
        i == 1 and "token 2>&1" or "call GET 2>&1",
        "--person-token-file " .. person .. " call GET /x 2>&1 >/dev/null" } do
        local pipe = io.popen(("LD_PRELOAD= bin/fiks --config '%s' %s </dev/null"):format(
          file, command))
        output = output .. pipe:read("*a")
        pipe:close()
        runs = runs + 1
      end
    end
    assert.is_true(runs > 40 and #output > 4000, output)
    assert.equal("", leaks(output, forms_of(every_secret())))
  end)

  it("would be found out if it did", function()
    local forms = forms_of(every_secret())
    for _, form in ipairs(forms) do
      if #form[2] > 6 then
        assert.not_equal("", leaks("før " .. form[2] .. " etter", forms), form[1])
      end
    end
    assert.not_equal("", leaks("Basic " .. core.base64("bruker:" .. S.basic_password), forms))
    assert.not_equal("", leaks("a=" .. percent("x" .. S.passord), forms))
    assert.equal("", leaks("eyJ PLANTET", forms))
  end)
end)
