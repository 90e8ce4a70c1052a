--- Deleting in Fiks Innsyn. See fiks.innsyn.

local Error = require "fiks.error"
local core = require "fiks.core"
local formats = require "fiks.schema.formats"
local schema = require "fiks.schema"
local shape = require "fiks.shapes.innsyn_delete"

local M = {}

M.OPTIONS = { "fiks_organisasjon_id", "ekstern_ref", "melding_id", "all" }

local PAGE = 1000
local FIELDS = {
  { "fiks_organisasjon_id", "fiksOrganisasjonId", formats.uuid },
  { "ekstern_ref", "eksternRef", function(value)
    return formats.pattern("navn", value)
  end },
  { "melding_id", "meldingId", formats.uuid },
}

local function invalid(message)
  return nil, Error.new { kind = "invalid", code = "argument", message = message }
end

-- The parameters, or nil and why not. An empty filter would mean "everything".
local function params_of(given, organisation)
  local params = {}
  for _, field in ipairs(FIELDS) do
    local name, wire_name, check = field[1], field[2], field[3]
    local value = given[name]
    if value == nil and name == "fiks_organisasjon_id" then
      value = organisation
    end
    if value ~= nil and type(value) ~= "string" then
      return invalid(("innsyn:slett: %s must be a string, not a %s"):format(name, type(value)))
    elseif value and not core.utf8_check(value) then
      return invalid(("innsyn:slett: %s is not UTF-8"):format(name))
    end
    local ok, why = true, nil
    if value then
      ok, why = check(value)
    end
    if not ok then
      return invalid(("innsyn:slett: %s %s"):format(name, why))
    end
    params[wire_name] = value
  end
  local filtered = params.eksternRef or params.meldingId
  if not params.fiksOrganisasjonId then
    return invalid("innsyn:slett needs fiks_organisasjon_id")
  elseif not filtered and given.all ~= true then
    return invalid("innsyn:slett without ekstern_ref or melding_id deletes every message that this "
      .. "integrasjon has indexed for the organisation: say all = true if that is meant")
  elseif filtered and given.all then
    return invalid("innsyn:slett takes all = true or a filter, not both")
  end
  return params
end

local function count_in(response)
  local answer, err = core.json_decode(response.body or "")
  if not err and type(answer) == "table" and type(answer.antallSlettet) == "number" then
    return answer.antallSlettet
  end
end

function M.slett(client, given)
  local params, err = params_of(given, client.fiks_organisasjon)
  if not params then
    return nil, err
  end
  local response, failure = client:_call("innsyn.slett", { params = params })
  if not response then
    return nil, failure
  end
  return { antall_slettet = count_in(response), complete = false }
end

local function with_organisation(item, organisation)
  if not organisation or type(item) ~= "table" or item.fiksOrgId ~= nil then
    return item
  end
  local copy = { fiksOrgId = organisation }
  for name, value in pairs(item) do
    copy[name] = value
  end
  return copy
end

local function validate(list, report, organisation)
  local n, why = schema.length(list)
  if not n then
    return invalid("innsyn:slett_by_melding_id: the list " .. why)
  end
  local sent = {}
  for i = 1, n do
    sent[i] = schema.check(report, shape, with_organisation(list[i], organisation), i)
  end
  if report.count > 0 then
    return nil, report:error(n)
  end
  return sent
end

-- Deletes one page and adds to the result.
local function delete_page(client, page, result)
  local body, err = core.json_encode({ meldinger = page })
  if not body then
    return nil, err
  end
  local response, failure = client:_call("innsyn.slett_by_melding_id", { body = body })
  if not response then
    return nil, failure
  end
  local count = count_in(response)
  if not count then
    return nil, Error.new {
      kind = "protocol", code = "answer", status = response.status, retryable = true,
      operation = "innsyn.slett_by_melding_id",
      message = "deleting was answered without antallSlettet: what was deleted is unknown; it may "
        .. "be sent again",
    }
  end
  result.antall_slettet = result.antall_slettet + count
  result.pages = result.pages + 1
  return true
end

function M.by_id(client, list, report)
  local sent, err = validate(list, report, client.fiks_organisasjon)
  if not sent then
    return nil, err
  end
  local result = { antall_slettet = 0, pages = 0, complete = false }
  for first = 1, #sent, PAGE do
    local page = core.array({})
    for i = first, math.min(first + PAGE - 1, #sent) do
      page[#page + 1] = sent[i]
    end
    local ok, failure = delete_page(client, page, result)
    if not ok then
      return nil, failure, result
    end
  end
  result.complete = true
  return result
end

return M
