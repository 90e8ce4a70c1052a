--- The index behind Meldingsboks and Innsyn: what was stored, by whom, and what tests have
--- ordered to go wrong.
local core = require("fiks.core")
local store = require("sandbox.store")

local M = {}

--- The persons and organisations that are reserved, as a set.
function M.reserved()
  local set = {}
  for _, row in ipairs(store.rows("SELECT eksponert_for FROM reservasjon")) do
    set[row.eksponert_for] = true
  end
  return set
end

--- The messages that must fail, and with which text, by id.
function M.ordered_failures()
  local texts = {}
  for _, row in ipairs(store.rows("SELECT melding_id, feilmelding FROM meldingsfeil")) do
    texts[row.melding_id] = row.feilmelding
  end
  return texts
end

local function text_or_nil(value)
  return type(value) == "string" and value or nil
end

--- Stores one message (fields: kontrakt, integrasjon_id, fiks_organisasjon_id, id, type,
--- eksponert_for, enhet_id, ekstern_ref, forelder_id, korrelasjon_id, melding, metadata). True when
--- it was new.
function M.save(entry)
  local exists = store.row([[SELECT nr FROM melding WHERE kontrakt = ? AND integrasjon_id = ?
      AND fiks_organisasjon_id = ? AND melding_id = ?]], entry.kontrakt, entry.integrasjon_id,
    entry.fiks_organisasjon_id, entry.id)
  store.run([[INSERT OR REPLACE INTO melding (nr, kontrakt, integrasjon_id, fiks_organisasjon_id,
      melding_id, type, eksponert_for, enhet_id, ekstern_ref, forelder_id, korrelasjon_id, melding,
      metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]],
    exists and exists.nr or nil, entry.kontrakt, entry.integrasjon_id, entry.fiks_organisasjon_id,
    entry.id, entry.type, text_or_nil(entry.eksponert_for), entry.enhet_id,
    text_or_nil(entry.ekstern_ref), text_or_nil(entry.forelder_id),
    text_or_nil(entry.korrelasjon_id), assert(core.json_encode(entry.melding)),
    entry.metadata and assert(core.json_encode(entry.metadata)) or nil)
  return exists == nil
end

-- " AND column = ?" for every filter that is set, with the values.
local function conditions(filters)
  local text, values = {}, {}
  for _, column in ipairs({ "kontrakt", "integrasjon_id", "fiks_organisasjon_id", "melding_id",
    "enhet_id", "ekstern_ref", "type" }) do
    if filters[column] then
      text[#text + 1] = column .. " = ?"
      values[#values + 1] = filters[column]
    end
  end
  return #text > 0 and " WHERE " .. table.concat(text, " AND ") or "", values
end

--- The messages that fit all filters (by column name), in the order of indexing.
function M.find(filters)
  local where, values = conditions(filters)
  local list = {}
  for index, row in ipairs(store.rows("SELECT * FROM melding" .. where .. " ORDER BY nr",
    unpack(values))) do
    list[index] = {
      kontrakt = row.kontrakt,
      meldingId = row.melding_id,
      type = row.type,
      eksponertFor = row.eksponert_for,
      fiksOrganisasjonId = row.fiks_organisasjon_id,
      integrasjonId = row.integrasjon_id,
      enhetId = row.enhet_id,
      eksternRef = row.ekstern_ref,
      forelderId = row.forelder_id,
      korrelasjonId = row.korrelasjon_id,
      melding = core.json_decode(row.melding),
      metadata = row.metadata and core.json_decode(row.metadata) or nil,
    }
  end
  return list
end

--- Deletes what fits all filters, but nothing a test has ordered to fail. Answers how many went,
--- and the ids that could not be deleted.
function M.delete(filters)
  local where, values = conditions(filters)
  local failed = {}
  for index, row in ipairs(store.rows("SELECT melding_id FROM melding" .. where
    .. " AND melding_id IN (SELECT melding_id FROM meldingsfeil)", unpack(values))) do
    failed[index] = row.melding_id
  end
  local count = store.run("DELETE FROM melding" .. where
    .. " AND melding_id NOT IN (SELECT melding_id FROM meldingsfeil)", unpack(values))
  return count, core.array(failed)
end

return M
