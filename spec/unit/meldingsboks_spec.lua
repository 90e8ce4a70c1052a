-- client:meldingsboks: batches, their order, and the fate of every message in the 2018 contract.
local core = require("fiks.core")
local fake_client = require("spec.support.fake_client")
local meldinger = require("spec.support.meldinger")
local meldingsboks = require("fiks.meldingsboks")

local id = meldinger.id

-- Answers OK for every message of the call, in the names of 2018-v1.
local function all_ok(call)
  local resultat = core.array({})
  for i, message in ipairs(fake_client.sent(call)) do
    resultat[i] = { id = message.id, indeksert = true, resultatKode = "OK" }
  end
  return { status = 200, json = { resultat = resultat, feilet = false } }
end

local function boks(script, options)
  local client = fake_client.new(script)
  return meldingsboks.new(client, options), client
end

local function sakmapper(n)
  local list = {}
  for i = 1, n do
    list[i] = meldinger.m2018("sakmappe", i)
  end
  return list
end

-- Every id is in exactly one list, and the counts are right.
local function check_fates(result, n)
  local seen, total = {}, 0
  for _, name in ipairs({ "ok", "failed", "reserved", "unknown" }) do
    assert.equal(#result[name], result.counts[name])
    for _, entry in ipairs(result[name]) do
      local key = name == "ok" and entry or entry.id
      assert.is_nil(seen[key])
      seen[key], total = name, total + 1
    end
  end
  assert.equal(n, total)
  assert.equal(n, result.counts.total)
  return seen
end

describe("index", function()
  it("sends a bare array to the operation of the dialect", function()
    for _, dialect in ipairs({ "2018-a", "2018-b", "2018-v1" }) do
      local service, client = boks({ { status = 200, json = {} } }, { dialect = dialect })
      service:index({ meldinger.m2018("sakmappe") })
      assert.equal("meldingsboks." .. dialect .. ".index", client.calls[1].operation)
      assert.equal("[", client.calls[1].body:sub(1, 1))
      assert.same({ meldinger.m2018("sakmappe") }, fake_client.sent(client.calls[1]))
    end
  end)

  it("names the parent as the dialect does", function()
    local message = meldinger.m2018("faktura", 2)
    local service, client = boks({}, { dialect = "2018-a" })
    local result, err = service:index({ message })
    assert.is_nil(result)
    assert.equal("typeMetadata.parent", err.problems[1].path)
    assert.equal(0, #client.calls)
    message.typeMetadata.parent, message.typeMetadata.forelder = message.typeMetadata.forelder, nil
    service = boks({ { status = 200, json = {
      results = { { id = id(2), indexed = true, responseCode = "OK" } }, failed = false,
    } } }, { dialect = "2018-a" })
    assert.is_true(service:index({ message }).complete)
  end)

  it("reports every message: ok, failed, reserved, unknown", function()
    local service = boks({ { status = 200, json = {
      feilet = false,
      resultat = {
        { id = id(1), indeksert = true, resultatKode = "OK" },
        { id = id(2), indeksert = false, resultatKode = "FAILED", resultatMelding = "feil" },
        { id = id(3), indeksert = false, resultatKode = "GDPR_RESERVED" },
        { id = id(4), indeksert = true, resultatKode = "THROTTLED" },
        { id = id(5), indeksert = false, resultatKode = "OK" },
        { id = id(6), indeksert = true },
        { id = id(7), indeksert = true, resultatKode = "OK" },
        { id = id(7), indeksert = true, resultatKode = "OK" },
        { id = id(99), indeksert = true, resultatKode = "OK" },
        "x",
      },
    } } })
    local result = service:index(sakmapper(8))
    local fate = check_fates(result, 8)
    assert.same({ id(1) }, result.ok)
    assert.same({ { id = id(2), code = "FAILED", reason = "feil" } }, result.failed)
    assert.same({ { id = id(3), code = "GDPR_RESERVED" } }, result.reserved)
    for i = 4, 8 do
      assert.equal("unknown", fate[id(i)])
    end
    assert.equal("THROTTLED", result.unknown[1].code)
    assert.equal("no_answer", result.unknown[5].code)
    assert.is_false(result.complete)
    assert.equal(2, #result.warnings) -- the id that was not sent, and "x"
    assert.equal("8 messages: 1 ok, 1 failed, 1 reserved, 5 unknown", tostring(result))
  end)

  it("is complete when all are stored or reserved", function()
    local service = boks({ { status = 200, json = {
      resultat = {
        { id = id(2), indeksert = false, resultatKode = "GDPR_RESERVED" },
        { id = id(1), indeksert = true, resultatKode = "OK" },
      },
    } } })
    local result, err = service:index(sakmapper(2))
    assert.is_nil(err)
    assert.is_true(result.complete)
    check_fates(result, 2)
  end)

  it("takes HTTP 200 with feilet = true for a failure of unknown extent", function()
    local service = boks({ { status = 200, json = {
      feilet = true, feilmelding = "indeks utilgjengelig",
      resultat = { { id = id(1), indeksert = true, resultatKode = "OK" } },
    } } })
    local result = service:index(sakmapper(2))
    check_fates(result, 2)
    assert.equal(2, #result.unknown)
    assert.equal("server", result.err.kind)
    assert.matches("indeks utilgjengelig", result.err.message, 1, true)
  end)

  it("leaves all unknown when the answer is lost, cut, or an error of the server", function()
    local lost = {
      { status = 200, body = '{"resultat":[{"id":"5a0' },
      { status = 200, body = "" },
      { status = 200, body = "5" },
      { status = 500 },
      { status = 502, body = "<html></html>", content_type = "text/html" },
      fake_client.fail({ kind = "timeout", message = "the deadline passed" }),
      fake_client.fail({ kind = "network", message = "cut" }),
      fake_client.fail({ kind = "cancelled", message = "cancelled" }),
    }
    for i, step in ipairs(lost) do
      local service, client = boks({ step })
      local result, err = service:index(sakmapper(3))
      assert.is_nil(err, "case " .. i)
      check_fates(result, 3)
      assert.equal(3, #result.unknown)
      assert.equal("unknown", result.batches[1].outcome)
      assert.is_table(result.err)
      assert.equal(1, #client.calls) -- repeating is the engine's
    end
  end)

  it("gives nil and the error when surely nothing is stored", function()
    for status, kind in pairs({ [401] = "auth", [403] = "denied", [404] = "not_found",
      [409] = "conflict", [413] = "rejected", [422] = "rejected", [429] = "rate_limited" }) do
      local service = boks({ { status = status } })
      local result, err, refused = service:index(sakmapper(2))
      assert.is_nil(result)
      assert.equal(kind, err.kind)
      check_fates(refused, 2)
      assert.equal("refused", refused.failed[1].code)
      assert.equal("refused", refused.batches[1].outcome)
    end
    local no_token = { kind = "server", operation = "token", message = "x" }
    local service = boks({ fake_client.fail(no_token) })
    local result, err = service:index(sakmapper(1))
    assert.is_nil(result)
    assert.equal("server", err.kind)
  end)

  it("reads a 400 that names messages", function()
    local service = boks({ { status = 400, json = {
      { meldingId = id(2), felt = "typeMetadata.tittel", feilmelding = "kan ikke være null" },
      { meldingId = id(2), felt = "enhet.id", feilmelding = "ugyldig" },
      { meldingId = core.null, felt = "enhet.id", feilmelding = "ugyldig" },
    } } })
    local result, err, refused = service:index(sakmapper(3))
    assert.is_nil(result)
    assert.equal("rejected", err.kind)
    assert.same({ id(2) }, err.ids)
    assert.equal(3, #err.problems)
    assert.equal("typeMetadata.tittel", err.problems[1].path)
    check_fates(refused, 3)
    assert.same({ "refused", "invalid", "refused" },
      { refused.failed[1].code, refused.failed[2].code, refused.failed[3].code })
    assert.equal("typeMetadata.tittel: kan ikke være null; enhet.id: ugyldig",
      refused.failed[2].reason)
  end)

  it("survives every other body of a 400", function()
    for _, body in ipairs({ "", "<html>", "{", "null", "5", "[]", "{}", '["x"]',
      '{"errorJson":null}', '{"errorJson":"{"}', ("["):rep(60) .. ("]"):rep(60) }) do
      local service = boks({ { status = 400, body = body } })
      local result, err, refused = service:index(sakmapper(2))
      assert.is_nil(result)
      assert.same({}, err.ids)
      check_fates(refused, 2)
    end
  end)

  it("sends 5000 in a request, and splits more", function()
    local service, client = boks({ always = all_ok })
    local result = service:index(sakmapper(5000))
    assert.equal(1, #client.calls)
    assert.is_true(result.complete)
    result = service:index(sakmapper(5001))
    assert.equal(3, #client.calls)
    assert.equal(1, #fake_client.sent(client.calls[3]))
    assert.is_true(result.complete)
    assert.equal(5001, result.counts.ok)
    assert.same({ 5000, 1 }, { result.batches[1].size, result.batches[2].size })
  end)

  it("keeps the order of the messages", function()
    local service, client = boks({ always = all_ok })
    service:index(sakmapper(10), { batch_size = 4 })
    local place = 0
    for _, call in ipairs(client.calls) do
      for _, message in ipairs(fake_client.sent(call)) do
        place = place + 1
        assert.equal(id(place), message.id)
      end
    end
    assert.equal(10, place)
  end)

  it("sends nothing for an empty list", function()
    local service, client = boks({})
    local result = service:index({})
    assert.equal(0, #client.calls)
    assert.is_true(result.complete)
    assert.equal(0, result.counts.total)
    assert.is_true(service:index(function() return nil end).complete)
  end)

  it("takes an iterator", function()
    local service, client = boks({ always = all_ok })
    local n = 0
    local result = service:index(function()
      n = n + 1
      return n <= 3 and meldinger.m2018("sakmappe", n) or nil
    end)
    assert.equal(3, result.counts.ok)
    assert.equal(1, #client.calls)
  end)

  it("stops at the first batch that fails, and says which were not sent", function()
    local service, client = boks({ all_ok, { status = 503 } })
    local result, err = service:index(sakmapper(6), { batch_size = 2 })
    assert.is_nil(err)
    assert.equal(2, #client.calls)
    local fate = check_fates(result, 6)
    assert.same({ "ok", "ok", "unknown", "unknown", "failed", "failed" },
      { fate[id(1)], fate[id(2)], fate[id(3)], fate[id(4)], fate[id(5)], fate[id(6)] })
    assert.equal("not_sent", result.failed[1].code)
    assert.equal("server", result.err.kind)
    assert.same({ "answered", "unknown", "not_sent" },
      { result.batches[1].outcome, result.batches[2].outcome, result.batches[3].outcome })
  end)

  it("gives a result when an earlier batch was stored", function()
    local service = boks({ all_ok, { status = 401 } })
    local result, err = service:index(sakmapper(4), { batch_size = 2 })
    assert.is_nil(err)
    assert.equal("auth", result.err.kind)
    assert.equal(2, result.counts.ok)
    check_fates(result, 4)
  end)
end)

describe("parents", function()
  -- The ids of each request.
  local function batches_of(list, options)
    local service, client = boks({ always = all_ok })
    local result, err = service:index(list, options)
    local found = {}
    for i, call in ipairs(client.calls) do
      found[i] = {}
      for j, message in ipairs(fake_client.sent(call)) do
        found[i][j] = message.id
      end
    end
    return found, result, err
  end

  local function child(n, parent)
    local message = meldinger.m2018("faktura", n)
    message.typeMetadata.forelder.id = id(parent)
    return message
  end

  it("go in an earlier batch than their children", function()
    local list = { child(5, 4), child(3, 1), meldinger.m2018("sakmappe", 1), child(4, 3),
      meldinger.m2018("sakmappe", 2) }
    assert.same({ { id(1), id(2) }, { id(3) }, { id(4) }, { id(5) } }, (batches_of(list)))
  end)

  it("cost no batch when they are not in the call", function()
    local list = { child(2, 99), meldinger.m2018("sakmappe", 1), child(3, 98) }
    assert.same({ { id(2), id(1), id(3) } }, (batches_of(list)))
  end)

  it("may stand over a long chain", function()
    local list = { meldinger.m2018("sakmappe", 1) }
    for i = 2, 300 do
      list[i] = child(i, i - 1)
    end
    local found, result = batches_of(list)
    assert.equal(300, #found)
    assert.is_true(result.complete)
  end)

  it("form no rings", function()
    local _, result, err = batches_of({ child(1, 1) })
    assert.is_nil(result)
    assert.equal("parent", err.problems[1].rule)
    _, result, err = batches_of({ child(1, 2), child(2, 3), child(3, 1), child(4, 1) })
    assert.is_nil(result)
    assert.equal(4, err.problem_count)
  end)
end)

describe("before anything is sent", function()
  local function refused(list, options)
    local service, client = boks({})
    local result, err = service:index(list, options)
    assert.is_nil(result)
    assert.equal("invalid", err.kind)
    assert.equal(0, #client.calls)
    return err
  end

  it("every problem of every message is found", function()
    local list = sakmapper(5)
    list[2].typeMetadata.tittel = nil
    list[2].enhet = 5
    list[5].id = "x"
    local err = refused(list)
    assert.equal(3, err.problem_count)
    assert.same({ 2, id(2), "enhet", "type" }, { err.problems[1].index, err.problems[1].id,
      err.problems[1].path, err.problems[1].rule })
    assert.same({ 5, "id" }, { err.problems[3].index, err.problems[3].path })
    assert.is_nil(err.problems[3].id)
    assert.matches("3 problems in 2 of 5 messages", err.message, 1, true)
  end)

  it("the same id twice is found", function()
    local list = sakmapper(3)
    list[3].id = id(1)
    local err = refused(list)
    assert.same({ 3, "id", "duplicate" },
      { err.problems[1].index, err.problems[1].path, err.problems[1].rule })
    assert.matches("message 1", err.problems[1].message, 1, true)
  end)

  it("lists with holes or names are found", function()
    local one = meldinger.m2018("sakmappe")
    assert.matches("element 2", refused({ one, nil, one }).message, 1, true)
    refused({ [0] = one })
    refused(one)
    refused({ "x" })
  end)

  it("messages over a size are found, when asked for", function()
    local list = sakmapper(2)
    list[2].typeMetadata.tittel = ("ø"):rep(5000)
    local err = refused(list, { max_message_bytes = 5000 })
    assert.equal("size", err.problems[1].rule)
    assert.equal(2, err.problems[1].index)
    local service = boks({ all_ok })
    assert.is_true(service:index(list).complete)
  end)

  it("misuse raises, naming what is valid", function()
    local service = boks({})
    assert.has_error(function() service:index(nil) end)
    assert.has_error(function() service:index("x") end)
    assert.has_error(function() service:index({}, { batchsize = 1 }) end)
    for _, size in ipairs({ 0, 5001, 1.5, "5" }) do
      assert.has_error(function() service:index({}, { batch_size = size }) end)
    end
    assert.has_error(function() boks({}, { dialect = "2018" }) end)
    local _, message = pcall(boks, {}, { dialect = "2018v1" })
    assert.matches("did you mean '2018-v1'", message, 1, true)
    assert.has_error(function() boks({}, { dialekt = "2018-a" }) end)
  end)
end)
