--- What lies waiting for the SvarInn receivers: storing, packing and encrypting a forsendelse,
--- and its two published shapes.
local core = require("fiks.core")
local integrasjoner = require("sandbox.integrasjoner")
local settings = require("sandbox.settings")
local store = require("sandbox.store")
local zip = require("sandbox.zip")

local M = {}

-- The published page size of both lists.
local MAX_LIST = 200

function M.find_mottakersystem(username)
  return store.row("SELECT * FROM mottakersystem WHERE brukernavn = ?", username)
end

function M.mottakersystem_by_id(id)
  return store.row("SELECT * FROM mottakersystem WHERE id = ?", id)
end

--- Registers a receiver; its password is answered here and never again.
function M.create_mottakersystem(wanted)
  local id, username, password = core.uuid(), core.uuid(), integrasjoner.new_password()
  store.run("INSERT INTO mottakersystem VALUES (?, ?, ?, ?, ?, ?, ?)", id,
    wanted.organisasjonsnummer, wanted.navn, wanted.sertifikat, username, password.salt,
    password.hash)
  return { mottakersystemId = id, brukernavn = username, passord = password.text }
end

local function list_entry(file)
  return {
    filnavn = file.filnavn,
    mimetype = file.mimeType,
    sha256hash = file.sha256 or core.sha256(file.data),
    size = file.storrelse or #file.data,
    dokumentType = file.dokumentType,
    ekstraMetadata = core.array({}),
  }
end

-- The plaintext of the download with its content type and name.
local function pack(wanted)
  local files = wanted.filer
  local packing = wanted.pakking or (#files == 1 and "enkeltfil" or "zip")
  if packing == "enkeltfil" then
    return files[1].data, files[1].mimeType, files[1].filnavn
  end
  local entries = {}
  for index, file in ipairs(files) do
    entries[index] = { name = file.filnavn, data = file.data }
  end
  return zip.write(entries), "application/zip", "dokumenter.zip"
end

local function write_payload(bytes)
  local path = settings.get().directory .. "/state/payload/" .. core.uuid()
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  return path
end

local function v1_record(wanted, system)
  local entries = {}
  for index, file in ipairs(wanted.filer) do
    entries[index] = list_entry(file)
  end
  return {
    tittel = wanted.tittel,
    date = wanted.dato or math.floor(core.now()),
    status = "Klar for mottak",
    niva = wanted.niva or "3",
    avsender = wanted.avsender,
    mottaker = wanted.mottaker or { navn = system.navn, orgnr = system.organisasjonsnummer },
    filmetadata = core.array(entries),
    metadataFraAvleverendeSystem = wanted.metadataFraAvleverendeSystem,
    metadataForImport = wanted.metadataForImport,
    svarSendesTil = wanted.svarSendesTil,
    svarPaForsendelse = wanted.svarPaForsendelse,
    forsendelseType = wanted.forsendelseType,
    eksternRef = wanted.eksternRef,
    lenker = wanted.lenker or core.array({}),
    avgivendeSystem = wanted.avgivendeSystem,
    taushetsbelagtPost = wanted.taushetsbelagtPost or false,
  }
end

--- Puts a forsendelse in a receiver's list, `antall` times; answers the ids, or nil and why not.
function M.put(system, wanted)
  for _, file in ipairs(wanted.filer) do
    file.data = core.unbase64(file.innhold)
    if not file.data then
      return nil, "innhold er ikke Base64: " .. file.filnavn
    end
  end
  local payload = wanted.payload and core.unbase64(wanted.payload)
  local plain, content_type, name = pack(wanted)
  if not payload then
    local err
    payload, err = core.cms_encrypt(plain, { system.sertifikat })
    if not payload then
      return nil, err.message
    end
  end
  local path, record = write_payload(payload), v1_record(wanted, system)
  local ids = {}
  for index = 1, wanted.antall or 1 do
    ids[index] = core.uuid()
    record.id = ids[index]
    store.run([[INSERT INTO forsendelse (id, mottakersystem_id, innhold, fil, content_type, filnavn)
        VALUES (?, ?, ?, ?, ?, ?)]], ids[index], system.id, assert(core.json_encode(record)), path,
      content_type, name)
  end
  return core.array(ids)
end

--- One forsendelse of this receiver (the table's row), or nil.
function M.find(system, id)
  return store.row("SELECT * FROM forsendelse WHERE id = ? AND mottakersystem_id = ?", id,
    system.id)
end

--- The first 200 that still wait, as decoded v1 records.
function M.waiting(system)
  local list = {}
  for index, row in ipairs(store.rows([[SELECT innhold FROM forsendelse WHERE mottakersystem_id = ?
      AND status = 'KLAR' ORDER BY nr LIMIT ?]], system.id, MAX_LIST)) do
    list[index] = assert(core.json_decode(row.innhold))
  end
  return list
end

--- Everything this receiver was ever sent, with what became of it.
function M.overview(system)
  local list = {}
  for index, row in ipairs(store.rows([[SELECT * FROM forsendelse WHERE mottakersystem_id = ?
      ORDER BY nr]], system.id)) do
    local faults = store.rows([[SELECT feilmelding, permanent, tidspunkt FROM forsendelse_feil
        WHERE forsendelse_id = ? ORDER BY nr]], row.id)
    for _, fault in ipairs(faults) do
      fault.permanent = fault.permanent == 1
    end
    list[index] = {
      id = row.id,
      tittel = core.json_decode(row.innhold).tittel,
      status = row.status,
      nedlastinger = row.nedlastinger,
      kvitteringer = row.kvitteringer,
      feil = core.array(faults),
    }
  end
  return list
end

function M.count_download(id)
  store.run("UPDATE forsendelse SET nedlastinger = nedlastinger + 1 WHERE id = ?", id)
end

--- The receiver has it: out of the list.
function M.acknowledge(id)
  store.run([[UPDATE forsendelse SET status = 'MOTTATT', kvitteringer = kvitteringer + 1
      WHERE id = ?]], id)
end

--- The receiver could not take it: logged; only a permanent failure takes it out of the list.
function M.fail(id, message, permanent)
  store.run([[INSERT INTO forsendelse_feil (forsendelse_id, feilmelding, permanent, tidspunkt)
      VALUES (?, ?, ?, ?)]], id, message, permanent, math.floor(core.now()))
  if permanent then
    store.run("UPDATE forsendelse SET status = 'FEILET' WHERE id = ?", id)
  end
end

local function iso(ms)
  if type(ms) ~= "number" then
    return ms
  end
  return os.date("!%Y-%m-%dT%H:%M:%S", math.floor(ms / 1000)) .. string.format(".%03dZ", ms % 1000)
end

local function v2_address(party, prefix)
  return {
    navn = party.navn,
    adresselinje1 = party[prefix .. "1"],
    adresselinje2 = party[prefix .. "2"],
    adresselinje3 = party[prefix .. "3"],
    postnummer = party.postnr,
    poststed = party.poststed,
    land = party.land,
  }
end

local function v2_party(party, prefix)
  if type(party) ~= "table" then
    return nil
  end
  return {
    organisasjonsnummer = party.orgnr,
    fodselsnummer = party.fnr,
    postadresse = v2_address(party, prefix),
  }
end

local function v2_sender_metadata(data)
  if type(data) ~= "table" then
    return nil
  end
  return {
    mappeId = { saksaar = data.saksaar, sakssekvensnummer = data.sakssekvensnummer },
    journalpostId = { journalaar = data.journalaar, journalpostnummer = data.journalpostnummer,
      journalsekvensnummer = data.journalsekvensnummer },
    journalposttype = data.journalposttype,
    journalstatus = data.journalstatus,
    journaldato = iso(data.journaldato),
    dokumentetsDato = iso(data.dokumentetsDato),
    tittel = data.tittel,
    saksbehandler = data.saksBehandler,
    virksomhetsspesifikkeMetadata = data.ekstraMetadata,
  }
end

local function v2_import_metadata(data)
  if type(data) ~= "table" then
    return nil
  end
  return {
    mappeId = { mappeId = data.mappeId, saksaar = data.saksaar,
      sakssekvensnummer = data.sakssekvensnummer },
    journalpostId = { systemId = data.systemId, registreringsId = data.registreringsId },
    journalposttype = data.journalposttype,
    journalstatus = data.journalstatus,
    dokumentetsDato = iso(data.dokumentetsDato),
    tittel = data.tittel,
  }
end

local function v2_files(entries)
  local files = {}
  for index, entry in ipairs(entries) do
    files[index] = { filnavn = entry.filnavn, mimeType = entry.mimetype, hash = entry.sha256hash,
      storrelse = entry.size, type = entry.dokumentType, ekstraMetadata = entry.ekstraMetadata }
  end
  return core.array(files)
end

local function v2_links(links)
  local list = {}
  for index, link in ipairs(links) do
    list[index] = { lenke = link.urlLenke, tekst = link.urlTekst, ledetekst = link.ledetekst }
  end
  return core.array(list)
end

--- A stored (v1) record in the shape of SvarInn v2.
function M.as_v2(record)
  return {
    id = record.id,
    tittel = record.tittel,
    dato = iso(record.date),
    sikkerhetsniva = record.niva == "4" and "HOYESTE" or "BETYDELIG",
    taushetsbelagtPost = record.taushetsbelagtPost,
    avsender = v2_party(record.avsender, "adresselinje") or { postadresse = { navn = "Ukjent" } },
    mottaker = v2_party(record.mottaker, "adresse"),
    filer = v2_files(record.filmetadata),
    metadataFraAvleverendeSystem = v2_sender_metadata(record.metadataFraAvleverendeSystem),
    metadataForImport = v2_import_metadata(record.metadataForImport),
    svarSendesTil = v2_party(record.svarSendesTil, "adresse"),
    svarPaForsendelse = record.svarPaForsendelse,
    type = record.forsendelseType,
    eksternRef = record.eksternRef,
    lenker = v2_links(record.lenker),
    avgivendeSystem = record.avgivendeSystem,
    nedlastingslenke = settings.get().base_url .. "/api/svarinn/v2/forsendelser/" .. record.id,
  }
end

return M
