-- svarinn:receive: the workflow, with a sink that only makes folders.

local core = require "fiks.core"
local support = require "spec.support.svarinn"

local failure, list_of, new = support.failure, support.list_of, support.new

describe("svarinn:receive", function()
  local into, made, real_sink

  before_each(function()
    into = os.tmpname()
    os.remove(into)
    assert(os.execute("mkdir " .. into))
    made = {}
    real_sink = core.forsendelse_sink
    core.forsendelse_sink = function(options)
      made[#made + 1] = options
      return { options = options, close = function() end }
    end
  end)
  after_each(function()
    core.forsendelse_sink = real_sink
    os.execute("rm -rf " .. into)
  end)

  -- What the core does when every check passed.
  local function arrive(opts)
    assert(os.execute("mkdir " .. opts.sink.options.folder))
    return { status = 200, files = { { name = "a.txt", verdict = "verified" } } }
  end

  local function wrong_hash()
    local err = failure("integrity", "mismatch")
    err.files = { { name = "a.txt", verdict = "mismatch" }, { name = "b", verdict = "verified" } }
    return nil, err
  end

  local function receive(svarinn, options)
    options = options or {}
    options.into = options.into or into
    local got = {}
    for f, err in assert(svarinn:receive(options)) do
      f.err = err
      got[#got + 1] = f
    end
    return got
  end

  it("downloads, then acknowledges, then hands over", function()
    local svarinn, client = new { ["svarinn.v1.list"] = list_of("a", "b"),
      ["svarinn.v1.download"] = arrive }
    local next_item = assert(svarinn:receive { into = into .. "//" })
    assert.equal("svarinn.v1.list", client:names())
    local f, err = next_item()
    assert.is_nil(err)
    assert.equal("svarinn.v1.list svarinn.v1.download svarinn.v1.acknowledge", client:names())
    assert.is_true(f.acknowledged)
    assert.is_nil(f.redelivered)
    assert.equal(into .. "/a", f.folder)
    assert.equal("verified", f.files[1].verdict)
    assert.same({ id = "a", url = "https://svarut.ks.no/x/a" }, client.calls[2].opts.params)
    assert.same({ folder = into .. "/a", keys = { client._settings.key },
      expected = { { name = "a.txt", sha256 = "00" } } }, made[1])
    assert.equal("b", next_item().id)
    assert.is_nil(next_item())
  end)

  it("never acknowledges a wrong hash, and tells nobody unless asked", function()
    local svarinn, client = new { ["svarinn.v1.list"] = list_of("a", "b"),
      ["svarinn.v1.download"] = function(opts)
        if opts.params.id == "a" then
          return wrong_hash()
        end
        return arrive(opts)
      end }
    local got = receive(svarinn)
    assert.equal("mismatch", got[1].err.code)
    assert.equal("a", got[1].err.id)
    assert.equal("mismatch", got[1].files[1].verdict)
    assert.is_false(got[1].acknowledged)
    assert.is_nil(got[1].reported)
    assert.is_nil(got[2].err)
    assert.equal("svarinn.v1.list svarinn.v1.download svarinn.v1.download "
      .. "svarinn.v1.download svarinn.v1.acknowledge", client:names())
  end)

  it("fetches once more what was damaged on its way, and only that", function()
    for kind, downloads in pairs { integrity = 2, crypto = 1, archive = 1, network = 1 } do
      local calls = 0
      local svarinn = new { ["svarinn.v1.list"] = list_of(kind),
        ["svarinn.v1.download"] = function(opts)
          calls = calls + 1
          if calls == 1 then
            return nil, failure(kind, "x")
          end
          return arrive(opts)
        end }
      local got = receive(svarinn, { report_mismatch = true })
      assert.equal(downloads, calls)
      assert.equal(kind == "integrity", got[1].acknowledged)
      assert.is_nil(got[1].reported)
      assert.equal(kind ~= "integrity", got[1].err ~= nil)
    end
  end)

  it("reports a wrong hash when asked, never as permanent, without personal data", function()
    local svarinn, client = new { ["svarinn.v1.list"] = list_of("a"),
      ["svarinn.v1.download"] = wrong_hash }
    local got = receive(svarinn, { report_mismatch = true })
    assert.is_true(got[1].reported)
    local body = core.json_decode(client.calls[4].opts.body)
    assert.equal("svarinn.v1.fail", client.calls[4].operation)
    assert.is_false(body.permanent)
    assert.matches("1 av 2 filer", body.feilmelding)
    assert.is_nil(body.feilmelding:find("a.txt", 1, true))
  end)

  it("says when the report did not get through", function()
    local svarinn = new { ["svarinn.v1.list"] = list_of("a"),
      ["svarinn.v1.download"] = wrong_hash, ["svarinn.v1.fail"] = failure("server") }
    local got = receive(svarinn, { report_mismatch = true })
    assert.is_nil(got[1].reported)
    assert.equal("server", got[1].report_error.kind)
    assert.equal("mismatch", got[1].err.code)
  end)

  it("reports nothing but wrong hashes", function()
    local svarinn, client = new { ["svarinn.v1.list"] = list_of("a"),
      ["svarinn.v1.download"] = failure("crypto", "no_key") }
    local got = receive(svarinn, { report_mismatch = true })
    assert.equal("crypto", got[1].err.kind)
    assert.is_nil(got[1].reported)
    assert.equal("svarinn.v1.list svarinn.v1.download", client:names())
  end)

  it("only acknowledges what an earlier run received", function()
    assert(os.execute("mkdir " .. into .. "/a"))
    assert(io.open(into .. "/a/a.txt", "w")):close()
    local svarinn, client = new { ["svarinn.v1.list"] = list_of("a") }
    local got = receive(svarinn)
    assert.equal("svarinn.v1.list svarinn.v1.acknowledge", client:names())
    assert.is_true(got[1].redelivered)
    assert.is_true(got[1].acknowledged)
    assert.same({ { name = "a.txt", stored_as = "a.txt", size = 0, verdict = "unverifiable",
      sha256 = core.sha256(""), mime = "application/octet-stream" } }, got[1].files)
    assert.equal(0, #made)
  end)

  it("does not take a file of that name for a received forsendelse", function()
    assert(io.open(into .. "/a", "w")):close()
    core.forsendelse_sink = function()
      return nil, failure("io", "exists")
    end
    local svarinn, client = new { ["svarinn.v1.list"] = list_of("a") }
    local got = receive(svarinn)
    assert.equal("io", got[1].err.kind)
    assert.is_false(got[1].acknowledged)
    assert.equal("svarinn.v1.list", client:names())
  end)

  it("lets go of the sink when the call could not be started", function()
    local closed
    core.forsendelse_sink = function()
      return { close = function() closed = true end }
    end
    local svarinn = new { ["svarinn.v1.list"] = list_of("a"),
      ["svarinn.v1.download"] = failure("invalid", "foreign_host") }
    assert.equal("foreign_host", receive(svarinn)[1].err.code)
    assert.is_true(closed)
  end)

  it("hands over what could not be acknowledged, and says so", function()
    local svarinn = new { ["svarinn.v1.list"] = list_of("a"),
      ["svarinn.v1.download"] = arrive, ["svarinn.v1.acknowledge"] = failure("server") }
    local got = receive(svarinn)
    assert.is_nil(got[1].err)
    assert.is_false(got[1].acknowledged)
    assert.equal("server", got[1].ack_error.kind)
    assert.equal(into .. "/a", got[1].folder)
  end)

  it("takes 404, 409 and 410 to the acknowledgement as done already", function()
    for _, kind in ipairs { "not_found", "conflict" } do
      local svarinn = new { ["svarinn.v1.list"] = list_of(kind:sub(1, 3)),
        ["svarinn.v1.download"] = arrive, ["svarinn.v1.acknowledge"] = failure(kind) }
      local got = receive(svarinn)
      assert.is_true(got[1].acknowledged)
      assert.is_nil(got[1].ack_error)
    end
  end)

  it("touches nothing for an id that is not safe, and goes on", function()
    local svarinn, client = new { ["svarinn.v1.list"] = list_of("../../etc/x", "b"),
      ["svarinn.v1.download"] = arrive }
    local got = receive(svarinn)
    assert.equal("forsendelse_id", got[1].err.code)
    assert.equal("b", got[2].id)
    assert.equal("svarinn.v1.list svarinn.v1.download svarinn.v1.acknowledge", client:names())
  end)

  it("gives bad ones to on_error, if there is one", function()
    local svarinn = new { ["svarinn.v1.list"] = list_of("a", "b", "c"),
      ["svarinn.v1.download"] = function(opts)
        if opts.params.id ~= "b" then
          return nil, failure("network")
        end
        return arrive(opts)
      end }
    local bad = {}
    local got = receive(svarinn, {
      on_error = function(f, err) bad[#bad + 1] = f.id .. err.kind end,
    })
    assert.equal(1, #got)
    assert.same({ "anetwork", "cnetwork" }, bad)
  end)

  it("goes on when a folder cannot be made", function()
    core.forsendelse_sink = function()
      return nil, failure("io", "folder")
    end
    local svarinn, client = new { ["svarinn.v1.list"] = list_of("a", "b") }
    local got = receive(svarinn)
    assert.equal("io", got[1].err.kind)
    assert.equal("io", got[2].err.kind)
    assert.same({}, got[1].files)
    assert.equal("svarinn.v1.list", client:names())
  end)

  it("asks for nothing when there is no folder to receive into", function()
    local svarinn, client = new { ["svarinn.v1.list"] = list_of("a") }
    local items, err = svarinn:receive { into = into .. "/finnes/ikke/" }
    assert.is_nil(items)
    assert.equal("io", err.kind)
    assert.truthy(err.message:find(into .. "/finnes/ikke:", 1, true))
    assert.equal(0, #client.calls)
  end)

  it("gives nil, err when the list cannot be had", function()
    local svarinn = new { ["svarinn.v1.list"] = failure("auth") }
    local items, err = svarinn:receive { into = into }
    assert.is_nil(items)
    assert.equal("auth", err.kind)
  end)

  it("leaves the unread rest of the list alone", function()
    local svarinn, client = new { ["svarinn.v1.list"] = list_of("a", "b"),
      ["svarinn.v1.download"] = arrive }
    local next_item = assert(svarinn:receive { into = into })
    next_item() -- and the loop is left
    assert.equal("svarinn.v1.list svarinn.v1.download svarinn.v1.acknowledge", client:names())
  end)

  it("only acknowledges again what was taken away meanwhile: it was taken", function()
    local script = { ["svarinn.v1.list"] = list_of("a"), ["svarinn.v1.download"] = arrive,
      ["svarinn.v1.acknowledge"] = failure("server") }
    local svarinn, client = new(script)
    receive(svarinn)
    os.execute("rm -r " .. into .. "/a")
    script["svarinn.v1.acknowledge"] = nil
    assert.same({}, receive(svarinn))
    assert.equal("svarinn.v1.list svarinn.v1.download svarinn.v1.acknowledge svarinn.v1.list "
      .. "svarinn.v1.acknowledge", client:names())
    assert.same({}, receive(svarinn)) -- listed all the same: told once more
    assert.equal(7, #client.calls)
    assert.equal(1, svarinn:status().counts.acknowledged)
  end)

  it("shows once more what may have been seen, and only that", function()
    local Journal = require "fiks.svarinn.journal"
    local real = Journal.handed_over
    local function whole(opts)
      local answer = arrive(opts)
      assert(io.open(into .. "/a/a.txt", "w")):close()
      return answer
    end
    local svarinn = new { ["svarinn.v1.list"] = list_of("a"), ["svarinn.v1.download"] = whole }
    for _, after in ipairs { false, true } do
      os.execute(("rm -rf %s/a %s/.fiks-journal*"):format(into, into))
      function Journal.handed_over(...)
        Journal.handed_over = real
        if after then
          real(...)
        end
        error("killed", 0)
      end
      assert.has_error(function() receive(svarinn) end, "killed")
      svarinn = new { ["svarinn.v1.list"] = list_of("a") } -- nothing to be downloaded
      local got = receive(svarinn)
      assert.equal("a", got[1].id)
      assert.equal(after or nil, got[1].redelivered)
      assert.is_true(got[1].acknowledged)
      svarinn = new { ["svarinn.v1.list"] = list_of("a"), ["svarinn.v1.download"] = whole }
    end
  end)

  it("goes on in a new loop when one was left", function()
    local svarinn = new { ["svarinn.v1.list"] = list_of("a", "b"),
      ["svarinn.v1.download"] = arrive }
    local left = assert(svarinn:receive { into = into })
    assert.equal("a", left().id)
    local got = receive(svarinn)
    assert.equal("b", got[1].id)
    assert.is_nil(left())
  end)

  it("says what a journal cannot do: two at a time", function()
    local svarinn = new { ["svarinn.v1.list"] = list_of("a", "b"),
      ["svarinn.v1.download"] = arrive }
    local next_item = assert(svarinn:receive { into = into })
    next_item()
    local none, err = new({ ["svarinn.v1.list"] = "[]" }):receive { into = into }
    assert.is_nil(none)
    assert.equal("conflict", err.kind)
    assert.equal("journal.locked", err.code)
    next_item()
    next_item()
    assert(new({ ["svarinn.v1.list"] = "[]" }):receive { into = into })
  end)

  it("shows an account that is refused beside those that are not", function()
    local svarinn = new({
      ["svarinn.v1.list"] = function(opts)
        if opts.username == "en" then
          return nil, failure("auth")
        end
        return { status = 200, body = list_of(opts.username) }
      end,
      ["svarinn.v1.download"] = arrive,
    }, { username = false, password = false, accounts = { { username = "en", password = "1" },
      { username = "to", password = "2" }, { username = "tre", password = "3" } } })
    local got = receive(svarinn)
    assert.same({ "en", "to", "tre" }, { got[1].account, got[2].account, got[3].account })
    assert.equal("auth", got[1].err.kind)
    assert.is_nil(got[1].id)
    assert.is_true(got[3].acknowledged)
  end)

  it("uses the v2 calls in v2", function()
    local svarinn, client = new({ ["svarinn.v2.list"] = list_of("a"),
      ["svarinn.v2.download"] = arrive }, { version = 2 })
    assert.is_true(receive(svarinn)[1].acknowledged)
    assert.equal("svarinn.v2.list svarinn.v2.download svarinn.v2.status", client:names())
  end)
end)
