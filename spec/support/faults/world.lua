--- The servers of the fault table: their settings are written here, from the rows; world.sh starts
--- them in a network namespace of their own, in which every port is free and no packet leaves.

local core = require "fiks.core"

local M = {}

-- WireMock listens on every address of the namespace. Each row has one of its own, as the retries of
-- a host are counted.
M.WIREMOCK = "http://127.0.0.1:8080"
local RAW_PORT, FIRST_TLS_PORT, FIRST_FILTER_PORT = 4400, 4401, 5100

local HAPROXY = [[
global
  tune.bufsize 524288
  tune.ssl.maxrecord 1300
  ca-base %FOLDER%
defaults
  mode http
  option dontlognull
  retries 0
  timeout connect 1s
  timeout client 20s
  timeout server 20s
  timeout tarpit 3s
frontend tls
  bind 198.18.0.1:5001 ssl crt %FOLDER%/good.both alpn h2,http/1.1
  bind 198.18.0.1:5002 ssl crt %FOLDER%/good.both
  bind 198.18.0.1:5003
%BINDS%
  http-request wait-for-body time 20s if { path /opplasting }
  http-request tarpit if { path /taus }
  http-request track-sc0 path if { path /ratebegrenset }
  http-request deny deny_status 429 hdr Retry-After 1 if { path /ratebegrenset } { sc_http_req_cnt(0) le 2 }
  stick-table type string size 100 expire 60s store http_req_cnt
  http-request return status 200 content-type application/json file %FOLDER%/stor.json if { path /stor }
  http-request return status 200 content-type application/octet-stream file %FOLDER%/forsendelse.cms if { path_beg /api/svarinn/ }
  http-request return status 200 content-type application/json file %FOLDER%/liten.json hdr X-Fyll "%LONG%" if { path /hode }
  http-request return status 200 content-type application/json file %FOLDER%/liten.json if { path_beg /liten /opplasting /ratebegrenset }
  use_backend nede if { path /nede }
  use_backend rot if { path /rot }
  use_backend treg if { path /treg }
  use_backend kuttet if { path /kuttet }
frontend hangs_up
  mode tcp
  bind 198.18.0.1:5004
  tcp-request connection reject
backend nede
  server nobody 127.0.0.1:9
backend rot
  http-request set-path /_rot
  server wiremock 127.0.0.1:8080
backend treg
  timeout server 300ms
  http-request set-path /_treg
  server wiremock 127.0.0.1:8080
backend kuttet
  http-request set-path /_kuttet
  server s_server 198.18.0.1:4400 ssl verify none
]]

local DNSMASQ = [[
no-resolv
no-hosts
port=53
listen-address=127.0.0.1
bind-interfaces
address=/api.test/198.18.0.1
address=/dobbel.test/198.18.0.1
address=/dobbel.test/fd00::1
local=/test/
server=/taus.test/198.18.0.2
]]

local TINYPROXY = [[
Port 8888
Listen 198.18.0.1
Timeout 10
BasicAuth mellom mann
ConnectPort 443
ConnectPort 5002
ConnectPort 5999
%PORTS%
]]

local NFTABLES = [[
table inet faults {
  chain input {
    type filter hook input priority 0;
    ip daddr 198.18.0.2 drop
%RULES%
  }
}
]]

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
  local world = { mappings = core.array {}, s_servers = {}, rules = {}, binds = {},
    files = { ["raw/_kuttet"] = CUT } }
  for _, row in ipairs(rows) do
    for kind, prepare in pairs(kinds) do
      if row[kind] then
        prepare(row, world)
      end
    end
    row.path = row.path or "/liten"
  end
  for _, stub in ipairs(BEHIND) do
    add_mappings(world.mappings, stub.path, stub)
  end
  for name, text in pairs(world.files) do
    write(folder, name, text)
  end
  local values = { FOLDER = folder, LONG = ("x"):rep(60000),
    BINDS = fill(table.concat(world.binds, "\n"), { FOLDER = folder }),
    RULES = table.concat(world.rules, "\n") }
  write(folder, "haproxy.cfg", fill(HAPROXY, values))
  write(folder, "nftables.conf", fill(NFTABLES, values))
  write(folder, "dnsmasq.conf", DNSMASQ)
  write(folder, "tinyproxy.conf", fill(TINYPROXY, { PORTS = ports(world) }))
  write(folder, "s_servers", table.concat(world.s_servers, "\n") .. "\n")
  write(folder, "wiremock/mappings/rows.json",
    assert(core.json_encode { mappings = world.mappings }))
end

return M
