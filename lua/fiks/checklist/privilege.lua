--- What shows that an integrasjon has the privilege for a service, without leaving anything behind.
--
-- The platform has no call that lists privileges. Each probe is a call that the platform refuses
-- with 403 without the privilege, and that with it finds nothing to do, because it is about a
-- random id that nobody has:
--   innsyn, meldingsboks   the deletion, by its id, of one message
--   fiks-io                a message without content, from the account to one that is not there

local core = require "fiks.core"
local Error = require "fiks.error"

local M = {}

M.tjenester = { "innsyn", "meldingsboks", "fiks-io" }

--- The option of client:check that a service's privilege is about.
M.needs = {
  innsyn = "fiks_organisasjon", meldingsboks = "fiks_organisasjon", ["fiks-io"] = "konto",
}

local PROBE = {}

function PROBE.innsyn(client, given)
  local body = core.json_encode { meldinger = core.array {
    { fiksOrgId = given.fiks_organisasjon, meldingId = core.uuid(), meldingType = "mappe" },
  } }
  local answer, err = client:_call("innsyn.slett_by_melding_id", { body = body })
  if answer and type((core.json_decode(answer.body or ""))) ~= "table" then
    err = Error.new { kind = "protocol", code = "json", status = answer.status,
      message = "the answer is not JSON" }
  end
  return "innsyn of " .. given.fiks_organisasjon, err
end

function PROBE.meldingsboks(client, given)
  local _, err = client:meldingsboks():slett {
    fiks_organisasjon_id = given.fiks_organisasjon, melding_id = core.uuid(),
  }
  return "meldingsboks of " .. given.fiks_organisasjon, err
end

PROBE["fiks-io"] = function(client, given)
  local nobody = core.uuid()
  local _, err = client:fiksio({ konto = given.konto })
    :send { to = nobody, type = "no.ks.fiks.sjekk.v1" }
  if err and err.kind == "rejected" and err.platform
    and err.message:lower():find(nobody, 1, true) then
    err = nil -- refused for its receiver only
  end
  return "fiks-io of the account " .. given.konto, err
end

--- Whether the privilege is there.
---@param client fiks.Client
---@param given fiks.CheckOptions with tjeneste and what it needs
---@return string what the privilege is for
---@return fiks.Error? err kind "denied", from the platform: it is not there; else it could not be
---seen
function M.probe(client, given)
  local what, err = PROBE[given.tjeneste](client, given)
  if err and err.kind == "not_found" and err.platform then
    err = nil -- as it should be
  end
  return what, err
end

return M
