-- The table of edge cases of SvarInn, rows 57 to 75 (archives, and the files in them): a test each,
-- against a scripted server, or by the C tests named.

local core = require "fiks.core"
local downloads = require "spec.support.downloads"
local proof = require "spec.support.proof"

local PDF = "%PDF-1.4 et lite brev\n"
local SOKNAD = "søknad æøå.pdf"

describe("edge cases of SvarInn's content,", function()
  local all, here
  local always, refused, stored = downloads.always, downloads.refused, downloads.stored

  setup(function()
    all = downloads.new()
    here = all.here
  end)
  teardown(function()
    all:stop()
  end)
  before_each(function()
    all:forget()
  end)

  it("row 57: an empty zip", function()
    assert.same({}, all:download(always(here:encrypt(all.zips.empty))).files)
    refused("archive", "no_files", all:download(always(here:encrypt(all.zips.empty)),
      { { navn = "a" } }))
  end)

  it("row 58: a file that the list does not name is marked, and has a type", function()
    local got = all:download(always(here:encrypt(all.zips["ok-utf8-datadescriptor"])),
      { { navn = SOKNAD, mime = "application/pdf" }, { navn = "tom.bin" } })
    local file = got.files[2]
    assert.same({ "vedlegg.txt", "undeclared", true, "text/plain" },
      { file.name, file.verdict, file.undeclared, file.mime })
    assert.is_nil(got.files[1].undeclared)
  end)

  it("row 59: a file of the list that is not in the zip", function()
    local err = refused("integrity", "missing",
      all:download(always(here:encrypt(all.zips["ok-utf8-datadescriptor"])),
        { { navn = SOKNAD }, { navn = "borte.pdf" } }))
    assert.matches("borte.pdf", err.message, 1, true)
  end)

  it("row 60: names twice, also in case or composition only", function()
    for _, kind in ipairs { "duplicates", "duplicates-case", "duplicates-nfd" } do
      all:check_kind(kind)
    end
    local got = all:download(always(here:encrypt(all.zips.duplicates)), {},
      { rename_duplicates = true })
    assert.same({ "a.pdf", "a (2).pdf", "A (3).PDF" }, { got.files[1].stored_as,
      got.files[2].stored_as, got.files[3].stored_as })
  end)

  it("row 61: names that lead elsewhere, links, folders", function()
    for number = 0, 5 do
      all:check_kind("traversal-" .. number)
    end
    for _, kind in ipairs { "traversal", "name-nul", "name-empty", "symlink", "folders" } do
      all:check_kind(kind)
    end
    proof.in_c("test_unzip: names_that_lead_elsewhere links_and_devices folders_are_skipped")
  end)

  it("row 62: names that Windows cannot have", function()
    all:check_kind("name-reserved")
    proof.in_c("test_names: stores_under_names_every_system_takes")
  end)

  it("row 63: names without the UTF-8 flag", function()
    for _, kind in ipairs { "name-utf8-noflag", "name-cp850-noflag", "name-cp865-noflag",
      "name-latin1-noflag", "name-windows1252-noflag", "name-unicode-field" } do
      all:check_kind(kind)
    end
    local files = assert(here:receive(here:encrypt(all.zips["name-latin1-noflag"])))
    assert.equal("s%F8knad %E6%F8%E5.pdf", files[1].name)
  end)

  it("row 64: a name that is not the UTF-8 it says it is", function()
    local message = here:encrypt(all.zips["name-invalid-utf8-flag"])
    local err = refused("archive", "name", all:download(always(message)))
    assert.matches("s\\xF8knad", err.message, 1, true)
    -- the place in the list, when the hash proves it
    local got = all:download(always(message), { { navn = SOKNAD, sha256 = core.sha256(PDF) } })
    assert.same({ SOKNAD, "verified" }, { got.files[1].name, got.files[1].verdict })
  end)

  it("row 65: a decomposed name is that of the list", function()
    local got = all:download(always(here:encrypt(all.zips["name-nfd-flag"])),
      { { navn = SOKNAD, sha256 = core.sha256(PDF) } })
    assert.same({ SOKNAD, "verified" }, { got.files[1].name, got.files[1].verdict })
  end)

  it("row 66: a name of more than 255 bytes", function()
    all:check_kind("name-overlong-300")
    proof.in_c("test_names: shortens_long_names_and_keeps_them_apart")
  end)

  it("row 67: bombs, and archives in archives", function()
    all:check_kind("bomb-10MiB-zeros")
    proof.in_c("test_unzip: bombs a_large_bomb_is_stopped_before_its_end total_limit "
      .. "too_many_entries", "test_receive_bad: what_packs_well_and_was_announced")
    here.material:write("indre.zip", all.zips["bomb-10MiB-zeros"])
    here.material:sh("zip -q ytre indre.zip indre.zip")
    local got = all:download(always(here:encrypt(here.material:read("ytre.zip"))))
    assert.equal(all.zips["bomb-10MiB-zeros"], stored(got, got.files[1])) -- as it came
  end)

  it("row 68: a wrong CRC", function()
    all:check_kind("bad-crc")
  end)

  it("row 69: a method that is not supported", function()
    all:check_kind("method-bzip2")
    local message = here:encrypt(all.zips["method-bzip2"])
    local err = refused("archive", "unsupported", all:download(always(message)))
    assert.matches("unsupported method 12", err.message, 1, true)
    local got = all:download(always(message), {}, {}, true)
    assert.equal(all.zips["method-bzip2"], stored(got, got.files[1]))
  end)

  it("row 70: an encrypted entry", function()
    all:check_kind("flag-encrypted")
    local got = all:download(always(here:encrypt(all.zips["flag-encrypted"])), {}, {}, true)
    assert.equal(all.zips["flag-encrypted"], stored(got, got.files[1]))
  end)

  it("row 71: local and central names, overlaps, junk in front", function()
    for _, kind in ipairs { "local-central-name-mismatch", "overlap", "prefix-junk" } do
      all:check_kind(kind)
    end
    proof.in_c("test_unzip: the_directory_must_agree")
  end)

  it("row 72: a truncated zip in a whole message", function()
    all:check_kind("truncated-no-central-dir")
  end)

  it("row 73: a single file that is a zip itself", function()
    local docx = all.zips["ok-utf8-datadescriptor"]
    for _, file in ipairs { { navn = "brev.docx", sha256 = core.sha256(docx) },
      { navn = "brev.docx", size = #docx }, { navn = "brev.docx" } } do
      local got = all:download(always(here:encrypt(docx)), { file })
      assert.same({ 1, "brev.docx" }, { #got.files, got.files[1].name })
      assert.equal(docx, stored(got, got.files[1]))
    end
  end)

  it("row 74: a Content-Type that is wrong", function()
    for _, row in ipairs { { "application/pdf", all.zips["ok-single-pdf"], "brev.pdf", true },
      { "application/zip", PDF, "dokument.pdf", true },
      { "application/zip", all.zips["ok-single-pdf"], "brev.pdf", false } } do
      all.lines = {}
      local answers = always(here:encrypt(row[2]))
      answers[1].type = row[1]
      local got = all:download(answers)
      assert.equal(row[3], got.files[1].name)
      assert.equal(row[4], all:warned("Content-Type"))
    end
  end)

  it("row 75: the type of a file", function()
    local message = here:encrypt(PDF)
    for _, mime in ipairs { "application/pdf", "tull", "" } do
      local got = all:download(always(message), { { navn = "a.pdf", mime = mime } })
      assert.equal(mime, got.files[1].mime)
    end
    assert.equal("application/octet-stream",
      all:download(always(message), { { navn = "a.pdf" } }).files[1].mime)
  end)

end)
