-- A token of the sandbox that lives for seconds (expires_in), while the token endpoint is down:
-- from its soft margin to its hard one, and after.

local core = require "fiks.core"
local fiks = require "fiks"
local sandbox = require "spec.support.sandbox"

local KONTO = "/fiks-io/katalog/api/v1/kontoer/"
local TOKEN = "/maskinporten/token"

describe("a token endpoint that is down", function()
  local here, integrasjon

  setup(function()
    here = sandbox.description()
    integrasjon = sandbox.integrasjon()
  end)
  after_each(sandbox.no_faults)

  it("is noticed by nobody while the token lasts, then by everybody (row 61)", function()
    local id = fiks.uuid()
    sandbox.konfigurasjon("POST", "/klienter", { klientId = id, tokenLevetid = 4,
      organisasjonsnummer = here.organisations.kommune.organisasjonsnummer })
    local client = sandbox.client("current", integrasjon, { maskinporten = { client_id = id } })
    local function lookup()
      return client:request { method = "GET", path = KONTO .. here.fiksio.mottaker.konto_id }
    end
    local _, before = core.now()
    assert.equal(200, assert(lookup()).status)
    local _, after = core.now() -- the token was born between the two
    sandbox.fault { sti = TOKEN, status = 503, antall = 1000, retryAfter = "60" }
    local mark = sandbox.mark()
    local calls = 0
    local last_good, ended = after, after
    local answer, err
    repeat -- it lives for 3 s: soft from 2 s on, hard from 2.25 s
      local begun = ended
      answer, err = lookup()
      _, ended = core.now()
      if answer then
        calls, last_good = calls + 1, begun
      end
    until not answer or last_good > after + 4000
    assert.is_nil(answer)
    assert.is_true(calls > 2)
    assert.is_true(ended - before > 2240, "not before: " .. ended - before)
    assert.is_true(last_good - after < 2260, "not after: " .. last_good - after)
    assert.equal("server", err.kind)
    assert.equal("token", err.operation)
    assert.equal(1, #sandbox.calls(mark, TOKEN)) -- the refresh; its failure is remembered
    sandbox.no_faults()
    client:close()
  end)
end)
