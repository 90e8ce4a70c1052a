-- The table of edge cases of SvarInn, rows 31 to 75 (download, encryption, archive): a test each,
-- against a scripted server, or by the C tests named.

local content = require "spec.support.content"
local core = require "fiks.core"
local endpoint = require "spec.support.endpoint"
local fiks = require "fiks"
local log = require "fiks.log"
local proof = require "spec.support.proof"
local zip_kinds = require "spec.support.zip_kinds"

local ONE = "/tjenester/svarinn/forsendelse/"
local PDF = "%PDF-1.4 et lite brev\n"
local OAEP = " -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256"
local SOKNAD = "søknad æøå.pdf"

describe("edge cases of SvarInn's content,", function()
  local here, server, zips, lines, count

  setup(function()
    here, server = content.new(), endpoint.start()
    zips = here:zips()
    here.material:sh("mkdir ut")
    count = 0
  end)
  teardown(function()
    server:stop()
    here:remove()
  end)
  before_each(function()
    server:forget()
    lines = {}
    log.set("warning", function(_, line)
      lines[#lines + 1] = line
    end)
  end)
  after_each(function()
    log.set(nil)
  end)

  local function warned(text)
    return table.concat(lines, "\n"):find(text, 1, true) ~= nil
  end

  -- Downloads what the answers hold, for a list with these files. nil, err leaves nothing.
  local function download(answers, filer, options, raw)
    count = count + 1
    local given = { username = "mottak", password = "p", version = 1,
      keys = { { key = here.material:path("mottaker.key") } } }
    for name, value in pairs(options or {}) do
      given[name] = value
    end
    local id, before = ("id-%d"):format(count), here:listing("ut")
    for _, answer in ipairs(answers) do
      answer.base64 = core.base64(answer.bytes)
      answer.bytes = nil
    end
    server:answers(ONE .. id, (table.unpack or unpack)(answers))
    local client = assert(fiks.new { environment = { svarut = server.url },
      allow_loopback_http = true })
    local got, err = assert(client:svarinn(given)):download({ id = id, filer = filer or {} },
      { into = here.material:path("ut"), raw = raw })
    assert.equal(#before + (got and #id + 1 or 0), #here:listing("ut"))
    return got, err, #server:seen(ONE .. id)
  end

  local function stored(got, file)
    local opened = assert(io.open(got.folder .. "/" .. file.stored_as, "rb"))
    local bytes = opened:read("*a")
    opened:close()
    return bytes
  end

  -- The same bytes whenever they are asked for; a header or two.
  local function always(bytes, headers)
    return { { bytes = bytes, headers = headers, always = true } }
  end

  local function refused(kind, code, got, err, times)
    assert.is_nil(got)
    assert.equal(kind .. "/" .. code, err.kind .. "/" .. err.code, err.message)
    return err, times
  end

  local function kind_of(name)
    return function()
      zip_kinds.check(here, zips[name], zip_kinds.kinds[name])
    end
  end

  it("row 31: no Content-Disposition", function()
    local message = here:encrypt(PDF)
    assert.equal("brev.pdf", download(always(message), { { navn = "brev.pdf" } }).files[1].name)
    assert.equal("dokument.pdf", download(always(message)).files[1].name)
    local got = download(always(here:encrypt(zips["ok-single-pdf"])), {}, {}, true)
    assert.equal(got.folder:match("[^/]+$") .. ".zip", got.files[1].name)
  end)

  it("row 32: Content-Disposition with a path, filename*, quotes", function()
    local message = here:encrypt(PDF)
    for header, name in pairs {
      ['attachment; filename="../../brev.pdf"'] = "brev.pdf",
      ["attachment; filename=x; filename*=UTF-8''s%C3%B8knad%0D%0A.pdf"] = "søknad.pdf",
      ['attachment; filename="a \\"b\\".pdf"'] = 'a "b".pdf',
      ['attachment; filename="C:\\mappe\\brev.pdf"'] = "brev.pdf",
    } do
      local got = assert(download(always(message, { ["Content-Disposition"] = header })))
      assert.equal(name, got.files[1].name)
      assert.is_nil(got.files[1].stored_as:find('["/\\]'))
    end
    proof.in_c("test_disposition: reads_the_forms_servers_write gives_only_a_base_name")
  end)

  it("row 33: a download shorter than its Content-Length is fetched again", function()
    local message = here:encrypt(PDF)
    local got, _, times = download { { bytes = message, cut = true },
      { bytes = message, always = true } }
    assert.equal(PDF, stored(got, got.files[1]))
    assert.equal(2, times)
    local none, err = download { { bytes = message, cut = true, always = true } }
    assert.is_nil(none)
    assert.equal("network", err.kind)
  end)

  it("row 34: a cut download without a length", function()
    local message = here:encrypt(PDF)
    for _, answer in ipairs {
      { bytes = message:sub(1, -20), cut = true, headers = { ["Content-Length"] = core.null } },
      { bytes = message:sub(1, -20), chunked = true },
    } do
      answer.always = true
      local err = refused("crypto", "truncated", download({ answer }))
      assert.is_true(err.retryable)
    end
    local none, err = download { { bytes = message, chunked = true, cut = true, always = true } }
    assert.is_nil(none)
    assert.equal("network", err.kind)
    local got = download { { bytes = message:sub(1, -20), chunked = true },
      { bytes = message, chunked = true } }
    assert.equal(PDF, stored(got, got.files[1]))
  end)

  it("row 35: an empty body", function()
    assert.is_true(refused("protocol", "empty", download(always(""))).retryable)
    assert.truthy(download { { bytes = "" }, { bytes = here:encrypt(PDF), always = true } })
  end)

  it("row 36: a body that is not CMS is named", function()
    for body, name in pairs { ["<html>vedlikehold"] = "HTML", ['{"feil":1}'] = "JSON",
      [zips["ok-single-pdf"]] = "a zip (or docx) that is not encrypted",
      [PDF .. PDF .. PDF .. PDF] = "a PDF that is not encrypted" } do
      local err = refused("crypto", "not_cms", download(always(body)))
      assert.matches(name, err.message, 1, true)
    end
  end)

  it("row 37: PEM is read, bare Base64 is not", function()
    local text = core.base64(here:encrypt(PDF)):gsub(("."):rep(64), "%0\n")
    for _, label in ipairs { "CMS", "PKCS7" } do
      local got = download(always(("-----BEGIN %s-----\n%s\n-----END %s-----\n"):format(label, text,
        label)))
      assert.equal(PDF, stored(got, got.files[1]))
    end
    refused("crypto", "not_cms", download(always(text)))
    refused("crypto", "not_cms", download(always(here.certificate)))
  end)

  it("row 38: another type of CMS is named", function()
    here.material:write("plain", PDF)
    here.material:sh("openssl cms -sign -signer mottaker.pem -inkey mottaker.key -in plain "
      .. "-outform DER -out message")
    local err = refused("crypto", "content_type", download(always(here.material:read("message"))))
    assert.matches("1.2.840.113549.1.7.2", err.message, 1, true)
  end)

  it("row 39: a wrong key with OAEP is told, with the certificate's issuer and serial", function()
    local err = refused("crypto", "no_key", download(always(here:openssl(PDF,
      "-aes256 -recip annen.pem" .. OAEP))))
    assert.matches("serial %x+", err.message)
    assert.matches("issued by CN=annen", err.message, 1, true)
  end)

  it("row 40: a wrong key with PKCS#1 v1.5 looks like damage", function()
    local wrong = refused("integrity", "padding", download(always(here:openssl(PDF,
      "-aes256 -recip annen.pem"))))
    local message = here:openssl(PDF, "-aes256 -recip mottaker.pem")
    local damaged = refused("integrity", "padding", download(always(message:sub(1, -18)
      .. string.char((message:byte(-17) + 128) % 256) .. message:sub(-16))))
    assert.equal(wrong.message, damaged.message)
    proof.in_c("test_cms_bad: wrong_key_with_pkcs1_always_fails_at_the_end no_oracle")
  end)

  it("row 41: of several keys, it is told which one fits", function()
    local keys = { { key = here.material:path("annen.key") },
      { key = here.material:path("mottaker.key") } }
    assert.equal(2, download(always(here:encrypt(PDF)), {}, { keys = keys }).key)
    assert.equal(1, download(always(here:encrypt(PDF))).key)
  end)

  it("row 42: a renewed certificate of the same key", function()
    here.material:sh("openssl req -x509 -key mottaker.key -days 9 -subj /CN=ny -out ny.pem")
    local got = download(always(here:openssl(PDF, "-aes256 -recip ny.pem" .. OAEP)))
    assert.equal(PDF, stored(got, got.files[1]))
  end)

  it("row 43: several recipients, ours not the first", function()
    local got = download(always(here:openssl(PDF, ("-aes256 -recip annen.pem%s -recip mottaker.pem%s")
      :format(OAEP, OAEP))))
    assert.equal(PDF, stored(got, got.files[1]))
  end)

  it("row 44: of two entries for us, OAEP is used", function()
    local two = "-aes256 -recip mottaker.pem -recip %s.pem" .. OAEP
    assert.truthy(download(always(here:openssl(PDF, two:format("mottaker")))))
    -- and its failure is the one that is told
    refused("crypto", "no_key", download(always(here:openssl(PDF, two:format("mottaker"))), {},
      { keys = { { key = here.material:path("annen.key") } } }))
  end)

  it("row 45: OAEP parameters that are absent or partly the default", function()
    for _, keyopt in ipairs { "", " -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha1",
      " -keyopt rsa_oaep_md:sha1 -keyopt rsa_mgf1_md:sha256" } do
      assert.truthy(download(always(here:openssl(PDF,
        "-aes256 -recip mottaker.pem -keyopt rsa_padding_mode:oaep" .. keyopt))))
    end
  end)

  it("row 46: ciphers other than AES-CBC", function()
    assert.truthy(download(always(here:openssl(PDF, "-aes-256-gcm -recip mottaker.pem" .. OAEP))))
    for _, cipher in ipairs { "-des3", "-provider default -provider legacy -rc2" } do
      local message = here:openssl(PDF, cipher .. " -recip mottaker.pem" .. OAEP)
      refused("crypto", "algorithm", download(always(message)))
      assert.truthy(download(always(message), {}, { legacy_ciphers = true }))
    end
    proof.in_c("test_cms_gcm: nothing_is_released_before_the_tag authenticated_attributes",
      "test_receive_kinds: authenticated_content_is_not_looked_into_before_its_tag")
  end)

  it("row 47: damage behind a right key is integrity, and is fetched once more", function()
    local message = here:openssl(PDF, "-aes256 -recip mottaker.pem" .. OAEP)
    local bad = message:sub(1, -18) .. string.char((message:byte(-17) + 128) % 256)
      .. message:sub(-16)
    local err = refused("integrity", "padding", download(always(bad)))
    assert.matches("damaged", err.message, 1, true)
    local got = download { { bytes = bad }, { bytes = message, always = true } }
    assert.equal(PDF, stored(got, got.files[1]))
  end)

  it("row 48: every form of BER, and bytes behind the end", function()
    assert.truthy(download(always(here:encrypt(PDF) .. "\0\0")))
    assert.is_false(warned("follow the end"))
    assert.truthy(download(always(here:encrypt(PDF) .. "x")))
    assert.is_true(warned("bytes follow the end of the encrypted message"))
    proof.in_c("test_cms: reads_every_form_of_ber reads_recipients_in_ber bytes_behind_the_end")
  end)

  it("row 49: hostile BER", function()
    refused("crypto", "structure", download(always(("\48\128"):rep(100))))
    proof.in_c("test_cms_bad: hostile_headers huge_lengths bounded_depth bounded_header_and_tail")
  end)

  it("row 50: a key file that is encrypted, missing, or open to all", function()
    here.material:sh("openssl pkcs8 -topk8 -in mottaker.key -passout pass:hemmelig -out laast.key; "
      .. "chmod 600 laast.key; cp mottaker.key aapen.key; chmod 644 aapen.key")
    local codes = {}
    for name, key in pairs { wrong = { file = "laast.key", password = "feil" },
      none = { file = "laast.key" }, missing = { file = "borte.key" } } do
      local loaded, err = core.key { file = here.material:path(key.file), password = key.password }
      assert.is_nil(loaded)
      codes[name] = err.kind .. "/" .. err.code
    end
    assert.is_true(codes.wrong ~= codes.none and codes.none ~= codes.missing)
    assert.truthy(download(always(here:encrypt(PDF)), {},
      { keys = { { key = here.material:path("aapen.key") } } }))
    assert.is_true(warned("aapen.key"))
  end)

  it("row 51: nothing inside", function()
    refused("integrity", "empty", download(always(here:encrypt(""))))
    local got = download(always(here:encrypt("")), { { navn = "tom.txt", size = 0 } })
    assert.equal(0, got.files[1].size)
  end)

  it("row 52: more than 4 GiB, and a disk without room", function()
    refused("io", "disk_full", download(always(here:encrypt(PDF)),
      { { navn = "brev.pdf", size = 1e15 } }))
    proof.in_c("test_cms_profiles: definite_lengths_above_4_gib",
      "test_unzip: every_way_to_tell_sizes", "test_unzip_large: larger_than_4_gib")
  end)

  it("row 53: a size that is 0 or absent is not checked", function()
    for _, size in ipairs { 0, false } do
      local got = download(always(here:encrypt(PDF)), { { navn = "a.pdf", size = size or nil } })
      assert.equal("unverifiable", got.files[1].verdict)
    end
  end)

  it("row 54: a wrong size beside the right hash is only warned of", function()
    local got = download(always(here:encrypt(PDF)),
      { { navn = "a.pdf", size = 7, sha256 = core.sha256(PDF) } })
    assert.equal("verified", got.files[1].verdict)
    assert.is_true(warned("was declared with 7; its hash is right"))
  end)

  it("row 55: a wrong hash, fetched once more", function()
    local files = { { navn = "a.pdf", sha256 = core.sha256(PDF) } }
    local err, times = refused("integrity", "mismatch",
      download(always(here:encrypt("%PDF-1.4 annet")), files))
    assert.equal("mismatch", err.files[1].verdict)
    assert.is_true(times >= 2)
    assert.truthy(download({ { bytes = here:encrypt("%PDF-1.4 annet") },
      { bytes = here:encrypt(PDF), always = true } }, files))
  end)

  it("row 56: a hash in upper case, with blanks, empty, of another length", function()
    local hash = core.sha256(PDF)
    for given, verdict in pairs { [hash:upper()] = "verified", [" " .. hash .. "\n"] = "verified",
      [hash:gsub("..", "%0 ")] = "verified", [""] = "unverifiable", ["abc"] = "unverifiable",
      [hash .. "0"] = "unverifiable" } do
      local got = download(always(here:encrypt(PDF)), { { navn = "a.pdf", sha256 = given } })
      assert.equal(verdict, got.files[1].verdict, given)
    end
    assert.is_true(warned("the hash given is no SHA-256"))
  end)

  it("row 57: an empty zip", function()
    assert.same({}, download(always(here:encrypt(zips.empty))).files)
    refused("archive", "no_files", download(always(here:encrypt(zips.empty)), { { navn = "a" } }))
  end)

  it("row 58: a file that the list does not name is marked, and has a type", function()
    local got = download(always(here:encrypt(zips["ok-utf8-datadescriptor"])),
      { { navn = SOKNAD, mime = "application/pdf" }, { navn = "tom.bin" } })
    local file = got.files[2]
    assert.same({ "vedlegg.txt", "undeclared", true, "text/plain" },
      { file.name, file.verdict, file.undeclared, file.mime })
    assert.is_nil(got.files[1].undeclared)
  end)

  it("row 59: a file of the list that is not in the zip", function()
    local err = refused("integrity", "missing",
      download(always(here:encrypt(zips["ok-utf8-datadescriptor"])),
        { { navn = SOKNAD }, { navn = "borte.pdf" } }))
    assert.matches("borte.pdf", err.message, 1, true)
  end)

  it("row 60: names twice, also in case or composition only", function()
    for _, kind in ipairs { "duplicates", "duplicates-case", "duplicates-nfd" } do
      kind_of(kind)()
    end
    local got = download(always(here:encrypt(zips.duplicates)), {}, { rename_duplicates = true })
    assert.same({ "a.pdf", "a (2).pdf", "A (3).PDF" }, { got.files[1].stored_as,
      got.files[2].stored_as, got.files[3].stored_as })
  end)

  it("row 61: names that lead elsewhere, links, folders", function()
    for number = 0, 5 do
      kind_of("traversal-" .. number)()
    end
    for _, kind in ipairs { "traversal", "name-nul", "name-empty", "symlink", "folders" } do
      kind_of(kind)()
    end
    proof.in_c("test_unzip: names_that_lead_elsewhere links_and_devices folders_are_skipped")
  end)

  it("row 62: names that Windows cannot have", function()
    kind_of("name-reserved")()
    proof.in_c("test_names: stores_under_names_every_system_takes")
  end)

  it("row 63: names without the UTF-8 flag", function()
    for _, kind in ipairs { "name-utf8-noflag", "name-cp850-noflag", "name-cp865-noflag",
      "name-latin1-noflag", "name-windows1252-noflag", "name-unicode-field" } do
      kind_of(kind)()
    end
    local files = assert(here:receive(here:encrypt(zips["name-latin1-noflag"])))
    assert.equal("s%F8knad %E6%F8%E5.pdf", files[1].name)
  end)

  it("row 64: a name that is not the UTF-8 it says it is", function()
    local message = here:encrypt(zips["name-invalid-utf8-flag"])
    local err = refused("archive", "name", download(always(message)))
    assert.matches("s\\xF8knad", err.message, 1, true)
    -- the place in the list, when the hash proves it
    local got = download(always(message), { { navn = SOKNAD, sha256 = core.sha256(PDF) } })
    assert.same({ SOKNAD, "verified" }, { got.files[1].name, got.files[1].verdict })
  end)

  it("row 65: a decomposed name is that of the list", function()
    local got = download(always(here:encrypt(zips["name-nfd-flag"])),
      { { navn = SOKNAD, sha256 = core.sha256(PDF) } })
    assert.same({ SOKNAD, "verified" }, { got.files[1].name, got.files[1].verdict })
  end)

  it("row 66: a name of more than 255 bytes", function()
    kind_of("name-overlong-300")()
    proof.in_c("test_names: shortens_long_names_and_keeps_them_apart")
  end)

  it("row 67: bombs, and archives in archives", function()
    kind_of("bomb-10MiB-zeros")()
    proof.in_c("test_unzip: bombs a_large_bomb_is_stopped_before_its_end total_limit "
      .. "too_many_entries", "test_receive_bad: what_packs_well_and_was_announced")
    here.material:write("indre.zip", zips["bomb-10MiB-zeros"])
    here.material:sh("zip -q ytre indre.zip indre.zip")
    local got = download(always(here:encrypt(here.material:read("ytre.zip"))))
    assert.equal(zips["bomb-10MiB-zeros"], stored(got, got.files[1])) -- as it came
  end)

  it("row 68: a wrong CRC", kind_of("bad-crc"))

  it("row 69: a method that is not supported", function()
    kind_of("method-bzip2")()
    local message = here:encrypt(zips["method-bzip2"])
    local err = refused("archive", "unsupported", download(always(message)))
    assert.matches("unsupported method 12", err.message, 1, true)
    local got = download(always(message), {}, {}, true)
    assert.equal(zips["method-bzip2"], stored(got, got.files[1]))
  end)

  it("row 70: an encrypted entry", function()
    kind_of("flag-encrypted")()
    local got = download(always(here:encrypt(zips["flag-encrypted"])), {}, {}, true)
    assert.equal(zips["flag-encrypted"], stored(got, got.files[1]))
  end)

  it("row 71: local and central names, overlaps, junk in front", function()
    for _, kind in ipairs { "local-central-name-mismatch", "overlap", "prefix-junk" } do
      kind_of(kind)()
    end
    proof.in_c("test_unzip: the_directory_must_agree")
  end)

  it("row 72: a truncated zip in a whole message", kind_of("truncated-no-central-dir"))

  it("row 73: a single file that is a zip itself", function()
    local docx = zips["ok-utf8-datadescriptor"]
    for _, file in ipairs { { navn = "brev.docx", sha256 = core.sha256(docx) },
      { navn = "brev.docx", size = #docx }, { navn = "brev.docx" } } do
      local got = download(always(here:encrypt(docx)), { file })
      assert.same({ 1, "brev.docx" }, { #got.files, got.files[1].name })
      assert.equal(docx, stored(got, got.files[1]))
    end
  end)

  it("row 74: a Content-Type that is wrong", function()
    for _, row in ipairs { { "application/pdf", zips["ok-single-pdf"], "brev.pdf", true },
      { "application/zip", PDF, "dokument.pdf", true },
      { "application/zip", zips["ok-single-pdf"], "brev.pdf", false } } do
      lines = {}
      local answers = always(here:encrypt(row[2]))
      answers[1].type = row[1]
      local got = download(answers)
      assert.equal(row[3], got.files[1].name)
      assert.equal(row[4], warned("Content-Type"))
    end
  end)

  it("row 75: the type of a file", function()
    local message = here:encrypt(PDF)
    for _, mime in ipairs { "application/pdf", "tull", "" } do
      assert.equal(mime, download(always(message), { { navn = "a.pdf", mime = mime } }).files[1].mime)
    end
    assert.equal("application/octet-stream",
      download(always(message), { { navn = "a.pdf" } }).files[1].mime)
  end)

  it("have a test each", function()
    local found = {}
    for row in proof.read("spec/edge/svarinn_content_rows_spec.lua"):gmatch("\n  it%(\"row (%d+): ") do
      assert.is_nil(found[tonumber(row)], "two tests of row " .. row)
      found[tonumber(row)] = true
    end
    for row = 1, 80 do
      assert.equal(row >= 31 and row <= 75, found[row] == true, "row " .. row)
    end
  end)
end)
