-- Misuse raises at the line of the program that made it, with the function's name; a NUL byte,
-- which may come with data, is nil and an error. Nothing goes out in either case.

local fake_core = require "spec.support.fake_core"

local KONTO = "5b2b3a3e-6b53-4a3a-9a77-0e5c0a9d7f11"

describe("arguments", function()
  local fake, client

  before_each(function()
    fake = fake_core.install()
    client = assert(require("fiks").new {
      environment = "test", integrasjon = { id = KONTO, password = "p" },
    })
  end)
  after_each(fake_core.restore)

  -- Each case: what is given and what the message says. `f` raises at this file's line.
  local function all_raise(what, f, cases)
    for _, case in ipairs(cases) do
      local ok, err = pcall(f, case[1])
      assert.is_false(ok, case[2])
      assert.matches("^[%w/_.]*arguments_spec.lua:%d+: " .. what, err)
      assert.truthy(err:find(case[2], 1, true), err .. "\nwanted: " .. case[2])
    end
    assert.equal(0, #fake.calls)
  end

  local function all_invalid(f, cases)
    for _, case in ipairs(cases) do
      local result, err = f(case[1])
      assert.is_nil(result, case[2])
      assert.equal("invalid", err.kind)
      assert.truthy(err.message:find(case[2], 1, true), err.message .. "\nwanted: " .. case[2])
      assert.is_nil(err.message:find("\0", 1, true))
    end
    assert.equal(0, #fake.calls)
  end

  describe("of client:request", function()
    local function request(given)
      local whole = { method = "POST", path = "/x" }
      for name, value in pairs(given) do
        whole[name] = value
      end
      local answer, err = client:request(whole)
      return answer, err
    end

    it("of a wrong type raise", function()
      local cases = {
        { { path = 7 }, "needs method and path" }, { { body = 7 }, "body must be a string" },
        { { content_type = true }, "content_type must be a string, not a boolean" },
        { { username = {} }, "username must be a string, not a table" },
        { { password = 7 }, "password must be a string" },
        { { correlation_id = 7 }, "correlation_id must be a string" },
        { { query = "a=b" }, "query must be a table, not a string" },
        { { params = 7 }, "params must be a table, not a number" },
        { { query = { "a" } }, "each name in query must be a string, not a number" },
        { { idempotent = "yes" }, "idempotent must be a boolean, not a string" },
        { { timeout_ms = "7" }, "timeout_ms must be a number, not a string" },
        { { parts = "x" }, "parts must be a table, not a string" },
        { { parts = {} }, "parts must be a list" }, { { parts = { "x" } }, "parts[1] must be" },
        { { parts = { { name = "a" } } }, "parts[1] needs name and data" },
        { { parts = { { data = "a" } } }, "parts[1] needs name and data" },
        { { parts = { { name = "a", data = "b", typ = "c" } } }, "unknown option 'typ'" },
        { { parts = { { name = "a", data = "b", filename = 7 } } },
          "parts[1].filename must be a string" },
      }
      for _, value in ipairs { 1.5, -1, 0, 0 / 0, 1e300, 2 ^ 31 } do
        cases[#cases + 1] = { { timeout_ms = value }, "timeout_ms must be a whole number from 1 to "
          .. "2147483647, not " }
      end
      cases[#cases + 1] = { { max_answer_bytes = -1 }, "max_answer_bytes must be a whole number" }
      all_raise("client:request", request, cases)
    end)

    it("with a NUL byte are invalid", function()
      all_invalid(request, {
        { { path = "/x\0y" }, "path holds a NUL byte" },
        { { query = { a = "x\0" } }, "query 'a' holds a NUL byte" },
        { { query = { ["a\0"] = "x" } }, "a name in query holds a NUL byte" },
        { { path = "/{a}", params = { a = "\0" } }, "params 'a' holds a NUL byte" },
        { { body = "a", content_type = "text/\0plain" }, "content_type holds a NUL byte" },
        { { username = "a\0", password = "b" }, "username holds a NUL byte" },
        { { username = "a", password = "b\0" }, "password holds a NUL byte" },
        { { parts = { { name = "a\0", data = "" } } }, "parts[1].name holds a NUL byte" },
        { { parts = { { name = "a", data = "", filename = "b\0" } } },
          "parts[1].filename holds a NUL byte" },
        { { traceparent = "a\0" }, "traceparent holds a NUL byte" },
        { { body = { file = "a\0" } }, "body.file holds a NUL byte" },
        { { into = "a\0" }, "into holds a NUL byte" },
        { { into = { file = "a\0", replace = true } }, "into.file holds a NUL byte" },
      })
    end)

    it("may be a body with NUL bytes, and a part without content", function()
      assert(request { body = "a\0b" })
      assert.equal("a\0b", fake.calls[1].body)
      assert(request { parts = { { name = "tom", data = "" } } })
      assert.equal("", fake.calls[2].parts[1].data)
    end)
  end)

  describe("of svarinn", function()
    local svarinn, real_sink

    before_each(function()
      svarinn = assert(client:svarinn { username = "a", password = "b", keys = { io.stdout } })
      real_sink = fake.forsendelse_sink
      fake.forsendelse_sink = function()
        return { close = function() end }
      end
    end)
    after_each(function()
      fake.forsendelse_sink = real_sink
    end)

    local function download(f)
      local received, err = svarinn:download(f, { into = "/tmp" })
      return received, err
    end

    it("of a wrong type raise", function()
      all_raise("svarinn:download", download, {
        { 7, "expected a forsendelse of the list, got number" },
        { { id = "abc" }, "expected a forsendelse of the list: it has filer" },
        { { id = "abc", filer = { 3 } }, "filer[1] must be a table with navn" },
        { { id = "abc", filer = { { navn = "a" }, {} } }, "filer[2] must be a table with navn" },
        { { id = "abc", filer = { { navn = "a", sha256 = 7 } } }, "filer[1].sha256 must be" },
        { { id = "abc", filer = { { navn = "a", size = "7" } } }, "filer[1].size must be" },
        { { id = "abc", url = 7, filer = {} }, "url must be a string, not a number" },
      })
      all_raise("svarinn:receive", function(given)
        local list, err = svarinn:receive(given)
        return list, err
      end, {
        { {}, "needs into" }, { { into = "/tmp", on_error = 7 }, "on_error must be a function" },
        { { into = "/tmp", report_mismatch = "yes" },
          "report_mismatch must be a boolean, not a string" },
        { { into = "/tmp", report_mismatch = 1 }, "report_mismatch must be a boolean" },
      })
    end)

    it("with a NUL byte are invalid", function()
      all_invalid(download, {
        { { id = "a\0", filer = {} }, "the id of a forsendelse is" },
        { { id = "abc", filer = { { navn = "a\0" } } }, "filer[1] holds a NUL byte" },
        { { id = "abc", url = "https://svarut.ks.no/\0", filer = {} }, "url holds a NUL byte" },
      })
      all_invalid(function(into)
        return svarinn:receive { into = into }
      end, { { "/tmp/x\0y", "svarinn:receive: into holds a NUL byte" } })
      all_invalid(function(into)
        return svarinn:status { into = into }
      end, { { "/tmp/x\0y", "svarinn:status: into holds a NUL byte" } })
      all_invalid(function(into)
        return svarinn:download({ id = "abc", filer = {} }, { into = into })
      end, { { "/tmp/x\0y", "svarinn:download: into holds a NUL byte" } })
    end)
  end)

  describe("of fiksio:send", function()
    local fiksio

    before_each(function()
      fiksio = assert(client:fiksio { konto = KONTO })
    end)

    local function send(given)
      local whole = { to = KONTO, type = "no.ks.test" }
      for name, value in pairs(given) do
        whole[name] = value
      end
      local receipt, err = fiksio:send(whole)
      return receipt, err
    end

    it("of a wrong type raise", function()
      all_raise("fiksio:send", send, {
        { { headers = "x" }, "headers must be a table, such as { navn = \"verdi\" }" },
        { { files = "brev.pdf" }, "files must be a table, such as { \"brev.pdf\" }" },
        { { files = { 7 } }, "files[1] must be a path or" },
      })
    end)

    it("that a receiver could not take are invalid", function()
      all_invalid(send, {
        { { type = "no.ks\r\ntest" }, "type holds a line break" },
        { { type = "no.ks\0test" }, "type holds a line break or another control" },
        { { files = { "a\0" } }, "the path of a file holds a NUL byte" },
        { { files = { { name = "a\0", data = "" } } }, "the name of files[1] holds a NUL byte" },
        { { files = { { name = "a" } } }, "files[1] needs name and data" },
        { { files = { { name = "a", data = "", path = "b" } } }, "both data and path" },
        { { files = { { name = "a", data = "1" }, { name = "b", data = "" },
          { name = "a", data = "2" } } }, "files[1] and files[3] are both named \"a\"" },
      })
    end)
  end)

  it("of other functions with a NUL byte are errors as well", function()
    all_invalid(function(enhet)
      return client:meldingsboks():slett { fiks_organisasjon_id = KONTO, enhet_id = enhet }
    end, { { "HAVN\0", "enhet_id holds a control character" } })
    local made, err = require("fiks").new {
      environment = "test", certificate = { pkcs12 = "a.p12", password = "x\0y" },
    }
    assert.is_nil(made)
    assert.equal("config", err.kind)
    assert.matches("certificate.password' holds a NUL byte", err.message)
  end)
end)
