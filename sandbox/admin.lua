--- What the modules of fiks-konfigurasjon share: the key check and the reading of bodies.
local core = require("fiks.core")
local problem = require("sandbox.problem")
local schema = require("sandbox.schema")
local settings = require("sandbox.settings")

local M = {}

M.BASE = "/fiks-konfigurasjon/api/v1"

--- Wraps a handler so that it runs only with the right Sandbox-Admin header.
function M.only(handler)
  return function(request)
    if request:header("Sandbox-Admin") ~= settings.get().admin_key then
      return problem.fiks(request, 401, "Sandbox-Admin mangler eller er feil")
    end
    return handler(request)
  end
end

--- The body, checked against a schema node, or nil and the 400.
function M.body(request, wanted)
  local value = request:json()
  if value == nil then
    return nil, problem.fiks(request, 400, "Kroppen er ikke lesbar JSON")
  end
  local faults = {}
  schema.walk(wanted, value, "", function(path, message)
    faults[#faults + 1] = path .. " " .. message
  end)
  if #faults > 0 then
    table.sort(faults)
    return nil, problem.fiks(request, 400, table.concat(faults, "; "))
  end
  for name, member in pairs(value) do
    if member == core.null then
      value[name] = nil
    end
  end
  return value
end

function M.ok(value, status)
  return { status = status or 200, json = value }
end

function M.list(rows)
  return { status = 200, json = core.array(rows) }
end

function M.not_found(request, what)
  return problem.fiks(request, 404, "Finner ikke " .. what)
end

return M
