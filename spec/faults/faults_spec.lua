-- The fault table, spec/faults/rows.lua, against servers of others, in a network of its own.

local core = require "fiks.core"
local faults = require "spec.faults.rows"
local material = require "spec.support.material"
local proof = require "spec.support.proof"
local world = require "spec.support.faults.world"

-- What a machine that has other things to do may add, and a sanitizer.
local BUSY_MS = os.getenv("LD_PRELOAD") and 15000 or 6000
local WIREMOCK = "wiremock@3.13.2"
local JAR = "build/npm/node_modules/wiremock/build/wiremock-standalone-3.13.2.jar"

-- Number of a row -> what came of it; and all that was written.
local function run(made)
  world.prepare(made.folder, faults.rows)
  made:write("rows.json", assert(core.json_encode(faults.rows)))
  local command = ("LD_PRELOAD= tools/install_npm.sh build/npm %s >&2 && FIKS_WIREMOCK='%s/%s' "
    .. "FIKS_ENDPOINT='%s/spec/support/endpoint.py' FIKS_PRELOAD='%s' LD_PRELOAD= timeout 120 "
    .. "spec/support/faults/world.sh '%s' '%s' spec/support/faults/run.lua '%s' 2>&1"):format(
    WIREMOCK, made.here, JAR, made.here, os.getenv("LD_PRELOAD") or "", made.folder,
    os.getenv("FIKS_LUA"), made.folder)
  local pipe = assert(io.popen(command))
  local came, rest = {}, {}
  for line in pipe:lines() do
    local outcome = line:find("^{") and core.json_decode(line)
    if outcome then
      came[outcome.number] = outcome
    else
      rest[#rest + 1] = line
    end
  end
  pipe:close()
  return came, table.concat(rest, "\n")
end

-- What is there of a download.
local function received(made, row)
  local pipe = assert(io.popen(("LD_PRELOAD= ls -A '%s/inn/%d'"):format(made.folder, row.number)))
  local names = pipe:read("*a")
  pipe:close()
  return names
end

describe("the fault table:", function()
  local made, came, output

  setup(function()
    made = material.new()
    local pipe = assert(io.popen("pwd"))
    made.here = pipe:read("*l")
    pipe:close()
    came, output = run(made)
  end)
  teardown(function()
    made:remove()
  end)

  it("the servers run, and nothing is said but outcomes", function()
    assert.equal("", output)
  end)

  for _, row in ipairs(faults.rows) do
    it(row.name, function()
      local outcome = came[row.number]
      assert.is_table(outcome, "no outcome")
      local said = ("%s (%d ms)"):format(tostring(outcome.message), outcome.ms)
      assert.equal(row.kind, outcome.kind, said)
      assert.equal(row.code, outcome.code, said)
      if row.status then
        assert.equal(row.status, outcome.status, said)
      end
      if outcome.tries then
        assert.equal(row.tries, outcome.tries, said)
      end
      if outcome.seen then -- it counts a request when its answer has gone out
        assert.is_true(outcome.seen == row.tries or (row.limits and outcome.seen < row.tries),
          ("WireMock saw %d requests"):format(outcome.seen))
      end
      assert.equal(row.retryable, outcome.retryable, said)
      assert.equal(row.uncertain, outcome.uncertain, said)
      assert.equal(row.retry_after_ms, outcome.retry_after_ms, said)
      if row.says then
        assert.matches(row.says, outcome.message)
      end
      assert.is_true(outcome.ms >= row.from_ms and outcome.ms <= row.to_ms + BUSY_MS, said)
      if row.call == "download" then -- all of it, or nothing
        assert.equal(row.kind == "ok" and "forsendelse\n" or "", received(made, row))
      end
    end)
  end

  it("docs/faults.md says the same", function()
    local text = proof.read("docs/faults.md")
    assert.equal(faults.document(), text:match("\n(## .*)$"))
  end)
end)
