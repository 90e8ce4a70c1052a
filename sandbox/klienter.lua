--- The register of OAuth clients at the two issuers.
local core = require("fiks.core")
local store = require("sandbox.store")

local M = {}

local function decode(row)
  if not row then
    return nil
  end
  return assert(core.json_decode(row.innhold))
end

--- The client as registered, or nil.
function M.find(issuer, id)
  return decode(store.row("SELECT innhold FROM klient WHERE utsteder = ? AND klient_id = ?", issuer,
    id))
end

--- Stores a client; answers true when it replaced another.
function M.save(client)
  local replaced = M.find(client.utsteder, client.klientId) ~= nil
  store.run("INSERT OR REPLACE INTO klient VALUES (?, ?, ?, ?)", client.utsteder, client.klientId,
    client.organisasjonsnummer, assert(core.json_encode(client)))
  return replaced
end

--- Forgets a client; answers whether there was one.
function M.remove(issuer, id)
  return store.run("DELETE FROM klient WHERE utsteder = ? AND klient_id = ?", issuer, id) > 0
end

function M.all()
  local list = {}
  for index, row in ipairs(store.rows("SELECT innhold FROM klient ORDER BY utsteder, klient_id")) do
    list[index] = decode(row)
  end
  return list
end

return M
