-- Access: the virksomhetssertifikat signs a grant, the grant buys a token, and every call carries
-- token, IntegrasjonId and password. You never do this yourself: any call does it when it must.

local fiks = require "fiks"
local support = require "examples.support"

local sandbox = support.sandbox()
local kommune = sandbox.organisations.kommune

local client = fiks.check(fiks.new {
  environment = "sandbox", -- or "test", "prod", or a table of URLs
  certificate = { pkcs12 = kommune.pkcs12, password = kommune.pkcs12_password },
  maskinporten = { client_id = kommune.client_id },
  integrasjon = support.load("integrasjon"), -- { id = "...", password = "..." }
})
support.say("client", tostring(client))

local ms, token = support.timed(client.token, client)
fiks.check(token)
support.say("token", "%d characters, valid for %d s, fetched in %d ms", #token.access_token,
  token.expires_at - os.time(), ms)

-- Any path of the platform: this one is Fiks IO's catalogue.
local konto_id = sandbox.fiksio.mottaker.konto_id
local answer = fiks.check(client:request {
  method = "GET", path = "/fiks-io/katalog/api/v1/kontoer/{konto}", params = { konto = konto_id },
})
support.say("call", "GET .../kontoer/%s", konto_id)
support.say("answer", "%d in %d ms: konto \"%s\" of %s", answer.status, answer.elapsed_ms,
  answer.json.kontoNavn, answer.json.fiksOrgNavn)

client:close()
