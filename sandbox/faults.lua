--- Faults a test has ordered: the next calls to a path get another answer, a delay, or none at all.
--- Kept in memory; the sandbox runs one worker.
local M = {}

local faults = {}
local last_id = 0
local cleared = 0 -- how many times all were forgotten

--- Does a path fit? `wanted` ends in "*" for a prefix.
function M.path_fits(wanted, path)
  if wanted:sub(-1) == "*" then
    return path:sub(1, #wanted - 1) == wanted:sub(1, -2)
  end
  return path == wanted
end

local function fits(fault, request)
  if fault.metode and fault.metode ~= request.method then
    return false
  elseif not M.path_fits(fault.sti, request.path) then
    return false
  end
  for name, value in pairs(fault.kun or {}) do
    if request:header(name) ~= value then
      return false
    end
  end
  return true
end

--- Orders a fault; answers its id.
function M.add(fault)
  last_id = last_id + 1
  fault.id = last_id
  fault.antall = fault.antall or 1
  faults[#faults + 1] = fault
  return last_id
end

function M.all()
  return faults
end

function M.clear()
  faults = {}
  cleared = cleared + 1
end

--- Holds a request for the fault's delay, or until the faults are forgotten. `sleep` takes seconds.
function M.hold(fault, sleep)
  local left, at_start = fault.forsinkelseMs or 0, cleared
  while left > 0 and cleared == at_start do
    local step = math.min(left, 20)
    sleep(step / 1000)
    left = left - step
  end
end

--- The fault for this request, counted down, or nil.
function M.take(request)
  for index, fault in ipairs(faults) do
    if fits(fault, request) then
      if fault.hopp and fault.hopp > 0 then
        fault.hopp = fault.hopp - 1
        return nil
      end
      fault.antall = fault.antall - 1
      if fault.antall <= 0 then
        table.remove(faults, index)
      end
      return fault
    end
  end
  return nil
end

--- The answer a fault stands for, or nil when it is only a delay.
function M.answer(fault)
  if not fault.status then
    return nil
  end
  local headers = {}
  for name, value in pairs(fault.headere or {}) do
    headers[name] = value
  end
  if fault.retryAfter ~= nil then
    headers["Retry-After"] = tostring(fault.retryAfter)
  end
  return {
    status = fault.status,
    body = fault.kropp or "",
    content_type = fault.contentType,
    headers = headers,
  }
end

return M
