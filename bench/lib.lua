-- Helpers of the benchmark rows: running programs, medians, throw-away keys.

local M = {}

M.dir = "build/bench"

local function shell_quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

--- A shell command line from its words.
function M.command(...)
  local words = { ... }
  for i, word in ipairs(words) do words[i] = shell_quote(word) end
  return table.concat(words, " ")
end

--- Runs a command line; raises with its output when it fails. Returns what it printed.
function M.sh(line)
  local pipe = assert(io.popen(line .. " 2>&1", "r"))
  local output = pipe:read("a")
  local ok, _, code = pipe:close()
  if not ok then error(("%s\nended with %s:\n%s"):format(line, code, output), 0) end
  return output
end

function M.exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

function M.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

function M.write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

local pinned

--- "taskset -c N " when there are two processors to keep client and server apart on.
function M.on_cpu(number)
  if pinned == nil then
    local count = tonumber(M.sh("nproc")) or 1
    pinned = count > 1 and os.execute("taskset -c 0 true >/dev/null 2>&1") == true
  end
  return pinned and ("taskset -c %d "):format(number) or ""
end

--- A key and a self-signed certificate for `name`, made once: paths of both.
function M.certificate(name)
  local key, certificate = M.dir .. "/" .. name .. ".key", M.dir .. "/" .. name .. ".pem"
  if not (M.exists(key) and M.exists(certificate)) then
    M.sh(M.command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
      "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
      "-keyout", key, "-out", certificate))
  end
  return key, certificate
end

--- Names of the rows there are.
function M.row_names()
  local names = {}
  for name in M.sh("ls bench/rows"):gmatch("([%w_]+)%.lua") do names[#names + 1] = name end
  return names
end

local function sorted(numbers)
  local copy = table.move(numbers, 1, #numbers, 1, {})
  table.sort(copy)
  return copy
end

function M.median(numbers)
  local s = sorted(numbers)
  local middle = math.floor(#s / 2)
  return #s % 2 == 1 and s[middle + 1] or (s[middle] + s[middle + 1]) / 2
end

function M.spread(numbers)
  local s = sorted(numbers)
  return (s[#s] - s[1]) / M.median(numbers)
end

--- Adds each figure of `more` to its list in `into`.
function M.collect(into, more)
  for name, value in pairs(more or {}) do
    into[name] = into[name] or {}
    table.insert(into[name], value)
  end
end

function M.medians(lists)
  local out = {}
  for name, list in pairs(lists) do out[name] = M.median(list) end
  return out
end

return M
