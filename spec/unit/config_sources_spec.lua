-- Settings from arguments, environment variables and a file: one precedence; and the page about it.

local config = require "fiks.config"
local core = require "fiks.core"
local fiks = require "fiks"
local rows = require "fiks.config.rows"

local SECRET = "hemmelig-passord-7391"
local ID = "5b2b3a3e-6b53-4a3a-9a77-0e5c0a9d7f11"
local OTHER = "11111111-6b53-4a3a-9a77-0e5c0a9d7f11"

describe("settings", function()
  local getenv = os.getenv
  local variables, files

  before_each(function()
    variables, files = {}, {}
    os.getenv = function(name) -- luacheck: ignore 122
      return variables[name]
    end
  end)
  after_each(function()
    os.getenv = getenv -- luacheck: ignore 122
    for _, path in ipairs(files) do
      os.remove(path)
    end
  end)

  local function write(text)
    local path = os.tmpname()
    files[#files + 1] = path
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path
  end

  local function json(value)
    return write(assert(core.json_encode(value)))
  end

  local function resolve(given)
    return config.resolve(given, 1)
  end

  local function refused(given, text, code)
    local settings, err = resolve(given)
    assert.is_nil(settings)
    assert.equal("config", err.kind)
    assert.matches(text, err.message)
    assert.equal(code or err.code, err.code)
    assert.is_nil(tostring(err):find(SECRET, 1, true))
  end

  it("are the arguments alone unless more is asked for", function()
    variables = { FIKS_ENVIRONMENT = "prod", FIKS_CONTRACT = "2018",
      FIKS_CONFIG = json { environment = "prod" } }
    refused({}, "there is no default", "environment")
    assert.equal("current", resolve({ environment = "test" }).contract)
  end)

  it("come from the argument, else the variable, else the file", function()
    local file = json { environment = "prod", contract = "2018", ca_file = "/fil.pem",
      integrasjon = { id = OTHER, password = "fil" } }
    variables = { FIKS_ENVIRONMENT = "test", FIKS_CA_FILE = "/variabel.pem",
      FIKS_INTEGRASJON_PASSORD = "variabel" }
    local settings = resolve { file = file, environment_variables = true, ca_file = "/arg.pem" }
    assert.equal("/arg.pem", settings.ca_file)
    assert.equal("test", settings.environment)
    assert.equal("2018", settings.contract)
    assert.equal(OTHER, settings.integrasjon_id)
    assert.equal("variabel", settings.integrasjon_passord)
    assert.equal("fil", resolve({ file = file }).integrasjon_passord)
    variables.FIKS_CONFIG = file
    assert.equal(OTHER, resolve({ environment_variables = true }).integrasjon_id)
  end)

  it("of every variable in the table reach their option", function()
    local seen = 0
    for _, row in ipairs(rows.rows) do
      if row.variable and row.core and row.is ~= "value" and row.group ~= "environment"
        and row.group ~= "integrasjon" and row.is ~= "flag" and row[1] ~= "certificate.kid" then
        local value = ({ alg = "RS512", x5c = "leaf", consumer_org = "987654321" })[row.name]
          or row.is == "number" and "1234" or "verdi"
        variables = { FIKS_ENVIRONMENT = "test", [rows.variables(row)[1]] = value,
          FIKS_CLIENT_ID = row.name == "client_id" and value or "c" }
        local settings, err = resolve { environment_variables = true, certificate = io.stdout }
        local got = assert(settings, tostring(err))[row.core]
        assert.equal(value, type(got) == "number" and ("%d"):format(got) or got, row[1])
        seen = seen + 1
      end
    end
    assert.is_true(seen >= 7)
  end)

  it("of a flag are true, false, 1 or 0", function()
    for text, value in pairs { ["true"] = true, ["1"] = true, ["0"] = false, ["false"] = false } do
      variables = { FIKS_ENVIRONMENT = "test", FIKS_ALLOW_LOOPBACK_HTTP = text }
      assert.equal(value, resolve({ environment_variables = true }).allow_loopback_http)
    end
    variables.FIKS_ALLOW_LOOPBACK_HTTP = "ja"
    refused({ environment_variables = true }, "FIKS_ALLOW_LOOPBACK_HTTP")
  end)

  it("that are empty variables do not count", function()
    variables = { FIKS_ENVIRONMENT = "test", FIKS_CONTRACT = "", FIKS_CONFIG = "" }
    assert.equal("current", resolve({ environment_variables = true }).contract)
  end)

  it("name where a wrong value comes from", function()
    variables = { FIKS_ENVIRONMENT = "test", FIKS_INTEGRASJON_ID = "7",
      FIKS_INTEGRASJON_PASSORD = SECRET }
    refused({ environment_variables = true }, "from the variable FIKS_INTEGRASJON_ID",
      "integrasjon.id")
    local file = json { environment = "test", contract = "2017" }
    refused({ file = file }, "from " .. file:gsub("%p", "%%%0"), "contract")
  end)

  it("refuse an environment by name and by URL in one place", function()
    variables = { FIKS_ENVIRONMENT = "test", FIKS_API_URL = "https://a" }
    refused({ environment_variables = true }, "exclude each other")
    variables.FIKS_API_URL = nil
    local settings = assert(resolve { environment_variables = true,
      environment = { api = "https://b" } })
    assert.equal("https://b", settings.api_url)
    assert.is_nil(settings.environment)
  end)

  it("take the choice of key file from the strongest place, the password by itself", function()
    local file = json { environment = "test", maskinporten = { client_id = "c" },
      certificate = { pem = "/finnes/ikke.pem", key = "/finnes/ikke.key", password = SECRET } }
    local _, err = resolve { file = file, certificate = { pkcs12 = "/finnes/ikke.p12" } }
    assert.equal("credentials", err.kind)
    assert.matches("ikke.p12", err.message)
  end)

  it("take the trusted roots from the strongest place, and a proxy with its own user", function()
    local file = json { environment = "test", ca_dir = "/finnes/ikke", proxy_password = SECRET }
    refused({ file = file, ca_file = "/ca.pem" }, "without proxy_username", "proxy_username")
    local settings = assert(resolve { file = file, ca_file = "/ca.pem",
      proxy = "http://proxy.example:3128" })
    assert.is_userdata(settings.network)
    assert.is_nil(settings.ca_file)
    refused({ file = file, proxy = "none" }, "cannot read the directory /finnes/ikke", "ca_dir")
    variables = { FIKS_PROXY = "http://u:" .. SECRET .. "@h" }
    refused({ environment = "test", environment_variables = true }, "names no port.*FIKS_PROXY",
      "proxy")
  end)

  it("in a file are anchored at the file", function()
    local folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    local function put(name, text)
      local path = folder .. "/" .. name
      local out = assert(io.open(path, "wb"))
      out:write(text)
      out:close()
      files[#files + 1] = path
      return path
    end
    put("passord", SECRET .. "\n")
    local file = put("fiks.json", core.json_encode { environment = "test", ca_file = "ca.pem",
      contract = core.null, integrasjon = { id = ID, password = { file = "passord" } } })
    files[#files + 1] = folder
    local settings = assert(resolve { file = file })
    assert.equal(folder .. "/ca.pem", settings.ca_file)
    assert.equal(SECRET, settings.integrasjon_passord)
    assert.equal("current", settings.contract)
  end)

  it("in a file that cannot be used are refused, saying why", function()
    refused({ file = "/finnes/ikke.json" }, "cannot read /finnes/ikke.json", "file")
    refused({ file = "/tmp" }, "cannot read /tmp", "file")
    refused({ file = 7 }, "must be the path", "file")
    refused({ file = write("{\"a\":" .. SECRET) }, "is not JSON", "file")
    refused({ file = write("[]") }, "must hold a JSON object", "file")
    refused({ file = json { enviroment = "test" } }, "did you mean 'environment'", "file")
    refused({ file = json { integrasjon = { passord = SECRET } } },
      "unknown option 'integrasjon.passord', did you mean 'integrasjon.password'", "file")
    refused({ file = json { file = "x" } }, "cannot name further sources", "file")
    refused({ environment_variables = "ja" }, "must be true or false", "environment_variables")
  end)

  it("read secrets from files, also by a variable NAME_FILE", function()
    local path = write(SECRET .. "\r\n")
    local given = { environment = "test", integrasjon = { id = ID, password = { file = path } } }
    assert.equal(SECRET, resolve(given).integrasjon_passord)
    variables = { FIKS_INTEGRASJON_ID = ID, FIKS_INTEGRASJON_PASSORD_FILE = path }
    assert.equal(SECRET, resolve({ environment = "test", environment_variables = true })
      .integrasjon_passord)
    given.integrasjon.password = { file = write("\n") }
    refused(given, "is empty", "integrasjon.password")
    given.integrasjon.password = { file = "/finnes/ikke" }
    refused(given, "/finnes/ikke", "integrasjon.password")
    for _, wrong in ipairs { {}, { fil = path }, { file = path, mer = 1 }, { file = 7 } } do
      given.integrasjon.password = wrong
      refused(given, "must be text, or { file = ", "integrasjon.password")
    end
  end)

  it("of a grant are checked", function()
    local function with(maskinporten)
      return { environment = "test", maskinporten = maskinporten, certificate = io.stdout }
    end
    local settings = assert(resolve(with { client_id = "c", consumer_org = "0192:987654321",
      alg = "RS384", x5c = "leaf", resource = "https://r", pid = "01816236955",
      clock_correction = true, authorization_details = { type = "urn:altinn:systemuser" } }))
    assert.equal("987654321", settings.consumer_org)
    assert.equal("RS384", settings.alg)
    assert.equal("leaf", settings.x5c)
    assert.is_true(settings.clock_correction)
    assert.equal("[{\"type\":\"urn:altinn:systemuser\"}]", settings.authorization_details)
    refused(with { client_id = "c", alg = "ES256" }, "RS256, RS384, RS512", "maskinporten.alg")
    refused(with { client_id = "c", x5c = "all" }, "chain, leaf", "maskinporten.x5c")
    refused(with { client_id = "c", pid = "1" }, "eleven digits", "maskinporten.pid")
    refused(with { client_id = "c", consumer_org = "987 654 321" }, "nine digits")
    refused(with { client_id = "c", clock_correction = 1 }, "true or false")
    settings = assert(resolve(with { client_id = "c", resource = { "https://r" } }))
    assert.equal("https://r", settings.resource)
    assert.is_true(settings.resource_array)
    refused(with { client_id = "c", resource = { "a", "b" } }, "list of one")
    refused(with { client_id = "c", resource = {} }, "list of one")
    refused(with { client_id = "c", authorization_details = "{" }, "is not a JSON array")
    refused(with { client_id = "c", authorization_details = 7 }, "not a number")
  end)
end)

describe("docs/configuration.md", function()
  it("has a row for every option, with its variable and its default", function()
    local file = assert(io.open("docs/configuration.md"))
    local text = file:read("*a")
    file:close()
    local documented = {}
    for line in text:match("\n| option | variable .-\n\n"):gmatch("[^\n]+") do
      local option, variable, default =
        line:match("^| `([%w_.]+)` |%s*([^|]-)%s*|.*|%s*([^|]-)%s*|$")
      if option then
        variable, default = variable:gsub("[`, ]+", " "):match("^ ?(.-) ?$"), default:gsub("`", "")
        documented[#documented + 1] = ("%s %s %s"):format(option, variable, default)
      end
    end
    local expected = {}
    for i, row in ipairs(rows.rows) do
      expected[i] = ("%s %s %s"):format(row[1], table.concat(rows.variables(row), " "),
        row.default or "")
    end
    assert.same(expected, documented)
  end)
end)

describe("fiks.new", function()
  it("accepts the options of the table and no others", function()
    local ok, err = pcall(fiks.new, { enviroment_variables = true })
    assert.is_false(ok)
    assert.matches("did you mean 'environment_variables'", err)
  end)
end)
