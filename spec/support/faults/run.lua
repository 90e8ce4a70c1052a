--- Runs every row of the fault table, among the servers that world.sh has started, and writes what
--- came of each: a line of JSON. Rows are run beside each other, but for those that share a server
--- which knows one connection at a time: what is wrong with one must not be felt by another.
-- usage: run.lua FOLDER

local calls = require "spec.support.faults.calls"
local core = require "fiks.core"
local fiks = require "fiks"
local world = require "spec.support.faults.world"

local AT_ONCE = 12
local folder = ...

local function read(name)
  local file = assert(io.open(folder .. "/" .. name))
  local text = file:read("*a")
  file:close()
  return text
end

local rows = assert(core.json_decode(read("rows.json")))
local endpoint = ("http://127.0.0.1:%d"):format(core.json_decode(read("endpoint.json")).port)

local function client_of(row)
  local base = row.at .. ((row.stub and row.call ~= "get") and row.path or "")
  local options = {
    environment = { api = row.at, svarut = base, issuer = row.at .. "/", token_endpoint = base },
    ca_file = folder .. "/ca.pem", allow_loopback_http = true, timeouts = row.limits,
    certificate = { key = folder .. "/kommune.key", pem = folder .. "/kommune.pem" },
    maskinporten = { client_id = "rad-" .. row.number },
  }
  for name, value in pairs(row.with or {}) do
    options[name] = value
  end
  return fiks.check(fiks.new(options))
end

local function control(base, path, json)
  local client = fiks.check(fiks.new { environment = { api = base }, allow_loopback_http = true })
  local answer = fiks.check(client:request { method = "POST", path = path, json = json,
    username = "u", password = "p" })
  client:close()
  return answer.json
end

-- How many requests reached WireMock.
local function seen(row)
  return row.stub and control(world.WIREMOCK, "/__admin/requests/count", {
    urlPathPattern = row.path .. "(/.*)?" }).count
end

local function run(row)
  if row.script then
    row.at, row.path = endpoint, "/" .. row.number
    row.script.always = true
    control(endpoint, "/_answers", { path = row.path, answers = { row.script } })
  end
  local client = client_of(row)
  local _, before = core.now()
  local answer, err = calls[row.call](client, row, folder)
  local _, after = core.now()
  client:close()
  err = err or { kind = "ok", attempts = answer.attempts, status = answer.status }
  return { number = row.number, kind = err.kind, code = err.code, status = err.status,
    tries = err.attempts, retryable = err.retryable or false, uncertain = err.uncertain or false,
    retry_after_ms = err.retry_after_ms, message = err.message, seen = seen(row),
    ms = after - before }
end

local lanes, raw = {}, {}
for _, row in ipairs(rows) do
  if row.raw then
    raw[#raw + 1] = row
  else
    lanes[#lanes + 1] = { row }
  end
end
table.insert(lanes, 1, raw)

fiks.map(lanes, { concurrency = AT_ONCE }, function(lane)
  for _, row in ipairs(lane) do
    print(core.json_encode(run(row)))
    io.stdout:flush()
  end
end)
