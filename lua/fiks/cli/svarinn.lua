--- `fiks svarinn status` and `fiks svarinn retry`: a journal of receiving, from the shell. They
--- need no settings and no network, and work while a receiver does.

local core = require "fiks.core"
local Error = require "fiks.error"
local status = require "fiks.svarinn.status"

local M = {}

--- Adds the commands.
---@param parser table of argparse
function M.add(parser)
  local svarinn = parser:command("svarinn", "look at a journal of receiving")
    :command_target("what")
  local function with_journal(command)
    command:option("--journal", "the SQLite file, such as inn/.fiks-journal.db"):argname("FILE")
    command:option("--postgres", "a conninfo, or a file that holds one, as @FILE")
      :argname("CONNINFO")
    command:flag("--json", "print JSON")
    return command
  end
  local look = with_journal(svarinn:command("status", "what waits, and what has gone wrong"))
  look:option("--max-age", "exit 1 when something is unacknowledged for longer"):argname("SECONDS")
    :convert(tonumber):target("max_age")
  look:option("--max-silence", "exit 1 when an account was not listed for longer: the receiver is "
    .. "down, or refused"):argname("SECONDS"):convert(tonumber):target("max_silence")
  local again = with_journal(svarinn:command("retry", "let what is parked be tried again"))
  again:argument("id", "a forsendelse; all that are parked, when absent"):args("?")
end

local function target_of(args)
  if (args.journal == nil) == (args.postgres == nil) then
    return nil, Error.new { kind = "config", code = "journal",
      message = "give either --journal FILE or --postgres CONNINFO" }
  elseif args.journal then
    return { sqlite = args.journal }
  end
  local path = args.postgres:match("^@(.+)$")
  local file, why
  if path then
    file, why = io.open(path)
    if not file then
      return nil, Error.new { kind = "config", code = "journal",
        message = "cannot read the conninfo: " .. why }
    end
  end
  local conninfo = file and file:read("*a"):gsub("%s+$", "") or args.postgres
  if file then
    file:close()
  end
  return { postgres = conninfo }
end

local function age(seconds)
  return seconds and ("%d s"):format(seconds) or "never"
end

local function print_trouble(label, list)
  for _, one in ipairs(list) do
    print(("%-8s %s  %s, %s, %d tries, %s ago: %s"):format(label, one.id, one.account, one.state,
      one.attempts, age(one.error_s or one.parked_s), one.error or ""))
  end
end

local function print_status(found)
  for _, account in ipairs(found.accounts) do
    print(("%-8s %s  listed %s ago, %s waiting%s%s"):format("account", account.account,
      age(account.listed_s), account.waiting or "?", account.backlog and ", the list is full" or "",
      account.error and ("; refused %s ago: %s"):format(age(account.error_s), account.error) or ""))
  end
  for _, state in ipairs(status.STATES) do
    print(("%-8s %-13s %d"):format("count", state, found.counts[state]))
  end
  if found.oldest then
    print(("%-8s %s  %s, %s, since %s"):format("oldest", found.oldest.id, found.oldest.account,
      found.oldest.state, age(found.oldest_s)))
  end
  print_trouble("parked", found.parked)
  print_trouble("error", found.errors)
end

local function is_well(found, args)
  for _, account in ipairs(found.accounts) do
    if args.max_silence and (account.listed_s or math.huge) > args.max_silence then
      return false
    end
  end
  return not found.backlog and #found.parked == 0 and not (args.max_age and found.oldest_s
    and found.oldest_s > args.max_age)
end

--- Runs one of them.
---@param args table
---@return boolean? well nil: it could not be done
---@return fiks.Error? err
function M.run(args)
  local target, err = target_of(args)
  if not target then
    return nil, err
  elseif args.what == "retry" then
    local count
    count, err = status.retry(target, args.id)
    if count then
      print(args.json and core.json_encode { count = count }
        or ("%d to be tried again"):format(count))
    end
    return count and count > 0, err
  end
  local found
  found, err = status.read(target)
  if not found then
    return nil, err
  elseif args.json then
    for _, name in ipairs { "parked", "errors", "accounts" } do
      core.array(found[name])
    end
    print((core.json_encode(found)))
  else
    print_status(found)
  end
  return is_well(found, args)
end

return M
