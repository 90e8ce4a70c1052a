-- The shared encrypted vectors, when they are there, put in the sandbox and received.

local core = require "fiks.core"
local fiks = require "fiks"
local sandbox = require "spec.support.sandbox"
local vectors = require "spec.support.vectors"

local FOLDER = vectors.folder .. "svarinn/"

-- What each holds, or the kind of error. Files: name = SHA-256 or size.
local VECTORS = {
  { "synthetic/zips/ok-utf8-datadescriptor.zip.cms", "synthetic/test-key.pem",
    files = { ["søknad æøå.pdf"] = 45, ["vedlegg.txt"] = 23, ["tom.bin"] = 0 } },
  { "synthetic/two-recipients.cms", "synthetic/test-key.pem", files = { ["plain.txt"] = true } },
  { "synthetic/dotnet-like-two-ktri.cms", "synthetic/test-key.pem",
    files = { ["plain.txt"] = true } },
  { "synthetic/der-definite-oaep256.cms", "synthetic/test-key.pem",
    files = { ["plain.txt"] = true } },
  { "dekrypter/kryptert.pdf.crypt", "dekrypter/privatekey.pem", files = { ["a.pdf"] = 3820 } },
  { "sakmottak/dokumenter.crypt", "sakmottak/sp-key.pem",
    files = { ["small.pdf"] = 3151, ["text.txt"] = 11 } },
  { "sakmottak/small.crypt", "sakmottak/sp-key.pem", files = { ["small.pdf"] = 3151 } },
  { "synthetic/zips/traversal.zip.cms", "synthetic/test-key.pem", refused = "archive" },
  { "synthetic/zips/duplicates.zip.cms", "synthetic/test-key.pem", refused = "archive" },
  { "synthetic/zips/bomb-10MiB-zeros.zip.cms", "synthetic/test-key.pem", refused = "limit" },
  { "synthetic/truncated-tail.cms", "synthetic/test-key.pem", refused = "crypto" },
  { "sakmottak/id.crypt", "sakmottak/sp-key.pem", refused = "crypto" },
  { "synthetic/ks-like-oaep256.cms", "synthetic/other-key.pem", refused = "crypto" },
}

describe("vectors received from the sandbox", function()
  local into, remove

  before_each(function()
    into, remove = sandbox.folder()
  end)
  after_each(function()
    remove()
  end)

  local function receive(vector, payload)
    local here = sandbox.description()
    local system = sandbox.konfigurasjon("POST", "/mottakersystemer", {
      organisasjonsnummer = here.organisations.kommune.organisasjonsnummer, navn = "vektor",
      sertifikat = sandbox.read(here.svarinn.certificate_file),
    })
    local filer = fiks.array {}
    for name, size in pairs(vector.files or { ["plain.txt"] = true }) do
      filer[#filer + 1] = { filnavn = name, mimeType = "application/octet-stream", innhold = "",
        storrelse = size ~= true and size or 0, sha256 = "" }
    end
    sandbox.konfigurasjon("POST", "/mottakersystemer/" .. system.mottakersystemId
      .. "/forsendelser", { tittel = "Vektor", filer = filer, payload = core.base64(payload) })
    local svarinn = assert(assert(fiks.new { environment = "sandbox" }):svarinn {
      username = system.brukernavn, password = system.passord, version = 1,
      keys = { { key = FOLDER .. vector[2] } },
    })
    return assert(svarinn:receive { into = into })()
  end

  for _, vector in ipairs(VECTORS) do
    local payload = sandbox.read(FOLDER .. vector[1])
    if not payload then
      pending("vectors: svarinn/" .. vector[1])
    else
      it(vector[1] .. (vector.refused and " is refused" or " is received"), function()
        local f, err = receive(vector, payload)
        if vector.refused then
          assert.equal(vector.refused, err and err.kind, tostring(err))
          assert.is_false(f.acknowledged)
          local listing = io.popen("ls -A " .. into .. " | grep -v '^[.]fiks-journal[.]db'")
          assert.equal("", listing:read("*a"))
          listing:close()
          return
        end
        assert.is_nil(err, tostring(err))
        assert.is_true(f.acknowledged)
        local count = 0
        for _, file in ipairs(f.files) do
          local size = vector.files[file.name]
          assert.is_truthy(size, file.name)
          assert.equal(file.size, #sandbox.read(f.folder .. "/" .. file.stored_as))
          assert.is_true(size == true or size == file.size)
          count = count + 1
        end
        for _ in pairs(vector.files) do
          count = count - 1
        end
        assert.equal(0, count)
      end)
    end
  end
end)
