--- Drives every failure of a client that it can, with secrets planted everywhere, and writes down
--- all that a program could log of them: messages, fields, tostring, tables walked to the bottom.
--- spec/redaction_spec.lua runs it in a process of its own and reads what it wrote.

local core = require "fiks.core"
local fiks = require "fiks"

local M = {}

--- Name -> what is planted. The keys' own lines come from their files.
M.SECRETS = {
  p12_password = "PLANTET-p12/pass+ord",
  key_password = "PLANTET-nokkel=pass",
  passord = "PLANTET integrasjon: æ/+%^pass",
  opaque_token = "PLANTET-opakt~token-0123456789",
  jwt_token = "eyJhbGciOiJSUzI1NiJ9.UExBTlRFVC1rcmF2.UExBTlRFVC1zaWduYXR1cg",
  person_token = "eyJhbGciOiJSUzI1NiJ9.UExBTlRFVC1wZXJzb24.UExBTlRFVC1wc2ln",
  opaque_person = "PLANTET-person~token-987654",
  basic_password = "PLANTET-svarinn:pass ord",
  pid = "01017012345",
  consenting = "14021950123",
  pin = "PLANTET-pin-4711",
  pin_in_uri = "PLANTET-uri-pin-0815",
  swapped = "PLANTET-byttet-passord",
  proxy_user = "PROXY-plantet-bruker",
  proxy_password = "PROXY-plantet@pass%ord",
}
local S = M.SECRETS

--- As maskinporten.authorization_details.
M.DETAILS = { type = "urn:altinn:consent", id = "d1f6f0a0-52c4-4a5e-9a53-0c1d8c1f4b01",
  from = "urn:altinn:person:identifier-no:" .. S.consenting }

local written = 0

local function say(...)
  written = written + 1
  print(...)
end

local seen

local function walk(value, depth)
  if type(value) ~= "table" or seen[value] or depth > 12 then
    return
  end
  seen[value] = true
  for name, inner in pairs(value) do
    say(depth, tostring(name), tostring(inner))
    walk(name, depth + 1)
    walk(inner, depth + 1)
  end
  walk(getmetatable(value), depth + 1)
end

-- Everything that can be seen of a value.
local function show(label, value)
  say(label, tostring(value))
  seen = { [_G] = true, [package.loaded] = true }
  if type(value) == "table" then
    walk(value, 1)
  elseif type(value) == "userdata" then
    walk(getmetatable(value), 1)
  end
end

-- What a function gave or raised; true when it failed.
local function attempt(label, f)
  local ok, value, err = xpcall(f, function(why)
    return debug.traceback(tostring(why), 2)
  end)
  if not ok then
    show(label .. " raised", value)
  elseif value == nil then
    show(label, err)
  end
  return value == nil or not ok
end

local function failing(label, f)
  if not attempt(label, f) then
    error(label .. " succeeded", 0)
  end
end

local function construction(here, options)
  local function new(label, replaced)
    failing("new: " .. label, function()
      return fiks.new(options(replaced))
    end)
  end
  local function path(name)
    return here .. "/" .. name
  end
  local function read(name)
    local file = assert(io.open(path(name), "rb"))
    local text = file:read("*a")
    file:close()
    return text
  end
  local key = read("kommune.key")
  new("p12", { certificate = { pkcs12 = path("a.p12"), password = S.swapped } })
  new("p12 alias", { certificate = { pkcs12 = path("a.p12"), password = S.p12_password,
    alias = "ingen" } })
  new("pem", { certificate = { key = path("locked.key"), password = S.swapped } })
  new("mismatch", { certificate = { key = path("locked.key"), password = S.key_password,
    pem = path("tls.pem") } })
  new("cut", { certificate = { data = key:sub(1, 900) } })
  new("spoilt", { certificate = { data = (key:gsub("\n(%w)", "\n%1!", 5)) } })
  new("jwk", { certificate = { jwk = '{"kty":"RSA","d":"' .. S.swapped .. '","n":"AQ"' } })
  new("token", { certificate = { key = "pkcs11:token=ingen;object=ingen", password = S.pin } })
  new("token and PIN", { certificate = "pkcs11:token=ingen;object=ingen?pin-value="
    .. S.pin_in_uri })
  new("PIN astray", { certificate = { pkcs12 = path("a.p12"), password = S.pin } })
  new("not a table", { certificate = S.swapped })
  new("data of another type", { certificate = { data = { S.swapped } } })
  new("line break", { integrasjon = { id = "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01",
    password = S.passord .. "\r\nx: y" } })
  new("id and password swapped", { integrasjon = { id = S.passord,
    password = "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01" } })
  new("person for an organisation", { maskinporten = { client_id = "x", consumer_org = S.pid } })
  new("misspelt", { integrasjon = { passord = S.passord } })
  new("password of another type", { integrasjon = { password = { S.swapped } } })
  new("pid", { maskinporten = { pid = S.pid .. "6" } })
  new("person", { maskinporten = { pid = S.pid, authorization_details = S.swapped } })
  local file = path("settings.json")
  local out = assert(io.open(file, "wb"))
  out:write('{"integrasjon": {"password": "', S.swapped, '" "id": 7}}')
  out:close()
  failing("settings file", function()
    return fiks.new { file = file }
  end)
end

-- Around a proxy that does not answer, or not as one.
local function proxies(url, options)
  local function escaped(text)
    return (text:gsub("[@%%]", { ["@"] = "%40", ["%"] = "%25" }))
  end
  local user, password = S.proxy_user, escaped(S.proxy_password)
  for label, form in pairs {
    socks = "socks5://%s:%s@127.0.0.1:1", portless = "http://%s:%s@proxy.example",
    path = "http://%s:%s@127.0.0.1:1/x", escape = "http://%s:%s%%zz@127.0.0.1:1",
    control = "http://%s:%s%%0a@127.0.0.1:1", word = "%s:%s",
  } do
    failing("proxy " .. label, function()
      return fiks.new(options { proxy = form:format(user, password) })
    end)
  end
  for _, way in ipairs {
    { proxy = ("http://%s:%s@127.0.0.1:1"):format(user, password) },
    { proxy = ("http://%s:%s@%s"):format(user, password, url:match("//(.*)")) },
    { proxy = url, proxy_username = user, proxy_password = S.proxy_password },
  } do
    way.environment = { api = "https://api.example", issuer = "https://issuer.example/",
      token_endpoint = "https://issuer.example/token" }
    local client = fiks.check(fiks.new(options(way)))
    failing("through a proxy", function()
      return client:request { method = "GET", path = "/x", timeout_ms = 500 }
    end)
    show("client behind a proxy", client)
    show("check behind a proxy", client:check())
    client:close()
  end
end

-- Side by side: most of their time are pauses between tries.
local function calls(client)
  local tasks = {}
  local function request(label, given)
    given.method = given.method or "GET"
    given.path = given.path or "/x"
    tasks[#tasks + 1] = function()
      attempt("request: " .. label, function()
        return client:request(given)
      end)
    end
  end
  request("plain", {})
  request("post", { method = "POST", json = { hemmelig = S.pid } })
  request("basic", { username = "bruker", password = S.basic_password })
  request("basic with a line break", { username = "bruker", password = S.basic_password .. "\n" })
  request("misspelt", { passord = S.basic_password })
  request("person", { person = S.person_token })
  request("opaque person", { person = S.opaque_person })
  request("person with a blank", { person = S.opaque_person .. " x" })
  request("person raises", { person = function()
    error("fikk " .. S.person_token)
  end })
  request("person fails", { person = function()
    return nil, "Bearer " .. S.opaque_person
  end })
  request("pid", { pid = S.pid })
  request("another pid", { pid = S.consenting, authorization_details = "" })
  request("person for an organisation", { consumer_org = S.pid })
  request("bad pid", { pid = S.pid .. "x" })
  request("bad details", { authorization_details = S.swapped })
  request("elsewhere", { path = "https://evil.example/?t=" .. S.jwt_token })
  request("in the path", { path = "/x?token=" .. S.jwt_token })
  request("deadline", { path = "/hang", timeout_ms = 30 })
  fiks.all(tasks)
end

local function services(client)
  local svarinn = client:svarinn { username = "bruker", password = S.basic_password, version = 1 }
  show("svarinn", svarinn)
  attempt("svarinn list", function()
    return svarinn:list()
  end)
  show("check", client:check())
end

--- The whole of it.
---@param here string the folder with keys
---@param url string of the endpoint
---@param scenes table[] each a list of what the endpoint is told to answer
---@param level "error"|"warning"|"info"|"debug" of the log, which is written down too
function M.run(here, url, scenes, level)
  local ids, logged = 0, 0
  fiks.log(level, function(of, line)
    logged = logged + 1
    say("log", of, line)
  end)
  local function options(replaced)
    ids = ids + 1
    local o = {
      environment = { api = url, svarut = url, issuer = url .. "/",
        token_endpoint = url .. "/token" },
      allow_loopback_http = true,
      certificate = { pkcs12 = here .. "/a.p12", password = S.p12_password },
      maskinporten = { client_id = "klient-" .. ids .. core.uuid(), pid = S.pid,
        authorization_details = M.DETAILS },
      integrasjon = { id = "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01", password = S.passord },
    }
    for name, value in pairs(replaced or {}) do
      o[name] = value
    end
    return o
  end
  construction(here, options)
  proxies(url, options)
  local control = assert(fiks.new { environment = { api = url }, allow_loopback_http = true })
  for _, scene in ipairs(scenes) do
    for _, rule in ipairs(scene) do
      assert(control:request { method = "POST", path = "/_answers", username = "u", password = "p",
        json = rule })
    end
    local client = assert(fiks.new(options()))
    show("client", client)
    show("key", client._settings.key)
    calls(client)
    services(client)
    show("person's client", client:as_person(S.person_token))
    client:close()
  end
  print("logged", logged)
  print("lines", written)
end

return M
