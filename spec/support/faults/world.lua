--- The servers of the fault table: their settings are written here, from the rows; world.sh starts
--- them in a network namespace of their own, in which every port is free and no packet leaves.

local core = require "fiks.core"
local proof = require "spec.support.proof"

local M = {}

-- WireMock listens on every address of the namespace. Each row has one of its own, as a host's
-- retries are counted.
M.WIREMOCK = "http://127.0.0.1:8080"
local RAW_PORT, FIRST_TLS_PORT, FIRST_FILTER_PORT = 4400, 4401, 5100

-- What haproxy's backends answer.
local BEHIND = {
  { path = "/_rot", { fault = "RANDOM_DATA_THEN_CLOSE" } },
  { path = "/_treg", { status = 200, fixedDelayMilliseconds = 3000 } },
}
local CUT = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" .. ("x"):rep(50000)

local function write(folder, name, text)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(text)
  file:close()
end

-- WireMock's mappings of a list of answers: one each, by a scenario, and the last for good.
local function add_mappings(mappings, path, answers)
  for i, answer in ipairs(answers) do
    local mapping = { request = { urlPathPattern = path .. "(/.*)?" }, response = answer }
    if #answers > 1 then
      mapping.scenarioName = path
      mapping.requiredScenarioState = i == 1 and "Started" or "try " .. i
      mapping.newScenarioState = i < #answers and "try " .. i + 1 or nil
    end
    mappings[#mappings + 1] = mapping
  end
end

-- What each kind of server needs of a row; sets where it is.
local kinds = {}

function kinds.stub(row, world)
  row.path = "/" .. row.number
  row.at = ("http://127.1.0.%d:8080"):format(row.number)
  add_mappings(world.mappings, row.path, row.stub)
end

function kinds.raw(row, world)
  row.at, row.path = ("https://api.test:%d"):format(RAW_PORT), "/" .. row.number
  world.files["raw/" .. row.number] = row.raw
  row.raw = true
end

function kinds.certificate(row, world)
  local port = FIRST_TLS_PORT + #world.s_servers
  row.at = row.http and ("http://127.0.0.1:%d"):format(port) or ("https://api.test:%d"):format(port)
  world.s_servers[port - FIRST_TLS_PORT + 1] = ("%d %s %s"):format(port, row.certificate,
    row.options or "")
end

function kinds.filter(row, world)
  local port = FIRST_FILTER_PORT + #world.rules
  row.at = ("https://api.test:%d"):format(port)
  world.rules[#world.rules + 1] = row.filter:format(port)
  world.binds[#world.binds + 1] = ("  bind 198.18.0.1:%d ssl crt %%FOLDER%%/good.both"):format(port)
end

-- Where tinyproxy may connect to.
local function ports(world)
  local lines = {}
  for i, line in ipairs(world.s_servers) do
    lines[i] = "ConnectPort " .. line:match("^%d+")
  end
  return table.concat(lines, "\n")
end

local function fill(text, values)
  return (text:gsub("%%(%u+)%%", values))
end

--- Writes the settings of every server into a folder, and completes the rows: `at`, `path`.
function M.prepare(folder, rows)
  local folders = { "raw wiremock/__files wiremock/mappings" }
  local world = { mappings = core.array {}, s_servers = {}, rules = {}, binds = {},
    files = { ["raw/_kuttet"] = CUT } }
  for _, row in ipairs(rows) do
    for kind, prepare in pairs(kinds) do
      if row[kind] then
        prepare(row, world)
      end
    end
    row.path = row.path or "/liten"
    if row.call == "download" then
      folders[#folders + 1] = "inn/" .. row.number
    end
  end
  for _, stub in ipairs(BEHIND) do
    add_mappings(world.mappings, stub.path, stub)
  end
  assert(os.execute(("cd '%s' && mkdir -p %s"):format(folder, table.concat(folders, " "))))
  for name, text in pairs(world.files) do
    write(folder, name, text)
  end
  local values = { FOLDER = folder, LONG = ("x"):rep(60000), PORTS = ports(world),
    BINDS = fill(table.concat(world.binds, "\n"), { FOLDER = folder }),
    RULES = table.concat(world.rules, "\n") }
  for _, name in ipairs { "haproxy.cfg", "tinyproxy.conf", "dnsmasq.conf", "nftables.conf" } do
    write(folder, name, fill(proof.read("spec/support/faults/" .. name), values))
  end
  write(folder, "s_servers", table.concat(world.s_servers, "\n") .. "\n")
  write(folder, "wiremock/mappings/rows.json",
    assert(core.json_encode { mappings = world.mappings }))
end

return M
