--- A municipality's messages of one day, as the 2018 Meldingsboks takes them: a case, its letter,
--- the letter as it was sent by SvarUt, and the invoice. Parents carry the ids their children name.

local fiks = require "fiks"

local M = {}

-- 2018-05-24, 07:42 in Norway, as milliseconds since 1970.
local DATO = 1527140551605
local DAY = 24 * 60 * 60 * 1000

local function melding(organisasjon, person, typeMetadata)
  return {
    id = fiks.uuid(),
    innloggingsniva = 3,
    eksponertFor = person,
    fiksOrganisasjon = { id = organisasjon.fiks_organisasjon_id, visningsnavn = organisasjon.navn },
    enhet = { id = "byggesak", visningsnavn = "Byggesaksavdelingen på Øya" },
    typeMetadata = typeMetadata,
  }
end

--- The four messages for one person (eleven digits) or organisation (nine).
---@param organisasjon { fiks_organisasjon_id: string, navn: string }
---@param person string
---@return table[] messages sak, journalpost, forsendelse, faktura
function M.for_person(organisasjon, person)
  local sak = melding(organisasjon, person, {
    type = "sakmappe", mappeId = "2018/1207", tittel = "Søknad om påbygg, Ålesundveien 3",
    saksstatus = "UNDER_BEHANDLING", saksdato = DATO, saksansvarlig = "Bjørg Ås",
    administrativEnhet = "Byggesak", beskrivelse = "Påbygg i to etasjer mot sør",
  })
  local forelder = { id = sak.id, type = "sakmappe" }
  local journalpost = melding(organisasjon, person, {
    type = "journalpost", registreringsId = "2018/1207-3", tittel = "Foreløpig svar",
    beskrivelse = "Vi mangler en målsatt tegning", journaldato = DATO, forelder = forelder,
    dokumentbeskrivelser = { {
      tittel = "Foreløpig svar", filstorrelse = 52103, variantformat = "Arkivformat",
      nedlastingLenke = "https://sak.storevik.example/dokument/88213",
    } },
  })
  local forsendelse = melding(organisasjon, person, {
    type = "forsendelse", tittel = "Foreløpig svar", sendtDato = DATO, avsender = organisasjon.navn,
    mottaker = "Kari Nordmann", lest = false, forelder = forelder,
    dokumenter = { {
      tittel = "Foreløpig svar", size = 52103,
      nedlastingLenke = "https://svarut.ks.no/forsendelse/1",
    } },
  })
  local faktura = melding(organisasjon, person, {
    type = "faktura", tittel = "Gebyr for byggesak", fakturaDato = DATO,
    forfallDato = DATO + 14 * DAY, forelder = forelder, fakturaMottaker = "Kari Nordmann",
    betalesTil = "Kemneren i Storevik", belop = "12 450,50",
  })
  return { sak, journalpost, forsendelse, faktura }
end

return M
