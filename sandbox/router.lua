--- Which module answers which path.
local faults = require("sandbox.faults")
local http = require("sandbox.http")
local problem = require("sandbox.problem")
local settings = require("sandbox.settings")
local store = require("sandbox.store")

local M = {}

local modules = {
  "sandbox.tokens", "sandbox.konfigurasjon", "sandbox.testhjelp", "sandbox.meldingsboks",
  "sandbox.innsyn", "sandbox.svarinn", "sandbox.fiksio",
}

-- path template -> { method -> handler }; those without {names} are looked up, the rest are tried.
local exact, templates

local function compile(template)
  local names = {}
  local pattern = template:gsub("[%-%.%+]", "%%%0"):gsub("{(%w+)}", function(name)
    names[#names + 1] = name
    return "([^/]+)"
  end)
  return "^" .. pattern .. "$", names
end

local function add(method, template, handler)
  if not template:find("{", 1, true) then
    exact[template] = exact[template] or {}
    exact[template][method] = handler
    return
  end
  for _, entry in ipairs(templates) do
    if entry.template == template then
      entry.methods[method] = handler
      return
    end
  end
  local pattern, names = compile(template)
  templates[#templates + 1] =
    { template = template, pattern = pattern, names = names, methods = { [method] = handler } }
end

local function build()
  exact, templates = {}, {}
  for _, name in ipairs(modules) do
    require(name).routes(add)
  end
  add("GET", "/sandbox/klar", function()
    return { status = 200, body = "klar\n", content_type = "text/plain" }
  end)
end

local function find(path)
  if exact[path] then
    return exact[path], {}
  end
  for _, entry in ipairs(templates) do
    local captures = { path:match(entry.pattern) }
    if captures[1] then
      local params = {}
      for index, name in ipairs(entry.names) do
        params[name] = captures[index]
      end
      return entry.methods, params
    end
  end
  return nil
end

local function answer(request)
  local methods, params = find(request.path)
  if not methods then
    return problem.fiks(request, 404, "Finner ikke " .. request.path)
  end
  local handler = methods[request.method]
  if not handler then
    local allowed = {}
    for method in pairs(methods) do
      allowed[#allowed + 1] = method
    end
    table.sort(allowed)
    local refusal = problem.fiks(request, 405, "Metoden er ikke støttet")
    refusal.headers = { Allow = table.concat(allowed, ", ") }
    return refusal
  end
  request.params = params
  return handler(request)
end

local function safe_answer(request)
  local ok, result = xpcall(answer, debug.traceback, request)
  if ok then
    return result
  end
  ngx.log(ngx.ERR, "sandbox: ", result)
  return problem.fiks(request, 500, "Intern feil i sandkassen")
end

local function record(request, status)
  local id = request:header("IntegrasjonId")
  store.run([[INSERT INTO kall (metode, sti, status, integrasjon_id, content_type, bytes)
      VALUES (?, ?, ?, ?, ?, ?)]], request.method, request.path, status, id,
    (request:header("Content-Type")), tonumber((request:header("Content-Length"))))
end

local function is_own(request)
  return request.path:sub(1, 9) == "/sandbox/" or request.path:sub(1, 20) == "/fiks-konfigurasjon/"
end

local function handle(request)
  if is_own(request) then
    return safe_answer(request)
  end
  local fault = faults.take(request)
  if not fault then
    return safe_answer(request)
  end
  ngx.req.read_body()
  faults.hold(fault, ngx.sleep)
  local real
  if fault.etterUtforelse or not (fault.status or fault.kutt) then
    real = safe_answer(request)
  end
  if fault.kutt then
    return nil
  end
  return faults.answer(fault) or real
end

--- Reads the settings; once, in nginx's master process.
function M.init(directory)
  settings.load(directory)
  build()
end

--- Opens the state; once, in the worker.
function M.init_worker()
  store.open(settings.get().directory .. "/state/sandbox.db")
end

--- Answers the request nginx is handling.
function M.serve()
  local request = http.request()
  local result = handle(request)
  if not is_own(request) then
    record(request, result and result.status or 0)
  end
  if not result then
    return ngx.exit(444)
  end
  return http.send(result)
end

return M
