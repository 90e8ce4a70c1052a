--- Helpers for tests and the demo: what to put in, what to let go wrong, what came of it.
local core = require("fiks.core")
local admin = require("sandbox.admin")
local faults = require("sandbox.faults")
local forsendelser = require("sandbox.forsendelser")
local meldinger = require("sandbox.meldinger")
local problem = require("sandbox.problem")
local schema = require("sandbox.schema")
local store = require("sandbox.store")

local M = {}

local MAX_CALLS_SHOWN = 1000

local anything = schema.maybe(schema.object({}, true))
local text = schema.maybe(schema.text())

local fil = schema.object({
  filnavn = schema.nonempty(),
  mimeType = schema.nonempty(),
  innhold = schema.text(),
  sha256 = text,
  storrelse = schema.maybe(schema.int64()),
  dokumentType = text,
})

local forsendelse_schema = schema.object({
  tittel = schema.text(),
  filer = schema.array(fil, 1),
  niva = schema.maybe(schema.enum("3", "4")),
  pakking = schema.maybe(schema.enum("zip", "enkeltfil")),
  dato = schema.maybe(schema.int64()),
  avsender = anything,
  mottaker = anything,
  svarSendesTil = anything,
  metadataFraAvleverendeSystem = anything,
  metadataForImport = anything,
  lenker = schema.maybe(schema.array(schema.object({}, true))),
  forsendelseType = text,
  eksternRef = text,
  avgivendeSystem = text,
  svarPaForsendelse = text,
  taushetsbelagtPost = schema.maybe(schema.boolean()),
  payload = text,
  antall = schema.maybe(schema.int32(1, 1000)),
})

local fault_schema = schema.object({
  sti = schema.pattern("^/"),
  metode = text,
  antall = schema.maybe(schema.int32(1)),
  hopp = schema.maybe(schema.int32(0)),
  status = schema.maybe(schema.int32(200, 599)),
  retryAfter = schema.maybe(schema.node(function(value, path, report)
    if type(value) ~= "string" and type(value) ~= "number" then
      report(path, "må være en tekst eller et tall")
    end
  end)),
  forsinkelseMs = schema.maybe(schema.int32(0)),
  kropp = text,
  contentType = text,
  headere = anything,
  kutt = schema.maybe(schema.boolean()),
  etterUtforelse = schema.maybe(schema.boolean()),
  kun = anything,
})

-- Wraps a handler of one mottakersystem.
local function of_system(handler)
  return function(request)
    local system = forsendelser.mottakersystem_by_id(request.params.id)
    if not system then
      return admin.not_found(request, "mottakersystemet")
    end
    return handler(request, system)
  end
end

local post_forsendelse = of_system(function(request, system)
  local wanted, refusal = admin.body(request, forsendelse_schema)
  if not wanted then
    return refusal
  end
  local ids, reason = forsendelser.put(system, wanted)
  if not ids then
    return problem.fiks(request, 400, reason)
  end
  return admin.ok({ id = ids[1], ider = ids }, 201)
end)

local get_forsendelser = of_system(function(_, system)
  return admin.list(forsendelser.overview(system))
end)

local function post_reservasjon(request)
  local wanted, refusal = admin.body(request, schema.object({ eksponertFor = schema.nonempty() }))
  if not wanted then
    return refusal
  end
  store.run("INSERT OR IGNORE INTO reservasjon VALUES (?)", wanted.eksponertFor)
  return admin.ok(wanted, 201)
end

local function delete_reservasjon(request)
  local count = store.run("DELETE FROM reservasjon WHERE eksponert_for = ?",
    request:query_value("eksponertFor"))
  return admin.ok({ antall = count })
end

local function post_meldingsfeil(request)
  local wanted, refusal = admin.body(request,
    schema.object({ meldingId = schema.uuid(), feilmelding = text }))
  if not wanted then
    return refusal
  end
  wanted.feilmelding = wanted.feilmelding or "Feil ved indeksering"
  store.run("INSERT OR REPLACE INTO meldingsfeil VALUES (?, ?)", wanted.meldingId,
    wanted.feilmelding)
  return admin.ok(wanted, 201)
end

local function delete_meldingsfeil(request)
  local count = store.run("DELETE FROM meldingsfeil WHERE melding_id = ?",
    request:query_value("meldingId"))
  return admin.ok({ antall = count })
end

local function post_fault(request)
  local wanted, refusal = admin.body(request, fault_schema)
  if not wanted then
    return refusal
  elseif not (wanted.status or wanted.kutt or wanted.forsinkelseMs) then
    return problem.fiks(request, 400, "status, kutt eller forsinkelseMs må være satt")
  end
  return admin.ok({ id = faults.add(wanted) }, 201)
end

local function get_faults()
  return admin.list(faults.all())
end

local function delete_faults()
  faults.clear()
  return problem.bare(204)
end

local function get_meldinger(request)
  return admin.list(meldinger.find({
    fiks_organisasjon_id = request:query_value("fiksOrganisasjonId"),
    integrasjon_id = request:query_value("integrasjonId"),
    melding_id = request:query_value("meldingId"),
  }))
end

local function get_fiksio(request)
  local konto = request:query_value("kontoId")
  local list = {}
  for index, row in ipairs(store.rows([[SELECT * FROM fiksio_melding
      WHERE mottaker = coalesce(?, mottaker) ORDER BY nr]], konto)) do
    list[index] = {
      meldingId = row.id,
      meldingType = row.type,
      avsenderKontoId = row.avsender,
      mottakerKontoId = row.mottaker,
      ttl = row.ttl,
      svarPaMelding = row.svar_pa,
      headere = core.json_decode(row.headere),
      dataBytes = row.bytes,
      filnavn = row.filnavn,
    }
  end
  return admin.list(list)
end

local function get_fiksio_data(request)
  local row = store.row("SELECT fil FROM fiksio_melding WHERE id = ?", request.params.id)
  if not row or not row.fil then
    return admin.not_found(request, "data")
  end
  return { status = 200, file = row.fil, content_type = "application/octet-stream" }
end

local function get_calls(request)
  local path, list = request:query_value("sti"), {}
  for _, row in ipairs(store.rows("SELECT * FROM kall WHERE id > ? ORDER BY id",
    tonumber(request:query_value("etter")) or 0)) do
    if #list < MAX_CALLS_SHOWN and (not path or faults.path_fits(path, row.sti)) then
      list[#list + 1] = {
        id = row.id,
        metode = row.metode,
        sti = row.sti,
        status = row.status,
        integrasjonId = row.integrasjon_id,
        contentType = row.content_type,
        bytes = row.bytes,
      }
    end
  end
  return admin.list(list)
end

--- Adds the calls.
function M.routes(route)
  local function add(method, path, handler)
    route(method, admin.BASE .. path, admin.only(handler))
  end
  add("POST", "/mottakersystemer/{id}/forsendelser", post_forsendelse)
  add("GET", "/mottakersystemer/{id}/forsendelser", get_forsendelser)
  add("POST", "/reservasjoner", post_reservasjon)
  add("DELETE", "/reservasjoner", delete_reservasjon)
  add("POST", "/meldingsfeil", post_meldingsfeil)
  add("DELETE", "/meldingsfeil", delete_meldingsfeil)
  add("POST", "/feil", post_fault)
  add("GET", "/feil", get_faults)
  add("DELETE", "/feil", delete_faults)
  add("GET", "/meldinger", get_meldinger)
  add("GET", "/fiksio/meldinger", get_fiksio)
  add("GET", "/fiksio/meldinger/{id}/data", get_fiksio_data)
  add("GET", "/kall", get_calls)
end

return M
