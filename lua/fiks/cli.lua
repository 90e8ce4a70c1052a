--- The command `fiks`: the checklist, the token, single calls and the journal of receiving, from
--- the shell. bin/fiks runs it.

local core = require "fiks.core"
local fiks = require "fiks"
local checklist = require "fiks.checklist"
local svarinn = require "fiks.cli.svarinn"

local M = {}

M.EXIT = { ok = 0, refused = 1, usage = 2, settings = 3, later = 4 }

local EPILOG = [[
Settings come from the options here, else from environment variables (FIKS_ENVIRONMENT,
FIKS_CLIENT_ID, FIKS_PKCS12, FIKS_INTEGRASJON_ID ...), else from the settings file (--config or
FIKS_CONFIG): docs/configuration.md has them all.

Exit status: 0 done; 1 refused by the platform, the checklist has a FAIL, or what waits at SvarInn
needs a look; 2 wrong usage; 3 wrong settings, key, password or address, nothing was sent; 4 not
reached or not answered: try again later.]]

local KIND_EXIT = {
  config = M.EXIT.settings, credentials = M.EXIT.settings, invalid = M.EXIT.settings,
  network = M.EXIT.later, tls = M.EXIT.later, timeout = M.EXIT.later, server = M.EXIT.later,
  rate_limited = M.EXIT.later, io = M.EXIT.later,
}

local function parser_of(argparse)
  local parser = argparse("fiks", "KS Fiks from the shell."):epilog(EPILOG)
    :command_target("command")
  parser:option("--config", "settings file, JSON"):argname("FILE")
  parser:option("--environment", "prod, test or sandbox"):argname("NAME")
  parser:option("--contract", "current or 2018"):argname("NAME")
  parser:option("--integrasjon", "id of the integrasjon"):argname("UUID")
  parser:option("--person-token-file", "make calls as the person whose access token is in the file")
    :argname("FILE"):target("person")
  parser:flag("--version", "print the version"):action(function()
    print("fiks " .. fiks._VERSION)
    os.exit(M.EXIT.ok)
  end)

  local check = parser:command("check", "run the platform's checklist; it changes nothing")
  check:option("--tjeneste", "also the privilege for innsyn, meldingsboks or fiks-io")
    :argname("NAME"):choices { "innsyn", "meldingsboks", "fiks-io" }
  check:option("--fiks-organisasjon", "innsyn, meldingsboks: of which organisation"):argname("UUID")
    :target("fiks_organisasjon")
  check:option("--konto", "fiks-io: the account to send from"):argname("UUID")

  local token = parser:command("token", "fetch a token and print its claims")
  token:flag("--show", "print the token itself, which is a secret, and nothing else")

  local call = parser:command("call", "make one call; the answer goes to the standard output")
  call:argument("method", "GET, POST, PUT, PATCH, DELETE ...")
  call:argument("path", "such as /fiks-io/katalog/api/v1/kontoer/ID")
  call:option("--query", "a query parameter; may be given again"):argname("NAME=VALUE"):count("*")
  call:option("--json", "the body: a file of JSON, or - for the standard input"):argname("FILE")
  call:option("--output", "write the answer to a file"):argname("FILE")

  svarinn.add(parser)
  return parser
end

local function tell(...)
  io.stderr:write("fiks: ", string.format(...), "\n")
end

local function read_all(path)
  if path == "-" then
    return io.stdin:read("*a")
  end
  local file, why = io.open(path, "rb")
  if not file then
    return nil, why
  end
  local bytes
  bytes, why = file:read("*a")
  file:close()
  return bytes, why
end

local function failed(err)
  tell("%s", tostring(err))
  return KIND_EXIT[err.kind] or M.EXIT.refused
end

-- A client of the options, or nil and the exit status.
local function make_client(args)
  local client, err = fiks.new {
    environment_variables = true, file = args.config, environment = args.environment,
    contract = args.contract, integrasjon = args.integrasjon and { id = args.integrasjon } or nil,
  }
  if not client then
    return nil, failed(err)
  end
  if args.person then
    local token, why = read_all(args.person)
    if not token then
      tell("cannot read the person's token: %s", why)
      return nil, M.EXIT.settings
    end
    client, err = client:as_person((token:gsub("%s+$", "")))
    if not client then
      return nil, failed(err)
    end
  end
  return client
end

local COMMANDS = {}

function COMMANDS.check(args, client)
  local ok, report = pcall(client.check, client, {
    tjeneste = args.tjeneste, fiks_organisasjon = args.fiks_organisasjon, konto = args.konto,
  })
  if not ok then -- misuse: what is missing is an option here
    tell("%s", (tostring(report):gsub("^.-client:check: ", "check: ")))
    return M.EXIT.usage
  end
  print(tostring(report))
  for _, verdict in ipairs(report) do
    if verdict.ok == false then
      return verdict.err and KIND_EXIT[verdict.err.kind] or M.EXIT.refused
    end
  end
  return M.EXIT.ok
end

local function shown(value)
  if type(value) == "table" then
    return (core.json_encode(value))
  end
  return tostring(value)
end

function COMMANDS.token(args, client)
  local token, err = client:token()
  if not token then
    return failed(err)
  elseif args.show then
    print(token.access_token)
    return M.EXIT.ok
  end
  local claims = checklist.claims(token.access_token)
  if not claims then
    tell("the token is not a readable JWT: the platform cannot use it")
    return M.EXIT.refused
  end
  local names = {}
  for name in pairs(claims) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    print(("%-14s %s"):format(name, shown(claims[name])))
  end
  if token.expires_at then
    print(("%-14s %s, in %d seconds"):format("expires",
      os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(token.expires_at)),
      math.floor(token.expires_at - core.now() / 1000)))
  end
  return M.EXIT.ok
end

local function write_answer(answer, path)
  if not path then
    io.stdout:write(answer.body)
    if answer.json ~= nil and answer.body:sub(-1) ~= "\n" then
      io.stdout:write("\n")
    end
    return true
  end
  local file, why = io.open(path, "wb")
  local ok = file
  if file then
    ok, why = file:write(answer.body)
    file:close()
  end
  if not ok then
    tell("cannot write the answer: %s", tostring(why))
  end
  return ok
end

local function query_of(pairs_given)
  local query = {}
  for _, pair in ipairs(pairs_given or {}) do
    local name, value = pair:match("^([^=]+)=(.*)$")
    if not name then
      tell("--query wants NAME=VALUE, not '%s'", pair)
      return nil
    end
    query[name] = value
  end
  return query
end

function COMMANDS.call(args, client)
  local query = query_of(args.query)
  if not query then
    return M.EXIT.usage
  end
  local request = { method = args.method:upper(), path = args.path, query = query }
  if args.json then
    local body, why = read_all(args.json)
    if not body then
      tell("cannot read the body: %s", tostring(why))
      return M.EXIT.usage
    end
    local _, bad = core.json_decode(body)
    if bad then
      tell("the body is not JSON: %s", bad.message)
      return M.EXIT.usage
    end
    request.body = body
  end
  local ok, answer, err, refused = pcall(client.request, client, request)
  if not ok then
    tell("%s", (tostring(answer):gsub("^.-client:request: ", "call: ")))
    return M.EXIT.usage
  elseif not answer then
    if refused and refused.body ~= "" then
      write_answer(refused)
    end
    return failed(err)
  end
  return write_answer(answer, args.output) and M.EXIT.ok or M.EXIT.refused
end

--- Runs the command line given.
---@param arguments string[]
---@return integer exit
function M.main(arguments)
  local found, argparse = pcall(require, "argparse")
  if not found then
    tell("argparse is missing: Debian's lua-argparse, or the rock argparse")
    return M.EXIT.usage
  end
  local parser = parser_of(argparse)
  local ok, args = parser:pparse(arguments)
  if not ok then
    io.stderr:write(parser:get_usage(), "\n\nfiks: ", tostring(args), "\n")
    return M.EXIT.usage
  end
  if args.command == "svarinn" then
    local well, err = svarinn.run(args)
    return err and failed(err) or (well and M.EXIT.ok or M.EXIT.refused)
  end
  local client, exit = make_client(args)
  if not client then
    return exit
  end
  exit = COMMANDS[args.command](args, client)
  client:close()
  return exit
end

return M
