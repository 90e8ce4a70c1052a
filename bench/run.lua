-- Runs benchmark rows (bench/rows/*.lua) and prints one line each; writes build/bench.json.
-- Usage: bench/run.sh [--check] [file of bench/rows ...]
--
-- A file of rows returns one row:
--   name, unit      what is measured
--   better          "lower": ratio = ours / reference, must be <= target
--                   "higher": ratio = reference / ours (times as fast), must be >= target
--   target, rounds
--   setup()         makes what it needs and checks that ours gives the right result; raises if not
--   ours(), reference()   one measurement each: figure, table of further figures
--
-- or several rows of the same measurements:
--   rounds, setup(), unit
--   candidates      list of { name=, run= }; run() returns a table of figures
--   rows            list of { name=, unit=, better=, target=, figure=, ours=, reference= }: which
--                   figure of which two candidates. Without reference the figure itself has to meet
--                   the target. Without target the row informs and is not judged.
--                   slack = "quartile": missed only if the whole interquartile range misses.
--
-- Candidates are measured in turn (A B C A B C ...); the ratio is the median of the rounds' ratios,
-- the spread (max - min) / median. What a row that misses is made of is measured once more, and the
-- row judged on all rounds.

local lib = require "bench.lib"
local core = require "fiks.core"

local FORMAT = "%-26s %12s %12s %8s %8s %7s %6d  %s"

-- The first form as the second.
local function several(file)
  if file.candidates then return file end
  local function candidate(name)
    local measure = file[name]
    return {
      name = name,
      run = function()
        local value, more = measure()
        local figures = { value = value }
        for figure, its_value in pairs(more or {}) do figures[figure] = its_value end
        return figures
      end,
    }
  end
  return {
    rounds = file.rounds, setup = file.setup, unit = file.unit,
    candidates = { candidate("ours"), candidate("reference") },
    rows = { {
      name = file.name, unit = file.unit, better = file.better, target = file.target,
      figure = "value", ours = "ours", reference = "reference",
    } },
  }
end

-- Measures the candidates in turn, those whose name is in `only` when it is given.
local function run_rounds(file, only)
  for _ = 1, file.rounds do
    for _, candidate in ipairs(file.candidates) do
      if not only or only[candidate.name] then
        local figures = candidate.run()
        candidate.samples = candidate.samples or {}
        table.insert(candidate.samples, figures)
      end
    end
  end
end

local function figures_of(file, row, name)
  for _, candidate in ipairs(file.candidates) do
    if candidate.name == name then
      local list = {}
      for i, sample in ipairs(candidate.samples) do
        list[i] = assert(sample[row.figure], row.name .. ": " .. name .. " has no such figure")
      end
      return list
    end
  end
  error(row.name .. ": there is no candidate " .. name)
end

local function is_met(row, figure)
  if row.better == "lower" then return figure <= row.target end
  return figure >= row.target
end

local function judge(file, row)
  local result = { ours = figures_of(file, row, row.ours), ratios = {} }
  result.reference = row.reference and figures_of(file, row, row.reference)
  for i, ours in ipairs(result.ours) do
    local reference = result.reference and result.reference[i]
    if not row.reference then
      result.ratios[i] = ours
    elseif reference then
      result.ratios[i] = row.better == "lower" and ours / reference or reference / ours
    end
  end
  result.ratio = lib.median(result.ratios)
  result.met = not row.target or is_met(row, result.ratio)
  if not result.met and row.slack == "quartile" then
    local best = lib.quantile(result.ratios, row.better == "lower" and 0.25 or 0.75)
    result.met = is_met(row, best)
    result.slack = result.met
  end
  return result
end

local function measure(file)
  run_rounds(file)
  local again = {}
  for _, row in ipairs(file.rows) do
    local result = judge(file, row)
    if not result.met or result.slack then
      again[row.ours] = true
      if row.reference then again[row.reference] = true end
    end
  end
  if next(again) then run_rounds(file, again) end
end

local function number(value)
  if value >= 1e5 then return ("%.0f"):format(value) end
  return (value < 10 and "%.3f" or "%.1f"):format(value)
end

local function report(row, result)
  local sign = row.better == "lower" and "<=" or ">="
  local verdict = not row.target and "-" or not result.met and "MISSED"
    or result.slack and "ok (quartile)" or "ok"
  print(FORMAT:format(row.name, number(lib.median(result.ours)),
    row.reference and number(lib.median(result.reference)) or "-",
    row.reference and ("%.3f"):format(result.ratio) or "-",
    row.target and ("%s %g"):format(sign, row.target) or "-",
    ("%.0f %%"):format(100 * lib.spread(result.ratios)), #result.ratios, verdict))
  return {
    name = row.name,
    unit = row.unit,
    ours = lib.median(result.ours),
    reference = row.reference and lib.median(result.reference) or nil,
    ratio = row.reference and result.ratio or nil,
    better = row.better,
    target = row.target,
    spread = lib.spread(result.ratios),
    quartiles = core.array { lib.quantile(result.ratios, 0.25), lib.quantile(result.ratios, 0.75) },
    rounds = #result.ratios,
    verdict = verdict,
    met = result.met,
  }
end

-- Medians of all figures of all candidates, by their names.
local function all_figures(file)
  local all = {}
  for _, candidate in ipairs(file.candidates) do
    local lists, medians = {}, {}
    for _, sample in ipairs(candidate.samples) do
      for name, value in pairs(sample) do
        lists[name] = lists[name] or {}
        table.insert(lists[name], value)
      end
    end
    for name, list in pairs(lists) do medians[name] = lib.median(list) end
    all[candidate.name] = medians
  end
  return all
end

local function wanted_files(names)
  local files, known, there = {}, lib.row_names(), {}
  for _, name in ipairs(known) do there[name] = true end
  for _, name in ipairs(#names > 0 and names or known) do
    if not there[name] then
      io.stderr:write(("bench: there is no row %s; the rows are: %s\n"):format(name,
        table.concat(known, " ")))
      os.exit(2)
    end
    table.insert(files, { name = name, several(require("bench.rows." .. name)) })
  end
  return files
end

local check, names = false, {}
for _, argument in ipairs(arg) do
  if argument == "--check" then
    check = true
  else
    for name in argument:gmatch("%S+") do names[#names + 1] = name end
  end
end

local files, written, candidates, missed = wanted_files(names), {}, {}, 0
print((FORMAT:gsub("%%6d", "%%6s")):format("name", "ours", "reference", "ratio", "target", "spread",
  "rounds", "verdict"))
for _, entry in ipairs(files) do
  local file = entry[1]
  file.setup()
  measure(file)
  for _, row in ipairs(file.rows) do
    local line = report(row, judge(file, row))
    written[#written + 1] = line
    if not line.met then missed = missed + 1 end
  end
  candidates[entry.name] = all_figures(file)
end
for _, entry in ipairs(files) do print(("  %s: %s"):format(entry.name, entry[1].unit)) end

lib.write("build/bench.json", assert(core.json_encode {
  rows = core.array(written), candidates = candidates,
}) .. "\n")
if check and missed > 0 then
  io.stderr:write(("bench: %d of %d rows missed the target\n"):format(missed, #written))
  os.exit(1)
end
