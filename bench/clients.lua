-- The programs that the rows call_* compare, and those rows. All but lua-fiks take the arguments
--   <url> <ca file> <requests> <warm> <in flight> <token file> <id> <password file> [h2]
-- make <warm> requests and then <requests> that count, a GET and a POST in turn, decode the answers
-- (not raw_call), check them, and print: <requests> <CPU us of the process during them> <wall us>

local lib = require "bench.lib"
local server = require "bench.server"

local M = {}

-- lua-http is packaged for 5.1 to 5.3; 5.4 runs the same files.
local LUA_HTTP_PATH = "LUA_PATH=/usr/share/lua/5.3/?.lua;/usr/share/lua/5.3/?/init.lua;"
  .. "/usr/share/lua/5.1/?.lua;;"

-- name -> its command, requests and those that do not count (more where a compiler warms up).
-- h2 = false: does not speak that; or the word that makes it. several = false: only one in flight.
local CLIENTS = {
  fiks = { requests = 4000, warm = 200, fiks = true, command = { "lua5.4" } },
  fiks_luajit = {
    requests = 4000, warm = 1000, fiks = true,
    command = { "env", "LUA_CPATH=build/luajit/?.so;;", "luajit" },
  },
  raw = { requests = 4000, warm = 200, command = { "build/bench/raw_call" } },
  lua_http = {
    requests = 1500, warm = 200, h2 = false, -- ends with HTTP/2 errors, by chance
    command = { "env", "-u", "LUA_CPATH", LUA_HTTP_PATH, "lua5.4", "bench/peers/lua_http.lua" },
  },
  lua_http_luajit = {
    requests = 2000, warm = 1000, h2 = false,
    command = { "env", "-u", "LUA_CPATH", "-u", "LUA_PATH", "luajit", "bench/peers/lua_http.lua" },
  },
  luasec = {
    requests = 100, warm = 20, h2 = false, several = false,
    command = { "env", "-u", "LUA_CPATH", "-u", "LUA_PATH", "lua5.4", "bench/peers/luasec.lua" },
  },
  requests = {
    requests = 600, warm = 100, h2 = false,
    command = { "/usr/bin/python3", "bench/peers/python_requests.py" },
  },
  pycurl = {
    requests = 2000, warm = 100, command = { "/usr/bin/python3", "bench/peers/python_pycurl.py" },
  },
  undici = {
    requests = 4000, warm = 4000, h2 = "h2", command = { "node", "bench/peers/undici.mjs" },
  },
}
local NAMES = {
  "fiks", "raw", "fiks_luajit", "lua_http", "lua_http_luajit", "luasec", "requests", "pycurl",
  "undici",
}
local SCHEMES = { "https", "http", "h2" }

--- The words that run lua-fiks on a path of the server.
---@param runtime string[] the interpreter
---@param counts { requests: integer, warm: integer, in_flight: integer }
function M.fiks(runtime, url, path, ca_file, counts)
  local key, certificate = lib.certificate("client")
  local words = table.move(runtime, 1, #runtime, 1, {})
  for _, word in ipairs {
    "bench/call.lua", url, path, ca_file, counts.requests, counts.warm, counts.in_flight, key,
    certificate, server.integrasjon_id, server.password_file,
  } do words[#words + 1] = word end
  return words
end

local function other(command, url, ca_file, counts, ...)
  local words = table.move(command, 1, #command, 1, {})
  for _, word in ipairs {
    url, ca_file, counts.requests, counts.warm, counts.in_flight, server.token_file,
    server.integrasjon_id, server.password_file, ...
  } do words[#words + 1] = word end
  return words
end

--- The words that run the reference on a URL.
function M.raw(url, ca_file, counts)
  return other({ "build/bench/raw_call" }, url, ca_file, counts)
end

local function words_of(name, scheme, counts)
  local client = CLIENTS[name]
  local url = server.urls[scheme]
  if client.fiks then return M.fiks(client.command, url, "/answer", server.ca_file, counts) end
  return other(client.command, url .. "/answer", server.ca_file, counts,
    scheme == "h2" and client.h2 or nil)
end

-- Headers and body of both are as long as each other's, so that nobody wins by sending less.
local function check_lengths()
  local log = lib.dir .. "/lengths.log"
  lib.write(log, "")
  local counts = { requests = 2, warm = 0, in_flight = 1 }
  lib.sh(lib.command(table.unpack(M.fiks({ "lua5.4" }, server.url, "/answer?log=1", server.ca_file,
    counts))))
  lib.sh(lib.command(table.unpack(M.raw(server.url .. "/answer?log=1", server.ca_file, counts))))
  local lengths = {}
  for length in lib.read(log):gmatch("%u+ (%d+)") do lengths[#lengths + 1] = tonumber(length) end
  if #lengths ~= 4 or lengths[1] ~= lengths[3] or lengths[2] ~= lengths[4] then
    error("lua-fiks and raw_call.c send different headers: " .. lib.read(log), 0)
  end
end

local function candidates(in_flight)
  local list = {}
  for _, scheme in ipairs(SCHEMES) do
    for _, name in ipairs(NAMES) do
      local client = CLIENTS[name]
      if (in_flight == 1 or client.several ~= false) and (scheme ~= "h2" or client.h2 ~= false) then
        local counts = { requests = client.requests, warm = client.warm, in_flight = in_flight }
        list[#list + 1] = {
          name = name .. " " .. scheme,
          run = function() return lib.run_client(table.unpack(words_of(name, scheme, counts))) end,
        }
      end
    end
  end
  return list
end

-- Rows of one scheme: ours against libcurl, and the peers against ours.
local function rows_of(name, scheme, targets)
  local rows = {}
  local function add(suffix, row)
    local where = scheme == "https" and "" or "." .. scheme
    row.name = name .. suffix .. where
    row.ours = (row.ours or "fiks") .. " " .. scheme
    row.reference = row.reference and row.reference .. " " .. scheme
    row.figure = row.figure or "cpu_us"
    rows[#rows + 1] = row
  end
  local function peer(suffix, reference, target, ours)
    add(suffix, { better = "higher", target = target, reference = reference, ours = ours })
  end
  local judged = scheme == "https" and targets or {}
  add("", { better = "lower", target = judged.cpu, slack = "quartile", reference = "raw" })
  add(".rate", {
    better = "higher", target = judged.rate, slack = "quartile", reference = "raw",
    figure = "wall_us",
  })
  add(".luajit", { better = "lower", reference = "raw", ours = "fiks_luajit" })
  peer(".undici", "undici", 1)
  peer(".pycurl", "pycurl")
  if scheme ~= "h2" then
    peer(".requests", "requests", judged.requests)
    peer(".lua_http", "lua_http", judged.lua_http)
    peer(".lua_http_luajit", "lua_http_luajit", nil, "fiks_luajit")
    if targets.luasec then peer(".luasec", "luasec", judged.luasec) end
  end
  if scheme == "https" then
    -- a bound of its own, or where libcurl alone takes as much already, one to that
    add(".peak", {
      better = "lower", target = targets.peak or targets.peak_to_raw, figure = "peak_mib",
      reference = targets.peak_to_raw and "raw",
    })
  end
  return rows
end

--- The file of rows for one number of requests in flight.
---@param targets { cpu, rate, requests, lua_http, luasec, peak, peak_to_raw } over https
function M.file(name, in_flight, targets)
  local rows = {}
  for _, scheme in ipairs(SCHEMES) do
    for _, row in ipairs(rows_of(name, scheme, targets)) do rows[#rows + 1] = row end
  end
  return {
    rounds = 5,
    unit = ("CPU us per request, %d in flight, over https (or .http, .h2), answer decoded;"
      .. " reference: libcurl alone. .rate: wall us; .undici and so on: the peer's CPU; .peak: MiB"
      ):format(in_flight),
    rows = rows,
    candidates = candidates(in_flight),
    setup = function()
      lib.sh("bench/peers/install.sh")
      server.start()
      check_lengths()
    end,
  }
end

return M
