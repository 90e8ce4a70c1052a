-- fiks-konfigurasjon: who may do what. At KS a person does this on a web page, once; in the sandbox
-- it is an API. An integrasjon is your program's identity: an id, a password, and privileges.

local support = require "examples.support"

local sandbox = support.sandbox()
local kommune = sandbox.organisations.kommune

local ms, integrasjon = support.timed(support.new_integrasjon, "Storevik sakarkiv",
  "Indekserer saker, brev og fakturaer, og sender til andre arkiver",
  { "meldingsboks", "innsyn", "fiks-io" })
local made = support.konfigurasjon("GET", "/integrasjoner/" .. integrasjon.id)

support.say("created", "integrasjon %s in %d ms", integrasjon.id, ms)
support.say("name", made.navn)
support.say("description", made.beskrivelse)
support.say("services", table.concat(made.tjenester, ", "))
support.say("for", "%s, organisasjonsnummer %s", kommune.navn, kommune.organisasjonsnummer)
support.say("password", "%d generated characters, kept beside the sandbox", #integrasjon.password)

for _, tjeneste in ipairs { "meldingsboks", "innsyn" } do
  support.grant(integrasjon, {
    tjeneste = tjeneste, fiksOrganisasjonId = kommune.fiks_organisasjon_id,
  })
  support.say("privilege", "%s for %s", tjeneste, kommune.navn)
end
support.grant(integrasjon, { tjeneste = "fiks-io", kontoId = sandbox.fiksio.avsender.konto_id })
support.say("privilege", "fiks-io for konto %s", sandbox.fiksio.avsender.konto_id)

support.save("integrasjon", integrasjon)
