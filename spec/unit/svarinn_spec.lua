-- fiks.svarinn: list, acknowledge, fail, download, with a client that follows a script.

local core = require "fiks.core"
local SvarInn = require "fiks.svarinn"
local support = require "spec.support.svarinn"

local failure, list_of, new = support.failure, support.list_of, support.new
local new_client = support.client

describe("client:svarinn", function()
  local function refused(option, given, client)
    local made, err = SvarInn.new(client or new_client {}, given, 2)
    assert.is_nil(made)
    assert.equal("config", err.kind)
    assert.equal("svarinn." .. option, err.code)
    assert.is_nil(tostring(err):find("pass^(ord", 1, true))
  end

  it("needs user name, password and keys", function()
    refused("username", { password = "pass^(ord" })
    refused("password", { username = "u" })
    refused("password", { username = "u", password = "pass^(ord\n" })
    refused("version", { username = "u", password = "p", version = 3 })
    refused("keys", { username = "u", password = "p", keys = {} })
    refused("keys", { username = "u", password = "p", keys = "k.pem" })
    refused("keys", { username = "u", password = "p" },
      { contract = "current", _settings = {} })
  end)

  it("takes its version from the contract", function()
    local client = new_client {}
    local given = { username = "u", password = "p" }
    assert.equal(2, SvarInn.new(client, given, 2).version)
    client.contract = "2018"
    assert.equal(1, SvarInn.new(client, given, 2).version)
  end)

  it("raises for unknown options, shows no password", function()
    local ok, err = pcall(SvarInn.new, new_client {}, { user = "u" }, 2)
    assert.is_false(ok)
    assert.matches("did you mean 'username'", err)
    assert.equal("fiks.SvarInn (v1, bruker)", tostring((new())))
  end)
end)

describe("svarinn:list", function()
  it("normalises, with Basic credentials in the call", function()
    local svarinn, client = new { ["svarinn.v1.list"] = list_of("a", "b") }
    local list = assert(svarinn:list())
    assert.equal("a", list[1].id)
    assert.equal("a.txt", list[2].filer[1].navn)
    assert.same({ username = "bruker", password = "pass^(ord" }, client.calls[1].opts)
    assert.is_false(svarinn.backlog)
  end)

  it("is empty, has a BOM, repeats ids", function()
    assert.same({}, new({ ["svarinn.v1.list"] = "[]" }):list())
    local body = "\239\187\191" .. list_of("a", "b", "a")
    assert.equal(2, #new({ ["svarinn.v1.list"] = body }):list())
  end)

  it("notes a full page", function()
    local ids = {}
    for i = 1, 200 do
      ids[i] = "id" .. i
    end
    local svarinn = new { ["svarinn.v1.list"] = list_of((rawget(table, "unpack")
      or rawget(_G, "unpack"))(ids)) }
    svarinn:list()
    assert.is_true(svarinn.backlog)
  end)

  it("refuses everything but a JSON array, with an excerpt", function()
    for body, text in pairs {
      ["{\"error\":\n\"x\"}"] = "not a JSON array: {\"error\": \"x\"}",
      ["[{\"id\":"] = "not JSON",
      ["\"x\""] = "not a JSON array",
      ["null"] = "not a JSON array",
      ["{}"] = "not a JSON array",
      ["\255"] = "not JSON",
      [""] = "not JSON",
    } do
      local list, err = new({ ["svarinn.v1.list"] = body }):list()
      assert.is_nil(list)
      assert.equal("protocol", err.kind)
      assert.truthy(err.message:find(text, 1, true), err.message)
    end
  end)

  it("keeps items that cannot be handled, as problems", function()
    local list = new({ ["svarinn.v1.list"] = list_of("../x", "b") }):list()
    assert.equal("forsendelse_id", list[1].problem.code)
    assert.is_nil(list[2].problem)
  end)

  it("passes errors on", function()
    local list, err = new({ ["svarinn.v1.list"] = failure("auth", "401") }):list()
    assert.is_nil(list)
    assert.equal("auth", err.kind)
  end)
end)

describe("svarinn: acknowledge and fail", function()
  it("v1: POSTs", function()
    local svarinn, client = new()
    assert.is_true(svarinn:acknowledge("a"))
    assert.is_true(svarinn:fail({ id = "b" }, { feilmelding = "Feil nøkkel" }))
    assert.equal("svarinn.v1.acknowledge svarinn.v1.fail", client:names())
    assert.same({ id = "a" }, client.calls[1].opts.params)
    assert.same({ feilmelding = "Feil nøkkel", permanent = false },
      core.json_decode(client.calls[2].opts.body))
  end)

  it("v2: PATCHes the status; only the acknowledgement may be repeated", function()
    local svarinn, client = new({}, { version = 2 })
    assert.is_true(svarinn:acknowledge("a"))
    assert.is_true(svarinn:fail("b", { feilmelding = "x", permanent = true }))
    assert.equal("svarinn.v2.status svarinn.v2.status", client:names())
    assert.same({ status = "MOTTATT" }, core.json_decode(client.calls[1].opts.body))
    assert.is_true(client.calls[1].opts.idempotent)
    assert.same({ status = "FEILET", feil = { feilmelding = "x", permanent = true } },
      core.json_decode(client.calls[2].opts.body))
    assert.is_nil(client.calls[2].opts.idempotent)
  end)

  it("give nil, err", function()
    local svarinn = new { ["svarinn.v1.acknowledge"] = failure("not_found"),
      ["svarinn.v1.fail"] = failure("server") }
    local ok, err = svarinn:acknowledge("a")
    assert.is_nil(ok)
    assert.equal("not_found", err.kind)
    ok, err = svarinn:fail("a", { feilmelding = "x" })
    assert.is_nil(ok)
    assert.equal("server", err.kind)
  end)

  it("send nothing for an id that is not safe", function()
    local svarinn, client = new()
    for _, id in ipairs { "../x", "", "a/b" } do
      local ok, err = svarinn:acknowledge(id)
      assert.is_nil(ok)
      assert.equal("invalid", err.kind)
      assert.is_nil((svarinn:fail(id, { feilmelding = "x" })))
    end
    assert.equal(0, #client.calls)
  end)

  it("raise for misuse, at the caller's line", function()
    local svarinn = new()
    for _, f in ipairs {
      function() svarinn:fail("a", {}) end,
      function() svarinn:fail("a", { feilmelding = "x", permanent = 1 }) end,
      function() svarinn:fail("a", { feilmelding = "x", permanet = true }) end,
      function() svarinn:acknowledge(7) end,
      function() svarinn:download("a", { into = "x" }) end,
      function() svarinn:download({ id = "a" }, {}) end,
      function() svarinn:receive { int = "x" } end,
      function() svarinn:receive {} end,
      function() svarinn:receive { into = "x", on_error = 1 } end,
    } do
      local ok, err = pcall(f)
      assert.is_false(ok)
      assert.matches("^[%w/_.]*svarinn_spec.lua:%d+: ", err)
    end
  end)
end)

describe("svarinn:download", function()
  it("does not acknowledge, and refuses a problem", function()
    local real = core.forsendelse_sink
    core.forsendelse_sink = function(options)
      return { options = options, close = function() end }
    end
    local svarinn, client = new { ["svarinn.v1.download"] = function()
      return { status = 200, files = { { name = "x" } }, key = 2 }
    end }
    local got = assert(svarinn:download({ id = "a", filer = {} }, { into = "inn/" }))
    core.forsendelse_sink = real
    assert.same({ folder = "inn/a", key = 2, files = { { name = "x",
      mime = "application/octet-stream" } } }, got)
    assert.equal("svarinn.v1.download", client:names())
    local problem = failure("protocol", "forsendelse_id")
    local none, err = svarinn:download({ id = "..", filer = {}, problem = problem }, { into = "x" })
    assert.is_nil(none)
    assert.equal(problem, err)
  end)
end)
