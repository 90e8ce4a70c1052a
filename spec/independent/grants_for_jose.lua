-- Makes grants of every kind and writes them down for jose.sh, which has others judge them.
-- usage: lua grants_for_jose.lua DIR    (DIR/<name>.jws, .pem and .expected; prints the names)

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"

local dir = ...

local function write(name, text)
  local file = assert(io.open(dir .. "/" .. name, "wb"))
  file:write(text)
  file:close()
end

local here = endpoint.start()
local made = here.material
made:sh([[openssl req -newkey rsa:3072 -nodes -keyout leaf.key -out leaf.csr -subj /CN=Blad
  openssl x509 -req -in leaf.csr -CA kommune.pem -CAkey kommune.key -set_serial 2 -days 30 \
    -out leaf.pem
  cat leaf.pem kommune.pem >chain.pem]])

local KINDS = {
  { "x5c", {} },
  { "rs384", { alg = "RS384" } },
  { "rs512", { alg = "RS512" } },
  { "kid", { kid = "nokkel-1" } },
  { "claims", { consumer_org = "0192:910753614", resource = "https://r.example/æ",
    pid = "01017012345", authorization_details = { { type = "urn:altinn:systemuser",
      systemuser_org = { authority = "iso6523-actorid-upis", ID = "0192:910753614" } } } } },
  { "odd", { client_id = "MOVE \"IP\" \\ blåbær" } },
  { "chain", {}, "leaf", "chain" },
  { "leaf", { x5c = "leaf" }, "leaf", "chain" },
  { "array", { resource = { "https://r.example/æ" } } },
  { "2018", { consumer_org = "910753614", accept_fewer_scopes = true } }, -- it grants ks:fiks
}

for _, kind in ipairs(KINDS) do
  local name, maskinporten = kind[1], kind[2]
  local key, pem = kind[3] or "kommune", kind[4] or "kommune"
  here:forget()
  local client = here:client {
    maskinporten = maskinporten, contract = name == "2018" and "2018" or "current",
    certificate = { key = made:path(key .. ".key"), pem = made:path(pem .. ".pem") },
  }
  assert(client:token())
  client:close()
  write(name .. ".jws", here:grants()[1].assertion)
  write(name .. ".pem", made:read((key == "leaf" and "leaf" or pem) .. ".pem"))
  write(name .. ".expected", core.json_encode {
    alg = maskinporten.alg or "RS256", kid = maskinporten.kid or core.null,
    chain = name == "chain" and 1 or maskinporten.kid and 0 or 1,
    aud = here.url .. "/", iss = maskinporten.client_id or core.null,
    [name == "2018" and "iss_onbehalfof" or "consumer_org"] =
      maskinporten.consumer_org and "910753614" or core.null,
    scope = name == "2018" and "ks" or "ks:fiks",
    pid = maskinporten.pid or core.null, resource = maskinporten.resource or core.null,
  })
  print(name)
end
here:stop()
