--- Meldingsboks, the index contract of 2018 in its three published dialects: an answer per message.
local core = require("fiks.core")
local guard = require("sandbox.guard")
local meldinger = require("sandbox.meldinger")
local meldingsboks_schema = require("sandbox.meldingsboks_schema")
local problem = require("sandbox.problem")
local schema = require("sandbox.schema")
local store = require("sandbox.store")

local M = {}

local MAX_BATCH = 5000
local SERVICE = "meldingsboks"
-- One row space for all dialects: they were one service.
local CONTRACT = "meldingsboks-2018"

local names = {
  ["2018-a"] = {
    results = "results", failed = "failed", indexed = "indexed", code = "responseCode",
    message = "message", deleted = "deletedMessages", operation_failed = "operationFailed",
    deletions_failed = "deletionsFailed", failed_ids = "failedDeletionMessageId",
  },
  ["2018-b"] = {
    results = "resultat", failed = "feilet", indexed = "indeksert", code = "resultatKode",
    message = "resultatMelding", deleted = "antallSlettet", operation_failed = "feilet",
    deletions_failed = "slettingFeilet", failed_ids = "slettingFeiletMeldingId",
  },
}
names["2018-v1"] = names["2018-b"]

-- 2018-a and -b share one path. The integrasjon may say which it speaks, else the batch shows it.
local function dialect_of(integrasjon, batch)
  if integrasjon.meldingsboksDialekt then
    return integrasjon.meldingsboksDialekt
  end
  for index = 1, #batch do
    local metadata = type(batch[index]) == "table" and batch[index].typeMetadata
    if type(metadata) == "table" and metadata.forelder ~= nil then
      return "2018-b"
    end
  end
  return "2018-a"
end

-- Every fault of the batch as Valdieringsfeil (the platform's own spelling).
local function faults_of(batch, dialect)
  local faults = {}
  for index = 1, #batch do
    local message = batch[index]
    local id = type(message) == "table" and guard.is_uuid(message.id) and message.id or core.null
    schema.walk(meldingsboks_schema.dialects[dialect].message, message, "", function(path, text)
      faults[#faults + 1] = { meldingId = id, felt = path, feilmelding = text }
    end)
  end
  return core.array(faults)
end

local function check_privileges(request, integrasjon, batch)
  local seen = {}
  for index = 1, #batch do
    local organisation = batch[index].fiksOrganisasjon.id
    if not seen[organisation] then
      seen[organisation] = true
      local ok, refusal = guard.privilege(request, integrasjon, SERVICE, organisation)
      if not ok then
        return nil, refusal
      end
    end
  end
  return true
end

local function store_message(integrasjon, message, parent_name)
  local metadata = message.typeMetadata
  local parent = metadata[parent_name]
  meldinger.save({
    kontrakt = CONTRACT,
    integrasjon_id = integrasjon.integrasjonId,
    fiks_organisasjon_id = message.fiksOrganisasjon.id,
    id = message.id,
    type = metadata.type,
    eksponert_for = message.eksponertFor,
    enhet_id = message.enhet.id,
    forelder_id = parent and parent.id,
    korrelasjon_id = metadata.korrelasjonId,
    melding = message,
  })
end

-- Stores one message unless a test has ordered otherwise; answers its code and text.
local function index_one(integrasjon, message, parent_name, ordered)
  if ordered.failures[message.id] then
    return "FAILED", ordered.failures[message.id]
  elseif ordered.reserved[message.eksponertFor] then
    return "GDPR_RESERVED", "Mottakeren er reservert"
  end
  store_message(integrasjon, message, parent_name)
  return "OK", nil
end

local function index_batch(integrasjon, batch, dialect)
  local say, results = names[dialect], {}
  local parent_name = meldingsboks_schema.dialects[dialect].parent
  local ordered = { failures = meldinger.ordered_failures(), reserved = meldinger.reserved() }
  store.transaction(function()
    for index = 1, #batch do
      local code, text = index_one(integrasjon, batch[index], parent_name, ordered)
      results[index] = {
        id = batch[index].id,
        [say.indexed] = code == "OK",
        [say.code] = code,
        [say.message] = text,
      }
    end
  end)
  return { status = 200, json = { [say.results] = core.array(results), [say.failed] = false } }
end

local function index(path_dialect)
  return function(request)
    local integrasjon, refusal = guard.integrasjon(request)
    if not integrasjon then
      return refusal
    end
    local batch = request:json()
    if not schema.is_array(batch) then
      return problem.bare(400)
    elseif #batch > MAX_BATCH then
      return problem.bare(422)
    end
    local dialect = path_dialect or dialect_of(integrasjon, batch)
    local faults = faults_of(batch, dialect)
    if #faults > 0 then
      return { status = 400, json = faults }
    end
    local allowed
    allowed, refusal = check_privileges(request, integrasjon, batch)
    if not allowed then
      return refusal
    end
    return index_batch(integrasjon, batch, dialect)
  end
end

-- The filters of a deletion, or nil and the faults.
local function read_filters(request, integrasjon)
  local faults = {}
  local function fault(field, text)
    faults[#faults + 1] = { meldingId = core.null, felt = field, feilmelding = text }
  end
  local organisation = request:query_value("fiksOrganisasjonId")
  local id = request:query_value("meldingId")
  if not organisation then
    fault("fiksOrganisasjonId", "mangler")
  elseif not guard.is_uuid(organisation) then
    fault("fiksOrganisasjonId", "er ikke en gyldig UUID")
  end
  if request.query.meldingId ~= nil and not guard.is_uuid(id) then
    fault("meldingId", "er ikke en gyldig UUID")
  end
  if request.query.enhetId ~= nil and not request:query_value("enhetId") then
    fault("enhetId", "kan ikke være tom eller gjentatt")
  end
  if #faults > 0 then
    return nil, core.array(faults)
  end
  return { kontrakt = CONTRACT, integrasjon_id = integrasjon.integrasjonId,
    fiks_organisasjon_id = organisation, melding_id = id,
    enhet_id = request:query_value("enhetId") }
end

local function delete(dialect)
  return function(request)
    local integrasjon, refusal = guard.integrasjon(request)
    if not integrasjon then
      return refusal
    end
    local filters, faults = read_filters(request, integrasjon)
    if not filters then
      return { status = 400, json = faults }
    end
    local allowed
    allowed, refusal =
      guard.privilege(request, integrasjon, SERVICE, filters.fiks_organisasjon_id)
    if not allowed then
      return refusal
    end
    local count, failed = meldinger.delete(filters)
    local say = names[dialect]
    return { status = 200, json = {
      [say.deleted] = count,
      [say.operation_failed] = false,
      [say.deletions_failed] = #failed > 0,
      [say.failed_ids] = failed,
    } }
  end
end

-- Only a private person's own token may do this; the sandbox knows integrasjoner only.
local function delete_me(request)
  local integrasjon, refusal = guard.integrasjon(request)
  if not integrasjon then
    return refusal
  end
  return problem.fiks(request, 403, "En integrasjon kan ikke slette på vegne av en person")
end

--- Adds the calls of all dialects.
function M.routes(route)
  local old, v1 = "/meldingindexer/api", "/meldingindexer/api/v1"
  route("PUT", old .. "/indexRequest", index(nil))
  route("DELETE", old .. "/deleteRequest", delete("2018-a"))
  route("DELETE", old .. "/deleteMeRequest", delete_me)
  route("DELETE", old .. "/slett", delete("2018-b"))
  route("DELETE", old .. "/slettMeg", delete_me)
  route("PUT", v1 .. "/indexRequest", index("2018-v1"))
  route("DELETE", v1 .. "/slett", delete("2018-v1"))
  route("DELETE", v1 .. "/slettMeg", delete_me)
end

return M
