--- Small valid messages of every contract, to be changed by tests. Numbers of persons are synthetic
--- (month + 80), those of organisations begin with 2 or 3.

local M = {}

M.FIKS_ORG = "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01"
M.PERSON = "01816236955"

--- The n-th id.
function M.id(n)
  return ("5a000000-0000-4000-8000-%012x"):format(n)
end

local METADATA = {}

function METADATA.sakmappe()
  return {
    type = "sakmappe", mappeId = "2018/1042", tittel = "Søknad om barnehageplass",
    saksstatus = "UNDER_BEHANDLING", saksdato = 1514764800000, saksansvarlig = "Åse Ødegård",
    administrativEnhet = "Barnehagekontoret",
  }
end

function METADATA.journalpost()
  return {
    type = "journalpost", registreringsId = "2018/1042-3", tittel = "Vedtak",
    beskrivelse = "Utgående brev", journaldato = 1527140551605,
    forelder = { id = M.id(1), type = "sakmappe" },
    dokumentbeskrivelser = {
      {
        tittel = "Vedtak", filstorrelse = 29765, variantformat = "ARKIV",
        nedlastingLenke = "https://dokumenter.eksempel.no/a1",
      },
    },
  }
end

function METADATA.forsendelse()
  return {
    type = "forsendelse", tittel = "Innkalling", sendtDato = 1527140551605,
    avsender = "Storevik kommune", mottaker = "Kåre Syntetisk", lest = false,
    forelder = { id = M.id(1), type = "sakmappe" },
    dokumenter = {
      { tittel = "Innkalling.pdf", nedlastingLenke = "https://dokumenter.eksempel.no/b1" },
    },
  }
end

function METADATA.faktura()
  return {
    type = "faktura", tittel = "Parkeringsgebyr", fakturaDato = 1527140551605,
    forfallDato = 1529732551605, forelder = { id = M.id(1), type = "sakmappe" },
  }
end

--- A 2018 message (2018-v1).
function M.m2018(kind, n)
  return {
    id = M.id(n or 1), innloggingsniva = 4, eksponertFor = M.PERSON,
    fiksOrganisasjon = { id = M.FIKS_ORG, visningsnavn = "Storevik kommune" },
    enhet = { id = "BARN_OG_FAMILIE", visningsnavn = "Barn og familie" },
    typeMetadata = METADATA[kind](),
  }
end

local INNSYN = {
  FAKTURA_V1 = function()
    return {
      tittel = "Kommunale avgifter", fakturaDato = "2026-01-15", forfallDato = "2026-02-15",
      fakturaMottaker = "Kåre Syntetisk", betalesTil = "Storevik kommune", belop = 1032.5,
      status = "IKKE_BETALT",
    }
  end,
  MAPPE_V1 = function()
    return { type = "SAK", tittel = "Barnehagesøknad" }
  end,
  JOURNALPOST_V1 = function()
    return { tittel = "Vedtak", forelder = { meldingId = M.id(1), type = "mappe" } }
  end,
  BARNEVERN_JOURNALPOST_V1 = function()
    return { tittel = "Plan", forelderMeldingId = M.id(1) }
  end,
}

--- An Innsyn v2 message.
function M.v2(versjon, n)
  return {
    meldingId = M.id(n or 1), sikkerhetsniva = 4,
    eksponertFor = { identifikatorType = "FODSELSNUMMER", verdi = M.PERSON },
    fiksOrganisasjonId = M.FIKS_ORG, versjon = versjon, meldingMetadata = INNSYN[versjon](),
  }
end

--- An Innsyn v1 message.
function M.v1(n)
  return {
    meldingId = M.id(n or 1), sikkerhetsniva = 4,
    eksponertFor = { identifikatorType = "FODSELSNUMMER", verdi = M.PERSON },
    fiksOrganisasjonId = M.FIKS_ORG,
    meldingMetadata = {
      versjon = "forsendelseV1", tittel = "Varsel", sendtDato = 1656417600000,
      avsender = "Storevik kommune", mottaker = "Kåre Syntetisk", lest = false,
      dokumenter = { { tittel = "Varsel", nedlastingLenke = "https://dokumenter.eksempel.no/j" } },
    },
  }
end

return M
