--- Fiks IO ("SvarInn 2"), the REST half: sending to an account, and the catalogue. Messages stay in
--- the sandbox, where the admin API shows them; there is no AMQP.
local core = require("fiks.core")
local guard = require("sandbox.guard")
local kontoer = require("sandbox.kontoer")
local multipart = require("sandbox.multipart")
local problem = require("sandbox.problem")
local schema = require("sandbox.schema")
local settings = require("sandbox.settings")
local store = require("sandbox.store")

local M = {}

local DEFAULT_TTL_MS = 7 * 24 * 3600 * 1000
local MIN_TTL_MS = 1000

local metadata_schema = schema.object({
  avsenderKontoId = schema.uuid(),
  mottakerKontoId = schema.uuid(),
  meldingType = schema.filled(),
  svarPaMelding = schema.maybe(schema.uuid()),
  ttl = schema.maybe(schema.int64()),
  headere = schema.maybe(schema.node(function(value, path, report)
    if not schema.is_object(value) then
      return report(path, "må være et objekt")
    end
    for name, text in pairs(value) do
      if type(text) ~= "string" then
        report(path .. "." .. tostring(name), "må være en tekst")
      end
    end
  end)),
}, true, function(value, path, report)
  if type(value.ttl) == "number" and value.ttl < MIN_TTL_MS then
    report(path .. "ttl", "må være minst 1000 ms")
  end
end)

-- metadata, data part or nil; or nil and what is wrong.
local function read_parts(request)
  local parts, reason = multipart.parse(request:header("Content-Type"), request:body())
  if not parts then
    return nil, reason
  end
  local first, second = parts[1], parts[2]
  if not first or first.name ~= "metadata" then
    return nil, "første del må være metadata"
  elseif (first.content_type or ""):lower():match("^[^;%s]*") ~= "application/json" then
    return nil, "metadata må være application/json"
  elseif #parts > 2 or (second and second.name ~= "data") then
    return nil, "andre del må være data, og den siste"
  elseif second and not second.filename then
    return nil, "data mangler filename"
  elseif second and #second.data == 0 then
    return nil, "data er tom"
  end
  local metadata = core.json_decode(first.data)
  if metadata == nil then
    return nil, "metadata er ikke lesbar JSON"
  end
  local fault
  schema.walk(metadata_schema, metadata, "", function(path, message)
    fault = fault or (path .. " " .. message)
  end)
  if fault then
    return nil, fault
  end
  return metadata, second
end

local function given(value)
  if value == core.null then
    return nil
  end
  return value
end

local function keep(metadata, data)
  local id, path = core.uuid(), nil
  if data then
    path = settings.get().directory .. "/state/payload/" .. id
    local file = assert(io.open(path, "wb"))
    file:write(data.data)
    file:close()
  end
  local ttl = tonumber(given(metadata.ttl)) or DEFAULT_TTL_MS
  local headers = given(metadata.headere) or {}
  store.run([[INSERT INTO fiksio_melding (id, type, avsender, mottaker, ttl, svar_pa, headere,
      filnavn, fil, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]], id, metadata.meldingType,
    metadata.avsenderKontoId, metadata.mottakerKontoId, ttl, given(metadata.svarPaMelding),
    assert(core.json_encode(headers)), data and data.filename, path, data and #data.data or 0)
  return {
    meldingId = id,
    meldingType = metadata.meldingType,
    avsenderKontoId = metadata.avsenderKontoId,
    mottakerKontoId = metadata.mottakerKontoId,
    ttl = ttl,
    dokumentlagerId = core.null,
    svarPaMelding = metadata.svarPaMelding or core.null,
    headere = headers,
  }
end

local function send(request)
  local integrasjon, refusal = guard.integrasjon(request)
  if not integrasjon then
    return refusal
  end
  local metadata, data = read_parts(request)
  if not metadata then
    return problem.fiks(request, 400, data)
  end
  local allowed
  allowed, refusal = guard.privilege(request, integrasjon, "fiks-io", metadata.avsenderKontoId)
  if not allowed then
    return refusal
  end
  local sender, receiver =
    kontoer.find(metadata.avsenderKontoId), kontoer.find(metadata.mottakerKontoId)
  if not receiver then
    return problem.fiks(request, 404, "Finner ikke konto " .. metadata.mottakerKontoId)
  elseif not sender or not sender.gyldigAvsender then
    return problem.fiks(request, 400, "Avsenderkontoen kan ikke sende")
  elseif not receiver.gyldigMottaker then
    return problem.fiks(request, 400, "Mottakerkontoen kan ikke motta")
  end
  return { status = 202, json = keep(metadata, data) }
end

-- Wraps a handler of one account for an authenticated integrasjon.
local function catalogue(handler)
  return function(request)
    local integrasjon, refusal = guard.integrasjon(request)
    if not integrasjon then
      return refusal
    end
    local konto = kontoer.find(request.params.id)
    if not konto then
      return problem.fiks(request, 404, "Finner ikke konto")
    end
    return { status = 200, json = handler(konto) }
  end
end

local function status_of(konto)
  local waiting = store.row("SELECT count(*) AS antall FROM fiksio_melding WHERE mottaker = ?",
    konto.kontoId)
  return {
    gyldigAvsender = konto.gyldigAvsender,
    gyldigMottaker = konto.gyldigMottaker,
    melding = konto.gyldigMottaker and "" or "Kontoen kan ikke motta",
    antallKonsumenter = 0,
    antallUavhentedeMeldinger = waiting.antall,
  }
end

local function described(konto)
  local owner = store.row("SELECT * FROM organisasjon WHERE fiks_organisasjon_id = ?",
    konto.fiksOrganisasjonId)
  return {
    fiksOrgId = konto.fiksOrganisasjonId,
    fiksOrgNavn = owner.navn,
    kontoId = konto.kontoId,
    kontoNavn = konto.navn,
    organisasjonsnummer = owner.organisasjonsnummer,
    kommunenummer = "9999",
    status = status_of(konto),
  }
end

local function iso(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)
end

-- Public: no token needed, since 2023-10.
local function public_key(request)
  local konto = kontoer.find(request.params.id)
  if not konto or not konto.sertifikat then
    return problem.fiks(request, 404, "Finner ikke offentlig nøkkel")
  end
  local certificate = core.certificate(konto.sertifikat)
  local now_s = core.now() / 1000
  local valid = certificate.not_before <= now_s and now_s < certificate.not_after
  return { status = 200, json = {
    nokkel = konto.sertifikat,
    validFrom = iso(certificate.not_before),
    validTo = iso(certificate.not_after),
    serial = certificate.serial,
    subjectDN = certificate.subject,
    issuerDN = certificate.issuer,
    valid = valid,
    statusMessage = valid and "" or "Sertifikatet er utløpt",
  } }
end

--- Adds the calls; /svarinn2 is the name of 2018.
function M.routes(route)
  route("POST", "/fiks-io/api/v1/send", send)
  route("POST", "/svarinn2/api/v1/send", send)
  local base = "/fiks-io/katalog/api/v1/kontoer/{id}"
  route("GET", base, catalogue(described))
  route("GET", base .. "/status", catalogue(status_of))
  route("GET", base .. "/offentligNokkel", public_key)
end

return M
