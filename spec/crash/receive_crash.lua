-- Kills receivers (SIGKILL): at each step of the journal, then at random instants while 300
-- forsendelser pass. Afterwards every one must have been handed over, once as far as the journal's
-- transaction goes, and none acknowledged that is not on the disk. Prints what it counted.
-- Usage: lua5.4 spec/crash/receive_crash.lua [SEED], with FIKS_SANDBOX; run by `make test-crash`.

local core = require "fiks.core"
local receivers = require "spec.support.receivers"
local store = require "fiks.store"

local FORSENDELSER, KILLS = 300, 200
local SEED = tonumber(arg[1]) or os.time()

local STEPS = {
  { module = "journal", step = "listed" }, { module = "account", step = "download" },
  { module = "journal", step = "delivering" }, { module = "journal", step = "handed_over" },
  { module = "account", step = "acknowledge" }, { module = "journal", step = "acknowledged" },
}

local passed, failed = 0, 0
local function check(fine, text, ...)
  passed, failed = passed + (fine and 1 or 0), failed + (fine and 0 or 1)
  if not fine then
    print("FAIL " .. text:format(...))
  end
end

local function query(path, sql)
  local opened = assert(store.open { sqlite = path })
  local results = assert(opened:batch { { sql } })
  opened:close()
  return results[1]
end

local function prepare(stage)
  local path = stage.into .. "/.fiks-journal.db"
  query(path, "CREATE TABLE sak (id TEXT PRIMARY KEY, receiver TEXT)")
  return path
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("a")
  if file then
    file:close()
  end
  return text
end

-- What must hold, whatever was killed when.
local function judge(stage, path, ids, what)
  local known, rows, saker, calls = stage:known(), {}, {}, {}
  for _, row in ipairs(query(path, "SELECT * FROM fiks_svarinn")) do
    rows[row.id] = row
  end
  for _, sak in ipairs(query(path, "SELECT * FROM sak")) do
    saker[sak.id] = sak
  end
  local again = 0
  for _, seen in ipairs(stage:seen()) do
    check(seen.again or not calls[seen.id], "%s: %s was seen twice, and not marked", what, seen.id)
    calls[seen.id] = (calls[seen.id] or 0) + 1
    again = again + (seen.again and 1 or 0)
  end
  for _, id in ipairs(ids) do
    check(known[id].status == "MOTTATT", "%s: %s is not acknowledged", what, id)
    check(rows[id].state == "acknowledged", "%s: %s is %s in the journal", what, id, rows[id].state)
    check(saker[id] ~= nil, "%s: %s has no row of the handler's", what, id)
    check(calls[id] ~= nil, "%s: %s was not seen by the handler", what, id)
    check(read(("%s/%s/klage.txt"):format(stage.into, id)) == "Jeg klager."
      and #(read(("%s/%s/vedlegg.pdf"):format(stage.into, id)) or "") == 3009,
      "%s: %s is acknowledged, and not whole on the disk", what, id)
  end
  local left = io.popen(("find '%s' -name '*.part'"):format(stage.into))
  check(left:read("a") == "", "%s: temporary folders are left", what)
  left:close()
  return again
end

local function kill_at_steps()
  local again, kills = 0, 0
  for version = 1, 2 do
    local stage = receivers.new(version)
    local path, ids = prepare(stage), {}
    for _, step in ipairs(STEPS) do
      for _, when in ipairs { "before", "after" } do
        for _, id in ipairs(stage:put(2)) do
          ids[#ids + 1] = id
        end
        local killed = stage:start { sak = true,
          die = { module = step.module, step = step.step, when = when, nth = 1 } }
        local text = receivers.wait(killed)
        kills = kills + 1
        check(not text:find("ended", 1, true), "%s %s: it was not killed", when, step.step)
      end
    end
    check(receivers.wait(stage:start { sak = true }):find("ended\n$") ~= nil, "it did not end")
    again = again + judge(stage, path, ids, "steps of v" .. version)
    stage.remove()
  end
  print(("crash: %d kills, one before and one after each step, v1 and v2: %d marked as seen before")
    :format(kills, again))
end

-- A receiver of v1 and one of v2, so that one is at work while the other begins.
local function new_lane(version)
  local stage = receivers.new(version)
  return { stage = stage, path = prepare(stage), ids = {}, at_work = 0 }
end

local function kill_each_once(lanes)
  for _, lane in ipairs(lanes) do
    lane.one = lane.stage:start { sak = true, work_ms = 10 }
  end
  for _, lane in ipairs(lanes) do
    receivers.await(lane.one, "begins")
    os.execute(("sleep %.4f; kill -9 %s"):format(math.random() * 0.12, lane.one.pid))
  end
  for _, lane in ipairs(lanes) do
    local text = receivers.wait(lane.one)
    lane.at_work = lane.at_work + (text:find("ended", 1, true) and 0 or 1)
  end
end

local function kill_at_random()
  local lanes = { new_lane(1), new_lane(2) }
  local sum = { at_work = 0, by_then = 0, calls = 0, again = 0, rows = 0 }
  for round = 1, KILLS / 2 do
    for _, lane in ipairs(round % 10 == 1 and lanes or {}) do -- they come in all the time
      for _, id in ipairs(lane.stage:put(FORSENDELSER / KILLS * 10)) do
        lane.ids[#lane.ids + 1] = id
      end
    end
    kill_each_once(lanes)
  end
  for version, lane in ipairs(lanes) do
    local stage = lane.stage
    sum.by_then = sum.by_then + stage:received()
    check(receivers.wait(stage:start { sak = true, concurrency = 4 }):find("ended\n$") ~= nil,
      "v%d did not end", version)
    sum.again = sum.again + judge(stage, lane.path, lane.ids, "random, v" .. version)
    sum.at_work, sum.calls = sum.at_work + lane.at_work, sum.calls + #stage:seen()
    sum.rows = sum.rows + query(lane.path, "SELECT count(*) AS n FROM sak")[1].n
    stage.remove()
  end
  check(sum.at_work >= KILLS / 4, "only %d of %d were killed at work", sum.at_work, KILLS)
  check(sum.rows == FORSENDELSER, "%d rows of %d", sum.rows, FORSENDELSER)
  print(("crash: %d kills at random instants (seed %d), %d at work; %d of %d acknowledged by "
    .. "then, all in the end; the handler was called %d times, %d marked as seen before, and left "
    .. "%d rows"):format(KILLS, SEED, sum.at_work, sum.by_then, FORSENDELSER, sum.calls, sum.again,
    sum.rows))
end

math.randomseed(SEED)
local _, begin = core.now()
kill_at_steps()
local _, middle = core.now()
kill_at_random()
local _, stop = core.now()
print(("crash: %.0f s and %.0f s"):format((middle - begin) / 1000, (stop - middle) / 1000))
print(("# crash: %d passed, %d failed, 0 skipped"):format(passed, failed))
os.exit(failed == 0)
