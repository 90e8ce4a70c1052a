--- Innsyn index, v2 and v1: counts for a good batch, one refusal for the whole of a bad one.
local core = require("fiks.core")
local barnevern = require("sandbox.innsyn_v2_barnevern")
local guard = require("sandbox.guard")
local integrasjoner = require("sandbox.integrasjoner")
local meldinger = require("sandbox.meldinger")
local problem = require("sandbox.problem")
local schema = require("sandbox.schema")
local store = require("sandbox.store")
local v1 = require("sandbox.innsyn_v1_schema")
local v2 = require("sandbox.innsyn_v2_schema")

local M = {}

local MAX_BATCH = 5000
local MAX_DELETIONS = 1000
local SERVICE = "innsyn"
-- One index behind both versions of the interface.
local CONTRACT = "innsyn"

local deletion_schema = schema.object({
  meldinger = schema.array(schema.object({
    fiksOrgId = schema.uuid(),
    meldingId = schema.uuid(),
    meldingType = schema.enum("faktura", "mappe", "journalpost", "barnevernmappe",
      "barnevernjournalpost", "byggesak", "innsendtskjema", "skjemakladd", "matrikkelenhet",
      "kommunaltjeneste", "forsendelse"),
  }, true), 1, MAX_DELETIONS),
}, true)

-- Strict standard Base64 of a JSON object, or nil.
local function decode_metadata(text)
  if #text % 4 ~= 0 or text:find("[^%w+/=]") then
    return nil
  end
  local json = core.unbase64(text)
  local value = json and core.json_decode(json)
  return schema.is_object(value) and value or nil
end

-- Checks one v2 message; answers its decoded metadata when there is any.
local function check_v2(message, report)
  schema.walk(v2.message, message, "", report)
  if not schema.is_object(message) or type(message.versjon) ~= "string"
    or type(message.meldingMetadata) ~= "string" then
    return nil
  end
  local wanted = v2.versions[message.versjon] or barnevern.versions[message.versjon]
  if not wanted then
    report("versjon", "er ikke en versjon som kan indekseres")
    return nil
  end
  local metadata = decode_metadata(message.meldingMetadata)
  if not metadata then
    report("meldingMetadata", "er ikke Base64 av et JSON-objekt")
    return nil
  end
  schema.walk(wanted, metadata, "meldingMetadata", report)
  return metadata
end

local function check_v1(message, report)
  schema.walk(v1.message, message, "", report)
  return schema.is_object(message) and message.meldingMetadata or nil
end

-- Every fault of the batch, what a test has ordered included, and the metadata by place.
local function check_batch(batch, check)
  local faults, metadata = {}, {}
  local ordered = meldinger.ordered_failures()
  for index = 1, #batch do
    local message = batch[index]
    local id = schema.is_object(message) and message.meldingId or core.null
    local function report(path, text)
      faults[#faults + 1] = { meldingId = type(id) == "string" and id or core.null, felt = path,
        feilmelding = text }
    end
    metadata[index] = check(message, report)
    if ordered[id] then
      report("meldingMetadata", ordered[id])
    end
  end
  return faults, metadata
end

local function refuse_batch(request, faults)
  local first = faults[1]
  local message = string.format("%d feil i meldingene, den første: melding %s, %s %s", #faults,
    tostring(first.meldingId ~= core.null and first.meldingId or "uten id"), first.felt,
    first.feilmelding)
  return problem.fiks(request, 400, message, "INNSYN.UGYLDIG_MELDING",
    { valideringsfeil = core.array(faults) })
end

local function check_privileges(request, integrasjon, batch)
  for index = 1, #batch do
    local organisation = batch[index].fiksOrganisasjonId
    if not integrasjoner.has_privilege(integrasjon, SERVICE, organisation) then
      return problem.fiks(request, 403, string.format(
        "Integrasjon %s er ikke autorisert for å indeksere for organisasjon %s",
        integrasjon.integrasjonId, organisation),
        "INNSYN.INTEGRASJON_IKKE_AUTORISERT_FOR_INDEX",
        { integrasjonId = integrasjon.integrasjonId, fiksOrgId = organisation })
    end
  end
  return nil
end

local function store_message(integrasjon, message, metadata)
  local parent = metadata.forelder
  return meldinger.save({
    kontrakt = CONTRACT,
    integrasjon_id = integrasjon.integrasjonId,
    fiks_organisasjon_id = message.fiksOrganisasjonId,
    id = message.meldingId,
    type = message.versjon or metadata.versjon,
    eksponert_for = message.eksponertFor.verdi,
    ekstern_ref = message.eksternRef,
    forelder_id = type(parent) == "table" and parent.meldingId or metadata.forelderMeldingId,
    korrelasjon_id = metadata.korrelasjonId,
    melding = message,
    metadata = metadata,
  })
end

local function index_batch(integrasjon, batch, metadata)
  local created, updated, without = 0, 0, {}
  local reserved = meldinger.reserved()
  store.transaction(function()
    for index = 1, #batch do
      local message = batch[index]
      if reserved[message.eksponertFor.verdi or false] then
        without[#without + 1] = message.meldingId
      elseif store_message(integrasjon, message, metadata[index]) then
        created = created + 1
      else
        updated = updated + 1
      end
    end
  end)
  return { status = 200, json = {
    opprettet = created,
    oppdatert = updated,
    manglerSamtykke = #without,
    meldingerUtenSamtykke = core.array(without),
  } }
end

local function batch_v2(body)
  return schema.is_object(body) and body.meldinger or nil
end

local function batch_v1(body)
  return body
end

local function index(batch_of, check)
  return function(request)
    local integrasjon, refusal = guard.integrasjon(request)
    if not integrasjon then
      return refusal
    end
    local batch = batch_of(request:json())
    if not schema.is_array(batch) then
      return problem.bare(400)
    elseif #batch > MAX_BATCH then
      return problem.bare(422)
    elseif #batch == 0 then
      return problem.fiks(request, 400, "Minst én melding må være med")
    end
    local faults, metadata = check_batch(batch, check)
    if #faults > 0 then
      return refuse_batch(request, faults)
    end
    refusal = check_privileges(request, integrasjon, batch)
    return refusal or index_batch(integrasjon, batch, metadata)
  end
end

local function delete(request)
  local integrasjon, refusal = guard.integrasjon(request)
  if not integrasjon then
    return refusal
  end
  local organisation = request:query_value("fiksOrganisasjonId")
  local id, reference = request:query_value("meldingId"), request:query_value("eksternRef")
  if not guard.is_uuid(organisation) then
    return problem.fiks(request, 400, "fiksOrganisasjonId mangler eller er ikke en UUID")
  elseif request.query.meldingId ~= nil and not guard.is_uuid(id) then
    return problem.fiks(request, 400, "meldingId er ikke en UUID")
  elseif request.query.eksternRef ~= nil and not reference then
    return problem.fiks(request, 400, "eksternRef kan ikke være tom eller gjentatt")
  end
  local allowed
  allowed, refusal = guard.privilege(request, integrasjon, SERVICE, organisation)
  if not allowed then
    return refusal
  end
  local count = meldinger.delete({ kontrakt = CONTRACT, integrasjon_id = integrasjon.integrasjonId,
    fiks_organisasjon_id = organisation, melding_id = id, ekstern_ref = reference })
  return { status = 202, json = { antallSlettet = count } }
end

-- The stored versions a meldingType stands for: FAKTURA_V1 and fakturaV1 are both "faktura".
local function is_type(stored, wanted)
  return stored:lower():gsub("_", ""):gsub("v%d+$", "") == wanted
end

local function delete_one(integrasjon, item)
  local filters = { kontrakt = CONTRACT, integrasjon_id = integrasjon.integrasjonId,
    fiks_organisasjon_id = item.fiksOrgId, melding_id = item.meldingId }
  local found = meldinger.find(filters)[1]
  if not found or not is_type(found.type, item.meldingType) then
    return 0
  end
  return (meldinger.delete(filters))
end

local function delete_by_id(request)
  local integrasjon, refusal = guard.integrasjon(request)
  if not integrasjon then
    return refusal
  end
  local body = request:json()
  if body == nil then
    return problem.bare(400)
  end
  local first
  schema.walk(deletion_schema, body, "", function(path, text)
    first = first or (path .. " " .. text)
  end)
  if first then
    return problem.fiks(request, 400, first)
  end
  for _, item in ipairs(body.meldinger) do
    local allowed
    allowed, refusal = guard.privilege(request, integrasjon, SERVICE, item.fiksOrgId)
    if not allowed then
      return refusal
    end
  end
  local count = 0
  store.transaction(function()
    for _, item in ipairs(body.meldinger) do
      count = count + delete_one(integrasjon, item)
    end
  end)
  return { status = 200, json = { antallSlettet = count } }
end

--- Adds the calls.
function M.routes(route)
  route("PUT", "/innsyn-index/api/v1/indexRequest", index(batch_v1, check_v1))
  route("PUT", "/innsyn-index/api/v2/indexRequest", index(batch_v2, check_v2))
  route("DELETE", "/innsyn-index/api/v1/delete/slett", delete)
  route("POST", "/innsyn-index/api/v1/delete/slettByMeldingId", delete_by_id)
end

return M
