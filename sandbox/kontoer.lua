--- Fiks IO accounts and their public keys.
local core = require("fiks.core")
local store = require("sandbox.store")

local M = {}

local function from_row(row)
  if not row then
    return nil
  end
  return {
    kontoId = row.id,
    fiksOrganisasjonId = row.fiks_organisasjon_id,
    navn = row.navn,
    sertifikat = row.sertifikat,
    gyldigAvsender = row.gyldig_avsender == 1,
    gyldigMottaker = row.gyldig_mottaker == 1,
  }
end

function M.find(id)
  return from_row(store.row("SELECT * FROM konto WHERE id = ?", id))
end

local function unless_false(value)
  return value == nil or value
end

--- Makes an account; answers it with its id.
function M.create(wanted)
  local id = wanted.kontoId or core.uuid()
  store.run("INSERT INTO konto VALUES (?, ?, ?, ?, ?, ?)", id, wanted.fiksOrganisasjonId,
    wanted.navn, wanted.sertifikat, unless_false(wanted.gyldigAvsender),
    unless_false(wanted.gyldigMottaker))
  return M.find(id)
end

return M
