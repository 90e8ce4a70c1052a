--- What is expected of each kind of archive that spec/support/zips.py makes; the published vectors
--- of the same kinds share it.

local M = {}

local NAME = "søknad æøå.pdf"

--- By kind: `files`, their names in order, or their `count`, and whether they are stored under
--- others (`renamed`); or `refused`, kind and code. `listed`: the name that the list has.
M.kinds = {
  ["ok-utf8-datadescriptor"] = { files = { NAME, "vedlegg.txt", "tom.bin" } },
  ["ok-single-pdf"] = { count = 1 },
  ["empty"] = { files = {} },
  ["name-utf8-flag"] = { files = { NAME } },
  ["name-utf8-noflag"] = { files = { NAME } },
  ["name-cp850-noflag"] = { files = { NAME } },
  ["name-cp865-noflag"] = { files = { NAME } },
  ["name-latin1-noflag"] = { files = { NAME }, listed = NAME },
  ["name-windows1252-noflag"] = { files = { "søknad – æøå.pdf" }, listed = "søknad – æøå.pdf" },
  ["name-unicode-field"] = { files = { NAME } },
  ["name-nfd-flag"] = { files = { NAME }, listed = NAME },
  ["name-invalid-utf8-flag"] = { refused = { "archive", "name" } },
  ["name-nul"] = { refused = { "archive", "name" } },
  ["name-empty"] = { refused = { "archive", "name" } },
  ["name-reserved"] = { count = 4, renamed = true },
  ["name-overlong-300"] = { count = 1, renamed = true },
  ["traversal"] = { refused = { "archive", "name" } },
  ["folders"] = { files = { "mappe/brev.pdf" } },
  ["duplicates"] = { refused = { "archive", "duplicate" } },
  ["duplicates-case"] = { refused = { "archive", "duplicate" } },
  ["duplicates-nfd"] = { refused = { "archive", "duplicate" } },
  ["bomb-10MiB-zeros"] = { refused = { "limit", "ratio" } },
  ["bad-crc"] = { refused = { "integrity", "crc" } },
  ["truncated-no-central-dir"] = { refused = { "integrity", "truncated" } },
  ["method-bzip2"] = { refused = { "archive", "unsupported" } },
  ["flag-encrypted"] = { refused = { "archive", "encrypted" } },
  ["symlink"] = { refused = { "archive", "link" } },
  ["local-central-name-mismatch"] = { refused = { "archive", "directory" } },
  ["overlap"] = { refused = { "archive", "directory" } },
  ["prefix-junk"] = { refused = { "archive", "not_zip" }, several = true },
  ["zip64-small"] = { count = 1 },
}
for number = 0, 5 do
  M.kinds["traversal-" .. number] = { refused = { "archive", "name" } }
end

--- The list that goes with a kind: what its names need to be understood.
function M.list(kind)
  if kind.several then
    return { { name = "a.pdf" }, { name = "b.pdf" } }
  end
  return kind.listed and { { name = kind.listed } } or nil
end

--- Receives an archive of that kind, and raises when it is not as expected.
function M.check(here, zip, kind)
  M.check_message(here, here:encrypt(zip), kind)
end

--- The same for a message with it inside. `options` are added to the sink's.
function M.check_message(here, message, kind, options)
  local given = { expected = M.list(kind) }
  for name, value in pairs(options or {}) do
    given[name] = value
  end
  local files, err = here:receive(message, given)
  if kind.refused then
    assert(not files, "was received")
    local got = ("%s/%s"):format(err.kind, err.code)
    assert(got == table.concat(kind.refused, "/"), got .. ": " .. err.message)
    return
  end
  assert(files, tostring(err))
  assert(#files == (kind.count or #kind.files), #files .. " files")
  for i, file in ipairs(files) do
    assert(not kind.files or file.name == kind.files[i], file.name)
    assert((file.stored_as ~= file.name) == (kind.renamed or file.name:find("/") ~= nil),
      file.stored_as)
    assert(#here:read(file) == file.size)
    assert(#file.stored_as <= 255)
  end
end

return M
