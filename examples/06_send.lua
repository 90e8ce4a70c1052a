-- Sending through Fiks IO ("SvarInn 2"): one case from our archive to another municipality's. The
-- files are signed, and encrypted for the receiver's key: nobody between can read them.

local fiks = require "fiks"
local support = require "examples.support"

local sandbox = support.sandbox()
local client = fiks.check(fiks.new(support.options("current")))
local arkiv = fiks.check(client:fiksio {
  konto = sandbox.fiksio.avsender.konto_id,
  key = { key = sandbox.fiksio.avsender.key_file, pem = sandbox.fiksio.avsender.certificate_file },
})

local mottaker = sandbox.fiksio.mottaker.konto_id
local konto = fiks.check(arkiv:konto(mottaker))
support.say("to", "%s, konto %s", konto.fiksOrgNavn, mottaker)

local arkivmelding = [[<?xml version="1.0" encoding="UTF-8"?>
<arkivmelding xmlns="https://ks-no.github.io/standarder/fiks-protokoll/fiks-arkiv/arkivmelding/v1">
  <system>Storevik sakarkiv</system>
  <mappe><tittel>Påbygg, Ålesundveien 3</tittel></mappe>
</arkivmelding>
]]
local ms, receipt, err = support.timed(arkiv.send, arkiv, {
  to = mottaker,
  type = "no.ks.fiks.arkiv.v1.arkivering.arkivmelding.opprett",
  ttl = 2 * 24 * 60 * 60 * 1000,
  files = {
    { name = "arkivmelding.xml", data = arkivmelding },
    { name = "målsatt tegning.pdf", data = "%PDF-1.4 " .. ("tegning "):rep(5000) },
  },
})
fiks.check(receipt, err)
support.say("sent", "melding %s in %d ms", receipt.melding_id, ms)
support.say("own id", "%s (give the same when sending again after a timeout)",
  receipt.klient_melding_id)

for _, melding in ipairs(support.konfigurasjon("GET", "/fiksio/meldinger?kontoId=" .. mottaker)) do
  if melding.meldingId == receipt.melding_id then
    support.say("there", "%s, %d encrypted bytes", melding.meldingType, melding.dataBytes)
  end
end

local _, refused = arkiv:send { to = fiks.uuid(), type = "no.ks.fiks.arkiv", files = { arg[0] } }
support.say("refused", support.wrap(refused))

client:close()
