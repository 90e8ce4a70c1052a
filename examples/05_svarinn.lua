-- SvarInn: two forsendelser wait. One is as it should be; in the other a file is not the one that
-- was sent: its SHA-256 differs from the list's.

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

client:close()
