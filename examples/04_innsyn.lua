-- Fiks Innsyn, today's contract: the same messages, converted. The answer counts, and names those
-- without consent; or the whole batch is refused.

local convert = require "fiks.convert"
local fiks = require "fiks"
local meldinger = require "examples.meldinger"
local support = require "examples.support"

local kommune = support.sandbox().organisations.kommune
local client = fiks.check(fiks.new(support.options("current")))
local innsyn = client:innsyn()

-- What v2 requires and 2018 did not have, you supply.
local function supplied(melding)
  if melding.typeMetadata.type == "faktura" then
    return { status = "IKKE_BETALT" }
  elseif melding.typeMetadata.type == "journalpost" then
    return { dokumenter = { { filnavn = "svar.pdf", mimeType = "application/pdf" } } }
  end
end

local old = meldinger.for_person(kommune, "14021950123")
local converted = convert.all(old, supplied)
for _, melding in ipairs(converted.meldinger) do
  support.say("converted", "%-15s %s", melding.versjon, melding.meldingId)
end
for _, failed in ipairs(converted.failed) do
  support.say("not", support.wrap(failed.id .. ": " .. failed.err.message))
end

local result = fiks.check(innsyn:index(converted.meldinger))
support.say("result", tostring(result))
for _, batch in ipairs(result.batches) do
  support.say("  batch", "%d messages: %d new, %d updated, %d ms", batch.size, batch.opprettet,
    batch.oppdatert, batch.elapsed_ms)
end

-- One person has not consented: that message is named, the others are stored.
support.konfigurasjon("POST", "/reservasjoner", { eksponertFor = "05038812345" })
local reserved = convert.all(meldinger.for_person(kommune, "05038812345"), supplied).meldinger[1]
result = fiks.check(innsyn:index { converted.meldinger[1], reserved })
support.say("result", tostring(result))
support.say("  reserved", "%s: %s", result.reserved[1].id, result.reserved[1].reason)
support.konfigurasjon("DELETE", "/reservasjoner?eksponertFor=05038812345")

-- The platform finds a fault that we did not: the whole batch is refused, with the offending ids.
-- (The sandbox is told which, since our own check catches what the sandbox's does.)
local batch = convert.all(meldinger.for_person(kommune, "14021950123"), supplied).meldinger
fiks.check(innsyn:index { batch[1] })
support.konfigurasjon("POST", "/meldingsfeil", {
  meldingId = batch[3].meldingId, feilmelding = "kid har feil kontrollsiffer",
})
local _, err, refused = innsyn:index { batch[2], batch[3] }
support.say("refused", support.wrap(err))
for _, entry in ipairs(refused.failed) do
  local there = support.konfigurasjon("GET", "/meldinger?meldingId=" .. entry.id)
  support.say("  " .. entry.code, support.wrap(("%s, %s: %s"):format(entry.id,
    #there == 0 and "not stored" or "stored", entry.reason)))
end
support.konfigurasjon("DELETE", "/meldingsfeil?meldingId=" .. batch[3].meldingId)

client:close()
