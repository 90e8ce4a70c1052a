-- Messages as a municipality indexes them (contract 2018, journalposter): nested objects, arrays of
-- documents, Norwegian text, times in milliseconds, amounts. The same on every run and runtime.

local M = {}

local FIRST = { "Åse", "Kåre", "Bjørg", "Øyvind", "Ærlend", "Solveig", "Jon", "Marit" }
local LAST = { "Ødegård", "Sæther", "Bråten", "Grønås", "Lie", "Hagen" }
local SUBJECT = { "Søknad om barnehageplass", "Vedtak om redusert foreldrebetaling",
  "Klage på eiendomsskatt", "Byggesøknad, Blåbærøya 17", "Innkalling til møte på rådhuset",
  "Svar på spørsmål om \"små\" avløp" }
local OFFICE = { "Barnehagekontoret", "Plan og bygg", "Økonomi", "Servicetorget i Værøy" }

local function pick(list, number)
  return list[number % #list + 1]
end

local function name(number)
  return pick(FIRST, number) .. " " .. pick(LAST, number * 7)
end

local function documents(number)
  local list = {}
  for i = 1, 1 + number % 2 do
    list[i] = {
      tittel = ("Vedlegg %d på sak %d"):format(i, number),
      filstorrelse = 20000 + number * 7 + i,
      variantformat = i == 1 and "ARKIV" or "PRODUKSJON",
      nedlastingLenke = ("https://dok.storevik.no/arkiv/%d/%d"):format(number, i),
    }
  end
  return list
end

--- The n-th message.
function M.message(n)
  return {
    id = ("5a000000-0000-4000-8000-%012x"):format(n),
    innloggingsniva = 4,
    eksponertFor = ("%02d816236%03d"):format(n % 28 + 1, n % 1000),
    fiksOrganisasjon = { id = "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01" },
    typeMetadata = {
      type = "journalpost",
      registreringsId = ("2018/%d-3"):format(n),
      tittel = pick(SUBJECT, n),
      journaldato = 1527140551605 + n * 1000,
      gebyr = n % 4 == 0 and n + 0.5 or nil,
      hast = n % 5 == 0,
      saksansvarlig = name(n),
      administrativEnhet = pick(OFFICE, n),
      forelder = { id = ("5a000000-0000-4000-8000-%012x"):format(n - n % 10) },
      dokumentbeskrivelser = documents(n),
    },
  }
end

--- The first `count` messages, in a list.
function M.list(count)
  local list = {}
  for n = 1, count do list[n] = M.message(n) end
  return list
end

return M
