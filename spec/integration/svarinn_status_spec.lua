-- What is seen of receiving from outside: svarinn:status, `fiks svarinn`, several accounts.

local core = require "fiks.core"
local fiks = require "fiks"
local receivers = require "spec.support.receivers"
local sandbox = require "spec.support.sandbox"

describe("what waits at SvarInn", function()
  local stage, svarinn, journal

  before_each(function()
    stage = receivers.new(1)
    svarinn, journal = stage:svarinn(), stage.into .. "/.fiks-journal.db"
  end)
  after_each(function()
    sandbox.no_faults()
    stage.remove()
  end)

  local function shell(arguments)
    local pipe = assert(io.popen("LD_PRELOAD= bin/fiks svarinn " .. arguments .. " 2>&1; echo $?"))
    local text, status = pipe:read("*a"):match("^(.*)(%d+)\n$")
    pipe:close()
    return text, tonumber(status)
  end

  local function refuse()
    return svarinn:receive { into = stage.into, park_after = 1, on_error = function() end,
      handler = function() return false, "arkivet er nede" end }
  end

  it("is told while a receiver is at work, and without network", function()
    stage:put(2)
    local seen
    svarinn:receive { into = stage.into, handler = function()
      seen = seen or assert(stage:svarinn { password = "feil" }:status { into = stage.into })
      return true
    end }
    assert.same({ 1, 1 }, { seen.counts.delivering, seen.counts.listed })
    assert.is_number(seen.oldest_s)
    assert.equal(2, seen.accounts[1].waiting)
  end)

  it("is told by the shell, for people and for a monitor", function()
    local ids = stage:put(2)
    refuse()
    local text, status = shell("status --journal " .. journal)
    assert.equal(1, status)
    assert.matches("\nparked   " .. ids[1]:gsub("-", "%%-") .. ".*arkivet er nede", text)
    assert.matches("count    parked        2\n", text)
    text, status = shell("status --json --journal " .. journal)
    assert.equal(1, status)
    assert.equal(2, assert(core.json_decode(text)).counts.parked)
    text, status = shell("retry --journal " .. journal .. " " .. ids[1])
    assert.same({ "1 to be tried again\n", 0 }, { text, status })
    text, status = shell("retry --journal " .. journal)
    assert.same({ "1 to be tried again\n", 0 }, { text, status })
    assert.equal(1, select(2, shell("retry --journal " .. journal)))
    assert.equal(0, select(2, shell("status --max-age 3600 --journal " .. journal)))
    assert(svarinn:receive { into = stage.into, handler = function() return true end })
    assert.equal(2, stage:received())
    assert.equal(0, select(2, shell("status --max-silence 3600 --journal " .. journal)))
    local opened = assert(require("fiks.store").open { sqlite = journal })
    assert(opened:batch { { "UPDATE fiks_svarinn_account SET listed_at = NULL" } }) -- never was
    opened:close()
    assert.equal(1, select(2, shell("status --max-silence 3600 --journal " .. journal)))
    assert.equal(0, select(2, shell("status --max-age 3600 --journal " .. journal)))
  end)

  it("is asked for in the right way", function()
    local text, status = shell("status")
    assert.equal(3, status)
    assert.matches("%-%-journal FILE or %-%-postgres", text)
    text, status = shell("status --journal /finnes/ikke.db")
    assert.equal(3, status)
    assert.matches("the journal /finnes/ikke.db is not there", text)
    text, status = shell("status --postgres 'host=/finnes/ikke password=hemmelig'")
    assert.equal(4, status)
    assert.is_nil(text:find("hemmelig", 1, true))
    assert.equal(2, select(2, shell("statsu")))
  end)

  it("belongs to its account: credentials, files and journal", function()
    local other = receivers.new(1)
    local wrong = { username = core.uuid(), password = "x" }
    local both = assert(assert(fiks.new { environment = "sandbox" }):svarinn {
      version = 1, accounts = { wrong,
        { username = stage.system.brukernavn, password = stage.system.passord,
          keys = stage.keys },
        { username = other.system.brukernavn, password = other.system.passord,
          keys = other.keys } },
      keys = stage.keys,
    })
    local mine, theirs = stage:put(1)[1], other:put(1)[1]
    local list = assert(both:list())
    assert.equal("auth", list.errors[wrong.username].kind)
    local account = {}
    for _, f in ipairs(list) do
      account[f.id] = f.account
    end
    assert.same({ [mine] = stage.system.brukernavn, [theirs] = other.system.brukernavn }, account)
    assert.equal("auth", select(2, both:get(core.uuid())).kind) -- it may be wrong's
    assert.equal(theirs, both:get(theirs).id)
    local none, err = both:acknowledge(mine)
    assert.is_nil(none)
    assert.equal("account", err.code)
    none, err = both:acknowledge({ id = mine, account = "ukjent" })
    assert.is_nil(none)
    assert.equal("account", err.code)
    none, err = both:acknowledge(mine, { account = other.system.brukernavn })
    assert.is_nil(none)
    assert.equal("not_found", err.kind)
    assert(both:acknowledge(list[1]))
    local got = {}
    for f, problem in fiks.check(both:receive { into = stage.into }) do
      got[#got + 1] = problem and problem.kind or f.id
    end
    assert.same({ "auth", theirs }, got)
    assert.equal("not_listed", select(2, svarinn:get(mine)).code)
    other.remove()
  end)
end)
