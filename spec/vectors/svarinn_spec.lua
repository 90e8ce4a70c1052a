-- The shared test vectors of SvarInn, when they are there: lists and bodies.

local core = require "fiks.core"
local model = require "fiks.svarinn.model"
local support = require "spec.support.svarinn"
local vectors = require "spec.support.vectors"

local function load(name)
  return vectors.read("svarinn/" .. name)
end

-- A test of one vector; without the vector it is skipped by name.
local function vector(name, what, test)
  local text = load(name)
  if text then
    it(name .. " " .. what, function()
      test(text)
    end)
  else
    pending("vectors: svarinn/" .. name)
  end
end

local function listed(text, version)
  local svarinn = support.new({ ["svarinn.v" .. version .. ".list"] = text },
    { version = version })
  return assert(svarinn:list())
end

describe("vectors of SvarInn", function()
  vector("synthetic/json/v1-hentNyeForsendelser.json", "is read whole", function(text)
    local f = listed(text, 1)[1]
    assert.is_nil(f.problem)
    assert.equal("f11f5cba-68ad-422f-ad2c-922cd6060f46", f.id)
    assert.equal("Ærlige Øy kommune", f.avsender.navn)
    assert.equal("123456789", f.mottaker.orgnr)
    assert.equal("søknad æøå.pdf", f.filer[1].navn)
    assert.equal(45, f.filer[1].size)
    assert.equal(64, #f.filer[1].sha256)
    assert.equal(2020, f.metadataFraAvleverendeSystem.saksaar)
    assert.is_nil(f.metadataForImport.saksaar) -- 0 is "not set"
    assert.equal(1413876613310, f.metadataForImport.dokumentetsDato_ms)
  end)

  for _, name in ipairs { "v2-nested", "v2-flat-draft" } do
    vector("synthetic/json/" .. name .. ".json", "is the same forsendelse as in v1", function(text)
      local two = listed(text, 2)[1]
      local one = listed(load("synthetic/json/v1-hentNyeForsendelser.json"), 1)[1]
      assert.is_nil(two.problem)
      for _, field in ipairs { "id", "tittel", "dato_ms", "niva", "eksternRef",
        "avgivendeSystem", "taushetsbelagtPost" } do
        assert.same(one[field], two[field], field)
      end
      for i, file in ipairs(one.filer) do
        for _, field in ipairs { "navn", "mime", "sha256", "size" } do
          assert.equal(file[field], two.filer[i][field], field)
        end
      end
      for _, field in ipairs { "navn", "adresselinje1", "postnummer", "poststed" } do
        assert.equal(one.avsender[field], two.avsender[field], field)
        assert.equal(one.mottaker[field], two.mottaker[field] or one.mottaker[field], field)
      end
      assert.equal(one.metadataFraAvleverendeSystem.saksaar,
        two.metadataFraAvleverendeSystem.saksaar)
    end)
  end

  vector("synthetic/json/v1-empty-list.json", "has nothing", function(text)
    assert.same({}, listed(text, 1))
  end)

  vector("efm/sampleresponse.json", "has a file without hash and size", function(text)
    local f = listed(text, 1)[1]
    assert.is_nil(f.problem)
    assert.is_nil(f.filer[1].sha256)
    assert.is_nil(f.filer[1].size)
  end)

  vector("telemark-svarinn.json", "has an id that is no UUID", function(text)
    local f = listed(text, 1)[1]
    assert.is_nil(f.problem)
    assert.equal("AAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA", f.id)
    assert.equal(1412668736853, f.dato_ms)
  end)

  vector("sakmottak/SvarUtForsendelse.json", "has three", function(text)
    assert.equal(3, #listed(text, 1))
  end)

  vector("synthetic/json/html-error-200.html", "is no list", function(text)
    local list, err = support.new({ ["svarinn.v1.list"] = text }):list()
    assert.is_nil(list)
    assert.equal("protocol", err.kind)
  end)

  vector("synthetic/json/v1-mottakFeilet.json", "is what fail sends", function(text)
    local svarinn, client = support.new()
    local want = core.json_decode(text)
    assert(svarinn:fail("a", { feilmelding = want.feilmelding, permanent = want.permanent }))
    assert.same(want, core.json_decode(client.calls[1].opts.body))
  end)

  for name, permanent in pairs { midlertidig = false, permanent = true } do
    vector("synthetic/json/v2-status-feilet-" .. name .. ".json", "is what fail sends",
      function(text)
        local svarinn, client = support.new({}, { version = 2 })
        local want = core.json_decode(text)
        assert.equal(permanent, want.feil.permanent)
        assert(svarinn:fail("a", { feilmelding = want.feil.feilmelding, permanent = permanent }))
        assert.same(want, core.json_decode(client.calls[1].opts.body))
      end)
  end

  vector("synthetic/json/v2-status-mottatt.json", "is what acknowledge sends", function(text)
    local svarinn, client = support.new({}, { version = 2 })
    assert(svarinn:acknowledge("a"))
    assert.same(core.json_decode(text), core.json_decode(client.calls[1].opts.body))
  end)

  vector("synthetic/json/v2-nested.json", "survives every field becoming null", function(text)
    local raw = core.json_decode(text)[1]
    for name in pairs(raw) do
      local kept = raw[name]
      raw[name] = core.null
      local _, problem = model.forsendelse(raw)
      assert.equal(name == "id", problem ~= nil, name)
      raw[name] = kept
    end
  end)
end)
