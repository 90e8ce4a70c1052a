-- The table of edge cases of SvarInn, rows 1 to 30 (HTTP and the list) and 76 to 80 (what is done
-- with it): a test each, against a scripted server.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"
local receivers = require "spec.support.receivers"
local sandbox = require "spec.support.sandbox"

local LIST = { "/tjenester/svarinn/mottaker/hentNyeForsendelser", "/api/svarinn/v2/forsendelser" }
local ONE = "/tjenester/svarinn/forsendelse/"
local ACK = "/tjenester/svarinn/kvitterMottak/forsendelse/"
local PASSWORD = "p:æøå ^(x"

describe("edge cases of SvarInn,", function()
  local here, stage, svarinn, cms

  setup(function()
    here = endpoint.start()
    cms = core.base64(core.cms_encrypt("%PDF-1.4 brev", { here.material:read("kommune.pem") }))
  end)
  teardown(function()
    here:stop()
  end)

  local function new(version)
    local client = assert(fiks.new { environment = { svarut = here.url },
      allow_loopback_http = true })
    return assert(client:svarinn { username = "mottak", password = PASSWORD, version = version,
      keys = { { key = here.material:path("kommune.key") } } })
  end

  before_each(function()
    here:forget()
    stage = receivers.at(here, 1)
    svarinn = new(1)
  end)
  after_each(function()
    stage.remove()
  end)

  local function item(id, more)
    local fields = { id = id, tittel = "t", filmetadata = core.array { { filnavn = "brev.pdf" } } }
    for name, value in pairs(more or {}) do
      fields[name] = value
    end
    return fields
  end

  -- The list has these (ids, or items), each can be downloaded and acknowledged.
  local function listed(...)
    local items = core.array { ... }
    for i, one in ipairs(items) do
      items[i] = type(one) == "table" and one or item(one)
      local id = tostring(items[i].id)
      here:answers(ONE .. id, { base64 = cms, always = true })
      here:answers(ACK .. id, { body = "", always = true })
    end
    here:answers(LIST[1], { body = assert(core.json_encode(items)), always = true })
  end

  local function receive(options)
    options = options or {}
    options.into = options.into or stage.into
    local got = {}
    for f, err in assert(svarinn:receive(options)) do
      got[#got + 1], f.err = f, err
    end
    return got
  end

  -- The list was answered so; the error.
  local function refused(answer, version)
    here:answers(LIST[version or 1], answer)
    local list, err = (version and new(version) or svarinn):receive { into = stage.into }
    assert.is_nil(list)
    assert.is_nil(tostring(err):find(PASSWORD, 1, true))
    return err
  end

  local function count(path)
    return #here:seen(path)
  end

  it("row 1: 401 for the list: who and where, no password, and no second try", function()
    local err = refused { status = 401, body = "" }
    assert.equal("auth", err.kind)
    assert.matches("mottak.*" .. here.url:gsub("%p", "%%%0"), err.message)
    assert.equal(1, count(LIST[1]))
  end)

  it("row 2: 403 for the list", function()
    local err = refused { status = 403, body = "" }
    assert.equal("denied", err.kind)
    assert.matches("no access", err.message)
    here:answers(LIST[1], { status = 403, body = "", always = true })
    local before, why = count(LIST[1]), select(2, svarinn:run { into = stage.into, every = 0.01 })
    assert.same({ "denied", 1 }, { why.kind, count(LIST[1]) - before }) -- not again and again
  end)

  it("row 3: 401 for one download: the others go on", function()
    listed("a", "b")
    here:answers(ONE .. "a", { status = 401, body = "", always = true })
    local got = receive()
    assert.equal("auth", got[1].err.kind)
    assert.matches("credentials of mottak: is it another account's", got[1].err.message)
    assert.is_true(got[2].acknowledged)
  end)

  it("row 4: 404 for the list: the address, and what it may be", function()
    for version = 1, 2 do
      local err = refused({ status = 404, body = "" }, version)
      assert.equal("not_found", err.kind)
      assert.matches(LIST[version], err.message, 1, true)
      assert.matches("/tjenester.*/api", err.message)
    end
  end)

  it("row 5: 404 for a download: it is gone, and that is said once", function()
    listed("a", "b")
    here:answers(ONE .. "a", { status = 404, body = "" })
    local lines = {}
    fiks.log("warning", function(_, line) lines[#lines + 1] = line end)
    local got = receive()
    fiks.log(nil)
    assert.is_true(got[1].gone)
    assert.is_true(got[2].acknowledged)
    assert.equal("svarinn: a is gone: listed, and not there to be downloaded", lines[#lines])
    assert.equal(1, svarinn:status().counts.gone)
    assert.is_nil(svarinn:status().oldest)
  end)

  it("row 6: 404, 409, 410 for the acknowledgement: done already", function()
    listed("a", "b", "c")
    for id, status in pairs { a = 404, b = 409, c = 410 } do
      here:answers(ACK .. id, { status = status, body = "" })
    end
    for _, f in ipairs(receive()) do
      assert.is_true(f.acknowledged)
      assert.is_nil(f.ack_error)
    end
    assert.equal(3, svarinn:status().counts.acknowledged)
    assert.same({}, receive())
    assert.equal(1, count(ONE .. "a"))
  end)

  it("row 7: 5xx for the acknowledgement: only that is sent again", function()
    listed("a")
    here:answers(ACK .. "a", { status = 500, body = "", always = true })
    local calls = 0
    local function receive_by_handler()
      return assert(svarinn:receive { into = stage.into, handler = function()
        calls = calls + 1
        return true
      end })
    end
    assert.equal(0, receive_by_handler().acknowledged)
    assert.equal(1, svarinn:status().counts.handed_over)
    here:answers(ACK .. "a", { body = "" })
    assert.equal(1, receive_by_handler().acknowledged)
    assert.same({ 1, 1 }, { calls, count(ONE .. "a") })
  end)

  it("rows 8 and 9: 503 and 429 with Retry-After: waits as long, an hour at most", function()
    for status, kind in pairs { [503] = "server", [429] = "rate_limited" } do
      for after, most in pairs { [1000] = 1000, [86400] = 3600 } do
        here:answers(LIST[1], { status = status, body = "", always = true,
          headers = { ["Retry-After"] = tostring(after) } })
        local got
        svarinn:run { into = stage.into, every = 0.01,
          on_error = function(_, err) got = err end, on_round = function() svarinn:stop() end }
        assert.equal(kind, got.kind)
        local wait_s = (svarinn._accounts[1].not_before - select(2, core.now())) / 1000
        assert.is_true(wait_s <= most and wait_s > most - 60, wait_s)
      end
    end
  end)

  it("row 10: a web page for the list", function()
    local err = refused { type = "text/html", body = "<html>Vedlikehold" .. ("x"):rep(300) }
    assert.equal("protocol", err.kind)
    assert.matches("<html>Vedlikeholdx+$", err.message)
    assert.is_true(#err.message < 400)
  end)

  it("row 11: a redirect is not followed", function()
    local err = refused { status = 302, body = "", headers = { Location = here.url .. "/login" } }
    assert.equal(302, err.status)
    assert.equal(0, count("/login"))
  end)

  it("row 12: JSON that is cut, no array, an object with an error", function()
    for _, body in ipairs { "[{\"id\":\"a\"", "{\"feil\":\"nei\"}", "\"x\"", "null", "7" } do
      assert.equal("protocol", refused { body = body }.kind)
    end
  end)

  it("row 13: an empty list", function()
    listed()
    assert.same({}, receive())
    assert.equal(0, assert(svarinn:receive { into = stage.into,
      handler = function() return true end }).received)
  end)

  -- 199 that are parked, and these.
  local function full_page(id)
    local items = core.array { item(id) }
    for i = 1, 199 do
      items[i + 1] = item("p" .. i)
    end
    local opened = assert(require("fiks.store").open { sqlite = stage.into .. "/.fiks-journal.db" })
    assert(opened:batch { { [[WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
      WHERE i < 199) INSERT OR IGNORE INTO fiks_svarinn
      (account, id, state, parked_at, listed_at, seen_at)
      SELECT 'mottak', 'p' || i, 'listed', 1, 1, 1 FROM n]] } })
    opened:close()
    here:answers(ONE .. id, { base64 = cms })
    return { body = assert(core.json_encode(items)) }
  end

  it("rows 14 and 15: a full page again only when something has left it; else an alarm", function()
    listed()
    receive()
    here:forget()
    here:answers(LIST[1], full_page("a"), full_page("b"), full_page("b"))
    here:answers(ACK .. "a", { body = "" })
    here:answers(ACK .. "b", { status = 500, body = "", always = true })
    local lines = {}
    fiks.log("warning", function(_, line) lines[#lines + 1] = line end)
    local sum = svarinn:receive { into = stage.into, handler = function() return true end }
    fiks.log(nil)
    assert.equal(2, count(LIST[1]))
    assert.is_true(sum.backlog)
    assert.is_true(svarinn:status().backlog)
    assert.matches("newer forsendelser are hidden", table.concat(lines, "\n"))
  end)

  it("rows 16, 17, 18: unknown fields and values, null, numbers as text", function()
    listed(item("a", { nytt = { felt = 1 }, sikkerhetsniva = "EKSTREM", filmetadata = core.null,
      svarSendesTil = core.null, lenker = core.null, date = "1527140551605" }), item("b", {
      niva = 4, tittel = 7, date = "i går" }))
    local got = receive()
    assert.same({ 1, "EKSTREM", 1527140551605 }, { got[1].raw.nytt.felt, got[1].niva,
      got[1].dato_ms })
    assert.same({ {}, {} }, { got[1].filer, got[1].lenker })
    assert.is_nil(got[1].svarSendesTil)
    assert.same({ 4, "7", "i går" }, { got[2].niva, got[2].tittel, got[2].dato })
    assert.is_nil(got[2].dato_ms)
    assert.is_true(got[1].acknowledged and got[2].acknowledged)
  end)

  it("row 19: an integer beyond 2^53 is not rounded", function()
    here:answers(LIST[1], { body = [=[[{"id":"a","filmetadata":[],"metadataFraAvleverendeSystem":
      {"journalpostnummer":9007199254740993}}]]=] })
    local number = svarinn:list()[1].metadataFraAvleverendeSystem.journalpostnummer
    assert.equal("9007199254740993", tostring(number))
  end)

  it("row 20: an id that is not safe", function()
    listed(item("../x"), item("a/b"), item("a%2e"), item("a\r\nb"), item("god"))
    local got = receive()
    for i = 1, 4 do
      assert.equal("forsendelse_id", got[i].err.code)
    end
    assert.is_true(got[5].acknowledged)
    assert.equal(1, svarinn:status().counts.acknowledged)
  end)

  it("rows 21 and 22: an id twice in a list, and in a later one", function()
    listed("a", "a")
    assert.equal(1, #receive())
    assert.same({}, receive())
    assert.same({ 1, 2 }, { count(ONE .. "a"), count(ACK .. "a") })
  end)

  it("rows 23 and 24: a download elsewhere: no credentials, and which environments", function()
    local urls = { "https://svarut.ks.no/x", "http://user:pw@127.0.0.1:1/x", here.tls_url .. "/x",
      "ftp://127.0.0.1/x" }
    local items = {}
    for i, url in ipairs(urls) do
      items[i] = item("u" .. i, { downloadUrl = url })
    end
    listed((rawget(table, "unpack") or rawget(_G, "unpack"))(items))
    local got = receive()
    for i = 1, #urls do
      assert.equal("invalid", got[i].err.kind, urls[i])
    end
    assert.matches("on svarut.ks.no, and this client speaks to 127.0.0.1:%d+: .*test and prod",
      got[1].err.message)
    assert.equal(0, count("/x"))
  end)

  it("rows 25, 26, 27: Latin-1, a BOM, gzip", function()
    local err = refused { base64 = core.base64("[{\"id\":\"a\",\"tittel\":\"S\248knad\"}]") }
    assert.equal("protocol", err.kind)
    assert.matches("UTF%-8: byte 22", err.message)
    -- Compression is not asked for, so no bomb is ever unpacked: for the list as for a download.
    err = refused { body = "[]", gzip = true }
    assert.equal("content_encoding", err.code)
    listed("a")
    local body = assert(core.json_encode(core.array { item("a") }))
    here:answers(LIST[1], { body = "\239\187\191" .. body })
    assert.is_true(receive()[1].acknowledged)
    for _, path in ipairs { LIST[1], ONE .. "a" } do
      assert.same({ "identity" }, endpoint.header(here:seen(path)[1], "Accept-Encoding"))
    end
  end)

  it("row 28: a password with a colon and æøå; a user name with a colon", function()
    listed()
    receive()
    assert.same({ "Basic " .. core.base64("mottak:" .. PASSWORD) },
      endpoint.header(here:seen(LIST[1])[1], "Authorization"))
    local client = assert(fiks.new { environment = { svarut = here.url },
      allow_loopback_http = true })
    local none, err = client:svarinn { username = "a:b", password = "x",
      keys = { { key = here.material:path("kommune.key") } } }
    assert.is_nil(none)
    assert.matches("colon", err.message)
  end)

  it("row 29: two receivers at a time", function()
    listed("a")
    local text
    assert(svarinn:receive { into = stage.into, handler = function()
      text = receivers.wait(stage:start { into = stage.into })
      return true
    end })
    assert.matches("journal.locked", text)
    assert.matches("another receiver is at work for mottak", text)
  end)

  it("row 30: a proxy that refuses PATCH", function()
    for _, status in ipairs { 405, 501 } do
      here:answers(LIST[2] .. "/a/status", { status = status, body = "", always = true })
      local ok, err = new(2):acknowledge("a")
      assert.is_nil(ok)
      assert.matches("does not let PATCH through.*version = 1", err.message)
    end
  end)

  it("row 76: the disk is full, or something is in the way", function()
    listed(item("a", { filmetadata = core.array { { filnavn = "x", size = 2 ^ 50 } } }), "b")
    assert(io.open(stage.into .. "/b", "w")):close()
    local got = receive()
    assert.same({ "disk_full", "exists" }, { got[1].err.code, got[2].err.code })
    assert.equal(0, count(ACK .. "a") + count(ACK .. "b"))
    assert.equal(2, svarinn:status().counts.listed)
    assert.same({ 0, 0 }, { svarinn:status().errors[1].attempts, #svarinn:status().parked })
    os.remove(stage.into .. "/b")
    assert.is_true(receive()[2].acknowledged)
  end)

  it("row 77: a crash between hand-over and acknowledgement", function()
    listed("a")
    receivers.wait(stage:start { into = stage.into,
      die = { module = "account", step = "acknowledge", when = "before", nth = 1 } })
    assert.equal(0, count(ACK .. "a"))
    assert.matches("ended\n$", receivers.wait(stage:start { into = stage.into }))
    assert.same({ 1, 1, 1 }, { #stage:seen(), count(ONE .. "a"), count(ACK .. "a") })
  end)

  it("row 78: a handler that raises: its own is kept, the others go on", function()
    listed("a", "b")
    local got
    local sum = svarinn:receive { into = stage.into, handler = function(f)
      return f.id == "b" or error("knekt")
    end, on_error = function(f, err) got = f.id .. " " .. err.code end }
    assert.same({ "a handler", 1, 1 }, { got, sum.acknowledged, sum.failed })
    assert.equal(0, count(ACK .. "a"))
    assert.equal("%PDF-1.4 brev", sandbox.read(stage.into .. "/a/brev.pdf"))
  end)

  it("row 79: a handler that yields: nothing is under way meanwhile", function()
    listed("a")
    local go_on = coroutine.wrap(function()
      return svarinn:receive { into = stage.into, handler = function()
        return coroutine.yield()
      end }
    end)
    go_on()
    assert.equal(0, fiks.metrics().calls_in_flight)
    assert.equal(0, count(ACK .. "a"))
    assert.equal(1, go_on(true).acknowledged)
  end)

  it("row 80: no secret, and no person, in any line of the log", function()
    listed(item("a", { tittel = "Barnevernssak", svarSendesTil = { fnr = "01017012345" } }))
    local lines = {}
    fiks.log("debug", function(_, line) lines[#lines + 1] = line end)
    svarinn:receive { into = stage.into, handler = function() return false end }
    fiks.log(nil)
    local text = table.concat(lines, "\n") .. core.json_encode(svarinn:status())
    assert.is_true(#lines > 2)
    for _, secret in ipairs { PASSWORD, core.base64("mottak:" .. PASSWORD), "01017012345",
      "Barnevern" } do
      assert.is_nil(text:find(secret, 1, true), secret)
    end
  end)
end)
