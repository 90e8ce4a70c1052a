-- Runs benchmark rows (bench/rows/*.lua) and prints one line each; writes build/bench.json.
-- Usage: bench/run.sh [--check] [row ...]
--
-- A row is a table:
--   name, unit      what is measured
--   better          "lower": ratio = ours / reference, must be <= target
--                   "higher": ratio = reference / ours (times as fast), must be >= target
--   target, rounds
--   setup(lib)      makes what it needs and checks that ours gives the right result; raises if not
--   ours(), reference()   one measurement each: figure, table of further figures
--
-- Both are measured in turn (A B A B ...); the ratio is the median of the rounds' ratios, and the
-- spread (max - min) / median. A row that misses is measured once more and judged on all rounds.

local lib = require "bench.lib"
local core = require "fiks.core"

local function run_rounds(row, result)
  for _ = 1, row.rounds do
    local ours, ours_more = row.ours()
    local reference, reference_more = row.reference()
    local ratio = row.better == "lower" and ours / reference or reference / ours
    table.insert(result.ours, ours)
    table.insert(result.reference, reference)
    table.insert(result.ratios, ratio)
    lib.collect(result.more_ours, ours_more)
    lib.collect(result.more_reference, reference_more)
  end
end

local function judge(row, result)
  result.ratio = lib.median(result.ratios)
  result.met = row.better == "lower" and result.ratio <= row.target
    or row.better == "higher" and result.ratio >= row.target
  return result.met
end

local function measure(row)
  local result = { ours = {}, reference = {}, ratios = {}, more_ours = {}, more_reference = {} }
  run_rounds(row, result)
  if not judge(row, result) then
    run_rounds(row, result)
    judge(row, result)
  end
  return result
end

local function report(row, result)
  local sign = row.better == "lower" and "<=" or ">="
  print(("%-12s %12.1f %12.1f %8.3f %5s %-6g %6.0f %% %6d  %s"):format(
    row.name, lib.median(result.ours), lib.median(result.reference), result.ratio,
    sign, row.target, 100 * lib.spread(result.ratios), #result.ratios,
    result.met and "ok" or "MISSED"))
  return {
    name = row.name,
    unit = row.unit,
    ours = lib.median(result.ours),
    reference = lib.median(result.reference),
    ratio = result.ratio,
    better = row.better,
    target = row.target,
    spread = lib.spread(result.ratios),
    rounds = #result.ratios,
    met = result.met,
    more = {
      ours = lib.medians(result.more_ours),
      reference = lib.medians(result.more_reference),
    },
  }
end

local function wanted_rows(names)
  local rows, known, there = {}, lib.row_names(), {}
  for _, name in ipairs(known) do there[name] = true end
  for _, name in ipairs(#names > 0 and names or known) do
    if not there[name] then
      io.stderr:write(("bench: there is no row %s; the rows are: %s\n"):format(name,
        table.concat(known, " ")))
      os.exit(2)
    end
    rows[#rows + 1] = require("bench.rows." .. name)
  end
  return rows
end

local check, names = false, {}
for _, argument in ipairs(arg) do
  if argument == "--check" then
    check = true
  else
    for name in argument:gmatch("%S+") do names[#names + 1] = name end
  end
end

local rows, written, missed = wanted_rows(names), {}, 0
print(("%-12s %12s %12s %8s %12s %8s %6s  %s"):format(
  "name", "ours", "reference", "ratio", "target", "spread", "rounds", "verdict"))
for _, row in ipairs(rows) do
  row.setup()
  local result = measure(row)
  written[#written + 1] = report(row, result)
  if not result.met then missed = missed + 1 end
end
for _, row in ipairs(written) do print(("  %s: %s"):format(row.name, row.unit)) end

local out = assert(io.open("build/bench.json", "w"))
out:write(assert(core.json_encode({ rows = core.array(written) })), "\n")
out:close()
if check and missed > 0 then
  io.stderr:write(("bench: %d of %d rows missed the target\n"):format(missed, #written))
  os.exit(1)
end
