--- The body of Innsyn's slettByMeldingId. Source: the published innsyn delete API v1. Data:
--- fiks.schema reads it.

local T = require "fiks.shapes.types"

return {
  kind = "object",
  closed = true,
  id = "meldingId",
  fields = {
    { "fiksOrgId!", T.uuid },
    { "meldingId!", T.uuid },
    { "meldingType!", T.enum {
      "faktura", "mappe", "journalpost", "barnevernmappe", "barnevernjournalpost", "byggesak",
      "innsendtskjema", "skjemakladd", "matrikkelenhet", "kommunaltjeneste", "forsendelse",
    } },
  },
}
