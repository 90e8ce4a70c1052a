-- Meldingsboks, the contract of 2018: a batch is answered message by message.

local fiks = require "fiks"
local meldinger = require "examples.meldinger"
local support = require "examples.support"

local kommune = support.sandbox().organisations.kommune
local client = fiks.check(fiks.new(support.options("2018")))

local function show(batch, result)
  local titles = {}
  for _, melding in ipairs(batch) do
    titles[melding.id] = ("%-11s \"%s\""):format(melding.typeMetadata.type,
      melding.typeMetadata.tittel)
  end
  support.say("result", tostring(result))
  for _, id in ipairs(result.ok) do
    support.say("  ok", titles[id])
  end
  for _, list in ipairs { "failed", "reserved", "unknown" } do
    for _, entry in ipairs(result[list]) do
      support.say("  " .. list, "%s: %s%s", titles[entry.id], entry.code,
        entry.reason and ", " .. entry.reason or "")
    end
  end
end

-- Everything is well.
local batch = meldinger.for_person(kommune, "14021950123")
local result = fiks.check(client:meldingsboks():index(batch))
support.say("sent", "%d messages in %d batches, the case before what hangs under it", #batch,
  #result.batches)
show(batch, result)

-- One message fails at the platform, and one person has said no.
local other = meldinger.for_person(kommune, "05038812345")
support.konfigurasjon("POST", "/meldingsfeil", {
  meldingId = batch[2].id, feilmelding = "Indekseringen av meldingen feilet",
})
support.konfigurasjon("POST", "/reservasjoner", { eksponertFor = "05038812345" })
local mixed = { batch[1], batch[2], batch[4], other[1] }
show(mixed, fiks.check(client:meldingsboks():index(mixed)))
support.konfigurasjon("DELETE", "/meldingsfeil?meldingId=" .. batch[2].id)
support.konfigurasjon("DELETE", "/reservasjoner?eksponertFor=05038812345")

-- A mistake of ours: nothing is sent, and every problem is named.
batch[3].typeMetadata.avsender = nil
batch[4].eksponertFor = "123"
local _, err = client:meldingsboks():index(batch)
support.say("mistake", support.wrap(err))

client:close()
