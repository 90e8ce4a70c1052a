-- The shared test vectors of Fiks' errors, when they are there: what a program sees of each.

local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"

local NAME = "auth/constructed/fiks-errors.json"

local file = io.open("../shared/protocol/data/" .. NAME, "rb")
if not file then
  pending("vectors: " .. NAME)
  return
end
local vectors = assert(core.json_decode(file:read("*a"))).responses
file:close()

local KIND = { [400] = "rejected", [401] = "auth", [403] = "denied", [404] = "not_found" }

describe("the published errors of Fiks", function()
  local here

  setup(function()
    here = endpoint.start()
  end)
  teardown(function()
    here:stop()
  end)

  it("are of every sort", function()
    local seen = {}
    for _, vector in ipairs(vectors) do
      seen[vector.status] = true
    end
    assert.same({ [400] = true, [401] = true, [403] = true }, seen)
  end)

  for _, vector in ipairs(vectors) do
    local body = vector.body

    local function ask()
      here:forget()
      here:answers("/x", { status = vector.status, always = true, body = core.json_encode(body) })
      local client = here:client()
      local answer, err = client:request { method = "GET", path = "/x" }
      client:close()
      assert.is_nil(answer)
      return err
    end

    it(vector.name, function()
      local err = ask()
      assert.equal(KIND[vector.status], err.kind)
      assert.equal(vector.status, err.status)
      assert.equal(body.errorId, err.error_id)
      assert.equal(body.errorCode or "http_" .. vector.status, err.code)
      assert.truthy(err.message:find(body.message, 1, true))
      assert.is_true(err.platform)
      assert.is_false(err.retryable)
      local json = body.errorJson
      assert.same(type(json) == "string" and core.json_decode(json) or json, err.error_json)
    end)

    it(vector.name .. ": a new token only when the token is blamed", function()
      local err = ask()
      local blamed = body.message:find("validere access_token", 1, true) ~= nil
      assert.equal(blamed and 2 or 1, err.attempts)
      assert.equal(blamed and 2 or 1, here:token_requests())
    end)
  end
end)
