-- What a user sees when access is wrong: no privilege, a wrong password, a revoked integrasjon.

local fiks = require "fiks"
local meldinger = require "examples.meldinger"
local support = require "examples.support"

local kommune = support.sandbox().organisations.kommune
local batch = meldinger.for_person(kommune, "14021950123")

local function try(what, integrasjon)
  local client = fiks.check(fiks.new(support.options("2018", integrasjon)))
  local result, err = client:meldingsboks():index(batch)
  assert(not result, "this should have been refused")
  support.say(what, support.wrap(err))
  support.say("", "kind = \"%s\", retryable = %s", err.kind, tostring(err.retryable))
  client:close()
end

local integrasjon = support.new_integrasjon("Uten tilgang", "Til eksempel 07", { "meldingsboks" })
try("no privilege", integrasjon)

try("password", { id = integrasjon.id, password = "feil passord" })

support.grant(integrasjon, {
  tjeneste = "meldingsboks", fiksOrganisasjonId = kommune.fiks_organisasjon_id,
})
support.konfigurasjon("POST", "/integrasjoner/" .. integrasjon.id .. "/sperr")
try("revoked", integrasjon)
