--- The register of integrasjoner: who may call, with which password, and for what.
local core = require("fiks.core")
local store = require("sandbox.store")

local M = {}

local function hash(salt, password)
  return core.sha256(salt .. "\n" .. password)
end

--- Is this the password that was hashed?
function M.hash_matches(salt, expected, password)
  return hash(salt, password) == expected
end

--- A new password as { text, salt, hash }. Its marks are such as real ones have.
function M.new_password()
  local text = core.base64url(core.random(24)) .. "^(.)"
  local salt = core.base64url(core.random(12))
  return { text = text, salt = salt, hash = hash(salt, text) }
end

local function words(text)
  local list = {}
  for word in text:gmatch("%S+") do
    list[#list + 1] = word
  end
  return core.array(list)
end

local function from_row(row)
  if not row then
    return nil
  end
  return {
    integrasjonId = row.id,
    autorisertOrganisasjon = row.autorisert,
    navn = row.navn,
    beskrivelse = row.beskrivelse,
    tjenester = words(row.tjenester),
    fiksOrganisasjonId = row.eier,
    meldingsboksDialekt = row.dialekt,
    global = row.global == 1,
    status = row.status,
    salt = row.salt,
    passord_hash = row.passord_hash,
  }
end

function M.find(id)
  return from_row(store.row("SELECT * FROM integrasjon WHERE id = ?", id))
end

function M.all()
  local list = {}
  for index, row in ipairs(store.rows("SELECT * FROM integrasjon ORDER BY rowid")) do
    list[index] = from_row(row)
  end
  return list
end

--- Creates an integrasjon and answers it with its password in clear, this once.
function M.create(wanted)
  local password = M.new_password()
  local id = wanted.integrasjonId or core.uuid()
  store.run([[INSERT INTO integrasjon (id, autorisert, navn, beskrivelse, tjenester, eier, dialekt,
      salt, passord_hash, global) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]],
    id, wanted.autorisertOrganisasjon, wanted.navn, wanted.beskrivelse,
    table.concat(wanted.tjenester, " "), wanted.fiksOrganisasjonId, wanted.meldingsboksDialekt,
    password.salt, password.hash, wanted.global or false)
  return M.find(id), password.text
end

--- Gives an integrasjon a new password, answered in clear this once.
function M.regenerate(id)
  local password = M.new_password()
  store.run("UPDATE integrasjon SET salt = ?, passord_hash = ? WHERE id = ?",
    password.salt, password.hash, id)
  return password.text
end

function M.revoke(id)
  store.run("UPDATE integrasjon SET status = 'SPERRET' WHERE id = ?", id)
end

function M.remove(id)
  store.run("DELETE FROM privilegium WHERE integrasjon_id = ?", id)
  store.run("DELETE FROM integrasjon WHERE id = ?", id)
end

function M.password_matches(integrasjon, password)
  return M.hash_matches(integrasjon.salt, integrasjon.passord_hash, password)
end

function M.grant(id, service, resource)
  store.run("INSERT OR IGNORE INTO privilegium VALUES (?, ?, ?)", id, service, resource)
end

--- Takes a privilege away; answers how many there were.
function M.withdraw(id, service, resource)
  return store.run([[DELETE FROM privilegium WHERE integrasjon_id = ? AND tjeneste = ?
      AND ressurs = ?]], id, service, resource)
end

function M.has_privilege(integrasjon, service, resource)
  return store.row([[SELECT 1 AS ja FROM privilegium WHERE integrasjon_id = ? AND tjeneste = ?
      AND ressurs = ?]], integrasjon.integrasjonId, service, resource) ~= nil
end

--- The privileges as people see them: a fiks-organisasjon, or an account for Fiks IO.
function M.privileges(id)
  local list = {}
  for index, row in ipairs(store.rows("SELECT * FROM privilegium WHERE integrasjon_id = ?", id)) do
    local name = row.tjeneste == "fiks-io" and "kontoId" or "fiksOrganisasjonId"
    list[index] = { tjeneste = row.tjeneste, [name] = row.ressurs }
  end
  return core.array(list)
end

return M
