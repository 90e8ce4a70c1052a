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

function M.base_name(path)
  return (path:match("[^/]+$"))
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

--- The command line that encrypts stdin to stdout, as SvarUt does (RSA-OAEP with SHA-256,
--- AES-256-CBC, streamed BER).
function M.encrypt(certificate)
  return M.command("openssl", "cms", "-encrypt", "-stream", "-binary", "-aes256", "-outform", "DER",
    "-recip", certificate, "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256",
    "-keyopt", "rsa_mgf1_md:sha256")
end

--- Names of the rows there are.
function M.row_names()
  local names = {}
  for name in M.sh("ls bench/rows"):gmatch("([%w_]+)%.lua") do names[#names + 1] = name end
  return names
end

-- What build/bench/measure says of the whole process at the end: "<CPU us> <wall us> <peak KiB>".
local WHOLE = "(%d+) (%d+) (%d+)%s*$"

--- Runs a program on the first processor. Returns the figures of the whole process, with what it
--- started and waited for, and what it printed.
function M.run_whole(...)
  local output = M.sh(M.on_cpu(0) .. M.command("build/bench/measure", ...))
  local cpu, wall, peak = output:match(WHOLE)
  if not cpu then error("unexpected output: " .. output, 0) end
  return { process_cpu_ms = cpu / 1000, process_wall_ms = wall / 1000, peak_mib = peak / 1024 },
    output
end

--- Runs a client, which says of itself last: "<requests> <CPU us> <wall us>". Returns the figures
--- per request beside those of the process.
function M.run_client(...)
  local figures, output = M.run_whole(...)
  local count, cpu, wall = output:match("(%d+) (%d+) (%d+)%s+" .. WHOLE)
  if not count then error("unexpected output: " .. output, 0) end
  figures.cpu_us, figures.wall_us, figures.per_s = cpu / count, wall / count, 1e6 * count / wall
  return figures
end

--- A folder on a RAM disk, where there is one; bench/run.sh removes it.
function M.ram()
  return assert(os.getenv("BENCH_RAM"))
end

--- Instructions that a command line executes, start to end, as valgrind counts them.
function M.instructions(...)
  local line = M.command("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", ...)
  local output = M.sh(line)
  return tonumber(output:match("Collected : (%d+)")) or error("unexpected output: " .. output, 0)
end

local function sorted(numbers)
  local copy = table.move(numbers, 1, #numbers, 1, {})
  table.sort(copy)
  return copy
end

--- The value that a share of the numbers is not above; between two of them, the line through both.
function M.quantile(numbers, share)
  local s = sorted(numbers)
  local at = 1 + share * (#s - 1)
  local low = math.floor(at)
  return s[low] + (at - low) * ((s[low + 1] or s[low]) - s[low])
end

function M.median(numbers)
  return M.quantile(numbers, 0.5)
end

function M.spread(numbers)
  local s = sorted(numbers)
  return (s[#s] - s[1]) / M.median(numbers)
end

return M
