-- The table of edge cases of SvarInn, rows 31 to 56 (download and encryption): a test each,
-- against a scripted server, or by the C tests named. svarinn_archive_rows_spec.lua has the rest
-- to 75.

local core = require "fiks.core"
local downloads = require "spec.support.downloads"
local proof = require "spec.support.proof"

local PDF = "%PDF-1.4 et lite brev\n"
local OAEP = " -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256"

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

  it("row 31: no Content-Disposition", function()
    local message = here:encrypt(PDF)
    assert.equal("brev.pdf", all:download(always(message), { { navn = "brev.pdf" } }).files[1].name)
    assert.equal("dokument.pdf", all:download(always(message)).files[1].name)
    local got = all:download(always(here:encrypt(all.zips["ok-single-pdf"])), {}, {}, true)
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
      local got = assert(all:download(always(message, { ["Content-Disposition"] = header })))
      assert.equal(name, got.files[1].name)
      assert.is_nil(got.files[1].stored_as:find('["/\\]'))
    end
    proof.in_c("test_disposition: reads_the_forms_servers_write gives_only_a_base_name")
  end)

  it("row 33: a all:download shorter than its Content-Length is fetched again", function()
    local message = here:encrypt(PDF)
    local got, _, times = all:download { { bytes = message, cut = true },
      { bytes = message, always = true } }
    assert.equal(PDF, stored(got, got.files[1]))
    assert.equal(2, times)
    local none, err = all:download { { bytes = message, cut = true, always = true } }
    assert.is_nil(none)
    assert.equal("network", err.kind)
  end)

  it("row 34: a cut all:download without a length", function()
    local message = here:encrypt(PDF)
    for _, answer in ipairs {
      { bytes = message:sub(1, -20), cut = true, headers = { ["Content-Length"] = core.null } },
      { bytes = message:sub(1, -20), chunked = true },
    } do
      answer.always = true
      local err = refused("crypto", "truncated", all:download({ answer }))
      assert.is_true(err.retryable)
    end
    local none, err = all:download {
      { bytes = message, chunked = true, cut = true, always = true } }
    assert.is_nil(none)
    assert.equal("network", err.kind)
    local got = all:download { { bytes = message:sub(1, -20), chunked = true },
      { bytes = message, chunked = true } }
    assert.equal(PDF, stored(got, got.files[1]))
  end)

  it("row 35: an empty body", function()
    assert.is_true(refused("protocol", "empty", all:download(always(""))).retryable)
    assert.truthy(all:download { { bytes = "" }, { bytes = here:encrypt(PDF), always = true } })
  end)

  it("row 36: a body that is not CMS is named", function()
    for body, name in pairs { ["<html>vedlikehold"] = "HTML", ['{"feil":1}'] = "JSON",
      [all.zips["ok-single-pdf"]] = "a zip (or docx) that is not encrypted",
      [PDF .. PDF .. PDF .. PDF] = "a PDF that is not encrypted" } do
      local err = refused("crypto", "not_cms", all:download(always(body)))
      assert.matches(name, err.message, 1, true)
    end
  end)

  it("row 37: PEM is read, bare Base64 is not", function()
    local text = core.base64(here:encrypt(PDF)):gsub(("."):rep(64), "%0\n")
    for _, label in ipairs { "CMS", "PKCS7" } do
      local got = all:download(always(("-----BEGIN %s-----\n%s\n-----END %s-----\n"):format(
        label, text, label)))
      assert.equal(PDF, stored(got, got.files[1]))
    end
    refused("crypto", "not_cms", all:download(always(text)))
    refused("crypto", "not_cms", all:download(always(here.certificate)))
  end)

  it("row 38: another type of CMS is named", function()
    here.material:write("plain", PDF)
    here.material:sh("openssl cms -sign -signer mottaker.pem -inkey mottaker.key -in plain "
      .. "-outform DER -out message")
    local err = refused("crypto", "content_type",
      all:download(always(here.material:read("message"))))
    assert.matches("1.2.840.113549.1.7.2", err.message, 1, true)
  end)

  it("row 39: a wrong key with OAEP is told, with the certificate's issuer and serial", function()
    local err = refused("crypto", "no_key", all:download(always(here:openssl(PDF,
      "-aes256 -recip annen.pem" .. OAEP))))
    assert.matches("serial %x+", err.message)
    assert.matches("issued by CN=annen", err.message, 1, true)
  end)

  it("row 40: a wrong key with PKCS#1 v1.5 looks like damage", function()
    local wrong = refused("integrity", "padding", all:download(always(here:openssl(PDF,
      "-aes256 -recip annen.pem"))))
    local message = here:openssl(PDF, "-aes256 -recip mottaker.pem")
    local damaged = refused("integrity", "padding", all:download(always(message:sub(1, -18)
      .. string.char((message:byte(-17) + 128) % 256) .. message:sub(-16))))
    assert.equal(wrong.message, damaged.message)
    proof.in_c("test_cms_bad: wrong_key_with_pkcs1_always_fails_at_the_end no_oracle")
  end)

  it("row 41: of several keys, it is told which one fits", function()
    local keys = { { key = here.material:path("annen.key") },
      { key = here.material:path("mottaker.key") } }
    assert.equal(2, all:download(always(here:encrypt(PDF)), {}, { keys = keys }).key)
    assert.equal(1, all:download(always(here:encrypt(PDF))).key)
  end)

  it("row 42: a renewed certificate of the same key", function()
    here.material:sh("openssl req -x509 -key mottaker.key -days 9 -subj /CN=ny -out ny.pem")
    local got = all:download(always(here:openssl(PDF, "-aes256 -recip ny.pem" .. OAEP)))
    assert.equal(PDF, stored(got, got.files[1]))
  end)

  it("row 43: several recipients, ours not the first", function()
    local got = all:download(always(here:openssl(PDF,
      ("-aes256 -recip annen.pem%s -recip mottaker.pem%s"):format(OAEP, OAEP))))
    assert.equal(PDF, stored(got, got.files[1]))
  end)

  it("row 44: of two entries for us, OAEP is used", function()
    local two = "-aes256 -recip mottaker.pem -recip %s.pem" .. OAEP
    assert.truthy(all:download(always(here:openssl(PDF, two:format("mottaker")))))
    -- and its failure is the one that is told
    refused("crypto", "no_key", all:download(always(here:openssl(PDF, two:format("mottaker"))), {},
      { keys = { { key = here.material:path("annen.key") } } }))
  end)

  it("row 45: OAEP parameters that are absent or partly the default", function()
    for _, keyopt in ipairs { "", " -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha1",
      " -keyopt rsa_oaep_md:sha1 -keyopt rsa_mgf1_md:sha256" } do
      assert.truthy(all:download(always(here:openssl(PDF,
        "-aes256 -recip mottaker.pem -keyopt rsa_padding_mode:oaep" .. keyopt))))
    end
  end)

  it("row 46: ciphers other than AES-CBC", function()
    assert.truthy(all:download(always(here:openssl(PDF,
      "-aes-256-gcm -recip mottaker.pem" .. OAEP))))
    for _, cipher in ipairs { "-des3", "-provider default -provider legacy -rc2" } do
      local message = here:openssl(PDF, cipher .. " -recip mottaker.pem" .. OAEP)
      refused("crypto", "algorithm", all:download(always(message)))
      assert.truthy(all:download(always(message), {}, { legacy_ciphers = true }))
    end
    proof.in_c("test_cms_gcm: nothing_is_released_before_the_tag authenticated_attributes",
      "test_receive_kinds: authenticated_content_is_not_looked_into_before_its_tag")
  end)

  it("row 47: damage behind a right key is integrity, and is fetched once more", function()
    local message = here:openssl(PDF, "-aes256 -recip mottaker.pem" .. OAEP)
    local bad = message:sub(1, -18) .. string.char((message:byte(-17) + 128) % 256)
      .. message:sub(-16)
    local err = refused("integrity", "padding", all:download(always(bad)))
    assert.matches("damaged", err.message, 1, true)
    local got = all:download { { bytes = bad }, { bytes = message, always = true } }
    assert.equal(PDF, stored(got, got.files[1]))
  end)

  it("row 48: every form of BER, and bytes behind the end", function()
    assert.truthy(all:download(always(here:encrypt(PDF) .. "\0\0")))
    assert.is_false(all:warned("follow the end"))
    assert.truthy(all:download(always(here:encrypt(PDF) .. "x")))
    assert.is_true(all:warned("bytes follow the end of the encrypted message"))
    proof.in_c("test_cms: reads_every_form_of_ber reads_recipients_in_ber bytes_behind_the_end")
  end)

  it("row 49: hostile BER", function()
    refused("crypto", "structure", all:download(always(("\48\128"):rep(100))))
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
    assert.truthy(all:download(always(here:encrypt(PDF)), {},
      { keys = { { key = here.material:path("aapen.key") } } }))
    assert.is_true(all:warned("aapen.key"))
  end)

  it("row 51: nothing inside", function()
    refused("integrity", "empty", all:download(always(here:encrypt(""))))
    local got = all:download(always(here:encrypt("")), { { navn = "tom.txt", size = 0 } })
    assert.equal(0, got.files[1].size)
  end)

  it("row 52: more than 4 GiB, and a disk without room", function()
    refused("io", "disk_full", all:download(always(here:encrypt(PDF)),
      { { navn = "brev.pdf", size = 1e15 } }))
    proof.in_c("test_cms_profiles: definite_lengths_above_4_gib",
      "test_unzip: every_way_to_tell_sizes", "test_unzip_large: larger_than_4_gib")
  end)

  it("row 53: a size that is 0 or absent is not checked", function()
    for _, size in ipairs { 0, false } do
      local got = all:download(always(here:encrypt(PDF)),
        { { navn = "a.pdf", size = size or nil } })
      assert.equal("unverifiable", got.files[1].verdict)
    end
  end)

  it("row 54: a wrong size beside the right hash is only warned of", function()
    local got = all:download(always(here:encrypt(PDF)),
      { { navn = "a.pdf", size = 7, sha256 = core.sha256(PDF) } })
    assert.equal("verified", got.files[1].verdict)
    assert.is_true(all:warned("was declared with 7; its hash is right"))
  end)

  it("row 55: a wrong hash, fetched once more", function()
    local files = { { navn = "a.pdf", sha256 = core.sha256(PDF) } }
    local err, times = refused("integrity", "mismatch",
      all:download(always(here:encrypt("%PDF-1.4 annet")), files))
    assert.equal("mismatch", err.files[1].verdict)
    assert.is_true(times >= 2)
    assert.truthy(all:download({ { bytes = here:encrypt("%PDF-1.4 annet") },
      { bytes = here:encrypt(PDF), always = true } }, files))
  end)

  it("row 56: a hash in upper case, with blanks, empty, of another length", function()
    local hash = core.sha256(PDF)
    for given, verdict in pairs { [hash:upper()] = "verified", [" " .. hash .. "\n"] = "verified",
      [hash:gsub("..", "%0 ")] = "verified", [""] = "unverifiable", ["abc"] = "unverifiable",
      [hash .. "0"] = "unverifiable" } do
      local got = all:download(always(here:encrypt(PDF)), { { navn = "a.pdf", sha256 = given } })
      assert.equal(verdict, got.files[1].verdict, given)
    end
    assert.is_true(all:warned("the hash given is no SHA-256"))
  end)

  it("have a test each", function()
    local found = {}
    for _, name in ipairs { "svarinn_content_rows", "svarinn_archive_rows" } do
      local text = proof.read(("spec/edge/%s_spec.lua"):format(name))
      for row in text:gmatch("\n  it%(\"row (%d+): ") do
        assert.is_nil(found[tonumber(row)], "two tests of row " .. row)
        found[tonumber(row)] = true
      end
    end
    for row = 1, 80 do
      assert.equal(row >= 31 and row <= 75, found[row] == true, "row " .. row)
    end
  end)
end)
