--- What a row of the fault table does with its server: functions of a client, the row and the
--- folder of the servers, which return an answer, or nil and an error.

local M = {}

local function request(client, row, more)
  local given = { method = "GET", path = row.path, query = row.query, username = "bruker",
    password = "passord" }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return client:request(given)
end

function M.get(client, row)
  return request(client, row)
end

function M.small_get(client, row)
  return request(client, row, { max_answer_bytes = 100000 })
end

function M.get_twice(client, row)
  assert(request(client, row))
  return request(client, row)
end

local POST = { method = "POST", json = { a = 1 } }
local LARGE_POST = { method = "POST", body = ("x"):rep(6000), content_type = "text/plain" }
local HUGE_POST = { method = "POST", body = ("x"):rep(3000000), content_type = "text/plain" }

function M.post(client, row)
  return request(client, row, POST)
end

function M.safe_post(client, row)
  return request(client, row, { method = "POST", json = { a = 1 }, idempotent = true })
end

function M.huge_post(client, row)
  return request(client, row, HUGE_POST)
end

function M.post_twice(client, row)
  assert(request(client, row, LARGE_POST))
  return request(client, row, LARGE_POST)
end

local function svarinn(client, version)
  return assert(client:svarinn { username = "bruker", password = "passord", version = version })
end

function M.list(client)
  local list, err = svarinn(client, 1):list()
  return list and { attempts = 1 }, err
end

--- Into the folder inn/<row>.
function M.download(client, row, folder)
  local forsendelse = { id = "forsendelse", filer = { { navn = "sak.bin", size = 300000 } } }
  local received, err = svarinn(client, 2):download(forsendelse, {
    into = ("%s/inn/%d"):format(folder, row.number) })
  return received and {}, err
end

function M.token(client)
  local token, err = client:token()
  return token and {}, err
end

return M
