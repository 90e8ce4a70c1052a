-- SvarInn: two forsendelser wait. One is as it should be; in the other a file is not the one that
-- was sent: its SHA-256 differs from the list's. Then one more, taken by a handler, which writes to
-- a table in the very transaction that records that it is taken.

local fiks = require "fiks"
local support = require "examples.support"

local sandbox = support.sandbox()
local svarinn = sandbox.svarinn
local inn = support.folder("inn")

support.put_forsendelse("Klage på vedtak, gnr 12 bnr 7", {
  { filnavn = "klage på vedtak.txt", mimeType = "text/plain", data = "Jeg klager. Hilsen Øyvind" },
  { filnavn = "vedlegg.pdf", mimeType = "application/pdf", data = "%PDF-1.4 " .. ("x"):rep(70000) },
})
local bad_id = support.put_forsendelse("Nabovarsel", {
  { filnavn = "nabovarsel.pdf", mimeType = "application/pdf", data = "%PDF-1.4 endret",
    sha256 = ("0123456789abcdef"):rep(4) },
})

local client = fiks.check(fiks.new { environment = "sandbox" }) -- SvarInn needs no token
local mottak = fiks.check(client:svarinn {
  username = svarinn.brukernavn, password = svarinn.passord,
  keys = { { pem = svarinn.certificate_file, key = svarinn.key_file } },
})

local function receive(report_mismatch)
  for f, err in fiks.check(mottak:receive { into = inn, report_mismatch = report_mismatch }) do
    support.say(err and "refused" or "received", "%s \"%s\" from %s", f.id, f.tittel,
      f.avsender and f.avsender.navn)
    for _, file in ipairs(f.files) do
      support.say("  file", "%-20s %6d bytes  SHA-256 %s", file.name, file.size, file.verdict)
    end
    if err then
      support.say("  error", support.wrap(err))
      support.say("  reported", f.reported and "yes, not permanent" or "no")
    else
      support.say("  folder", f.folder)
      support.say("  acknowledged", tostring(f.acknowledged))
    end
  end
end

receive(false)
support.say("again", "now asked to report a wrong hash to SvarInn")
receive(true)

for _, item in ipairs(support.konfigurasjon("GET", "/mottakersystemer/"
  .. svarinn.mottakersystem_id .. "/forsendelser")) do
  support.say("SvarInn says", "%s %s%s", item.id, item.status,
    item.feil[1] and ": \"" .. item.feil[1].feilmelding .. "\"" or "")
end

-- An operator gives it up for good. Only ever on purpose: it goes on by Altinn or on paper.
fiks.check(mottak:fail(bad_id, { feilmelding = "Filen kan ikke leses", permanent = true }))
support.say("given up", "%s, permanent = true", bad_id)

-- What a service does: svarinn:run { every = 900, signals = true, ... } in place of receive.
local id = support.put_forsendelse("Søknad om skjenkebevilling", {
  { filnavn = "søknad.txt", mimeType = "text/plain", data = "Vi søker." },
})
local journal = inn .. "/journal.db"
local store = fiks.check(require("fiks.store").open { sqlite = journal })
fiks.check(store:batch { { "CREATE TABLE IF NOT EXISTS sak (id TEXT PRIMARY KEY, tittel TEXT)" } })
local summary = fiks.check(mottak:receive {
  journal = journal, -- the files lie beside it until SvarInn has been told
  handler = function(f, tx)
    tx:execute("INSERT INTO sak (id, tittel) VALUES ($1, $2)", f.id, f.tittel)
    return true -- taken; with false it comes again
  end,
})
local rows = fiks.check(store:batch { { "SELECT tittel FROM sak WHERE id = $1", id } })
store:close()
support.say("handler", "%d taken, %d acknowledged: \"%s\" is in the table", summary.received,
  summary.acknowledged, rows[1][1].tittel)
local status = fiks.check(mottak:status())
support.say("status", "%d acknowledged, %d parked, backlog %s", status.counts.acknowledged,
  status.counts.parked, tostring(status.backlog))

client:close()
