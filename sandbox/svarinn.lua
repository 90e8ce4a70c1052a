--- SvarInn, receiving: Mottaksservice v1 (2018) and v2. HTTP Basic per mottakersystem.
local core = require("fiks.core")
local forsendelser = require("sandbox.forsendelser")
local guard = require("sandbox.guard")
local problem = require("sandbox.problem")
local schema = require("sandbox.schema")
local settings = require("sandbox.settings")

local M = {}

local failure = schema.object({ feilmelding = schema.text(), permanent = schema.boolean() }, true)

local status_update = schema.object({
  status = schema.enum("MOTTATT", "FEILET"),
  feil = schema.maybe(failure),
}, true, function(value, path, report)
  if value.status == "FEILET" and (value.feil == nil or value.feil == core.null) then
    report(path .. "feil", "mangler")
  end
end)

-- Wraps a handler of an authenticated receiver.
local function received(handler)
  return function(request)
    local system, refusal = guard.mottakersystem(request, forsendelser.find_mottakersystem)
    if not system then
      return refusal
    end
    return handler(request, system)
  end
end

-- Wraps a handler of one forsendelse of that receiver.
local function of_forsendelse(handler)
  return received(function(request, system)
    local row = forsendelser.find(system, request.params.id)
    if not row then
      return problem.fiks(request, 404, "Finner ikke forsendelsen")
    end
    return handler(request, row)
  end)
end

local function read(request, wanted)
  local value = request:json()
  if value == nil then
    return nil, problem.fiks(request, 400, "Kroppen er ikke lesbar JSON")
  end
  local first
  schema.walk(wanted, value, "", function(path, message)
    first = first or (path .. " " .. message)
  end)
  if first then
    return nil, problem.fiks(request, 400, first)
  end
  return value
end

local list_v1 = received(function(_, system)
  local list = forsendelser.waiting(system)
  for _, record in ipairs(list) do
    record.downloadUrl = settings.get().base_url .. "/tjenester/svarinn/forsendelse/" .. record.id
  end
  return { status = 200, json = core.array(list), content_type = "application/json; charset=utf-8" }
end)

local list_v2 = received(function(_, system)
  local list = forsendelser.waiting(system)
  for index, record in ipairs(list) do
    list[index] = forsendelser.as_v2(record)
  end
  return { status = 200, json = core.array(list), content_type = "application/json" }
end)

-- The headers describe what is inside the encryption, as the real service's do.
local download = of_forsendelse(function(_, row)
  forsendelser.count_download(row.id)
  local name = row.filnavn:gsub('[\\"]', "\\%0"):gsub("%c", "_")
  return {
    status = 200,
    file = row.fil,
    content_type = row.content_type,
    headers = { ["Content-Disposition"] = 'attachment; filename="' .. name .. '"' },
  }
end)

local function acknowledge(request, row)
  if row.status == "FEILET" then
    return problem.fiks(request, 404, "Forsendelsen er ikke lenger til mottak")
  end
  forsendelser.acknowledge(row.id)
  return problem.bare(200)
end

local function fail(request, row, wanted)
  if row.status ~= "KLAR" then
    return problem.fiks(request, 404, "Forsendelsen er ikke lenger til mottak")
  end
  forsendelser.fail(row.id, wanted.feilmelding, wanted.permanent)
  return problem.bare(200)
end

local fail_v1 = of_forsendelse(function(request, row)
  local wanted, refusal = read(request, failure)
  return wanted and fail(request, row, wanted) or refusal
end)

local status_v2 = of_forsendelse(function(request, row)
  local wanted, refusal = read(request, status_update)
  if not wanted then
    return refusal
  elseif wanted.status == "MOTTATT" then
    return acknowledge(request, row)
  end
  return fail(request, row, wanted.feil)
end)

--- Adds the calls of both versions.
function M.routes(route)
  local v1, v2 = "/tjenester/svarinn", "/api/svarinn/v2/forsendelser"
  route("GET", v1 .. "/mottaker/hentNyeForsendelser", list_v1)
  route("GET", v1 .. "/forsendelse/{id}", download)
  route("POST", v1 .. "/kvitterMottak/forsendelse/{id}", of_forsendelse(acknowledge))
  route("POST", v1 .. "/mottakFeilet/forsendelse/{id}", fail_v1)
  route("GET", v2, list_v2)
  route("GET", v2 .. "/{id}", download)
  route("PATCH", v2 .. "/{id}/status", status_v2)
end

return M
