--- State of the sandbox: one SQLite file, and the few functions the other modules need of it.
local luasql = require("luasql.sqlite3")

local M = {}

local tables = {
  [[CREATE TABLE IF NOT EXISTS organisasjon (
      fiks_organisasjon_id TEXT PRIMARY KEY, organisasjonsnummer TEXT NOT NULL,
      navn TEXT NOT NULL)]],
  [[CREATE TABLE IF NOT EXISTS klient (
      utsteder TEXT, klient_id TEXT, organisasjonsnummer TEXT NOT NULL, innhold TEXT NOT NULL,
      PRIMARY KEY (utsteder, klient_id))]],
  [[CREATE TABLE IF NOT EXISTS brukt_jti (nokkel TEXT PRIMARY KEY, utloper INTEGER NOT NULL)]],
  [[CREATE TABLE IF NOT EXISTS integrasjon (
      id TEXT PRIMARY KEY, autorisert TEXT NOT NULL, navn TEXT NOT NULL, beskrivelse TEXT NOT NULL,
      tjenester TEXT NOT NULL, eier TEXT, dialekt TEXT, salt TEXT NOT NULL,
      passord_hash TEXT NOT NULL, global INTEGER NOT NULL DEFAULT 0,
      status TEXT NOT NULL DEFAULT 'AKTIV')]],
  [[CREATE TABLE IF NOT EXISTS privilegium (
      integrasjon_id TEXT, tjeneste TEXT, ressurs TEXT,
      PRIMARY KEY (integrasjon_id, tjeneste, ressurs))]],
  [[CREATE TABLE IF NOT EXISTS konto (
      id TEXT PRIMARY KEY, fiks_organisasjon_id TEXT NOT NULL, navn TEXT NOT NULL, sertifikat TEXT,
      gyldig_avsender INTEGER NOT NULL, gyldig_mottaker INTEGER NOT NULL)]],
  [[CREATE TABLE IF NOT EXISTS mottakersystem (
      id TEXT PRIMARY KEY, organisasjonsnummer TEXT NOT NULL, navn TEXT NOT NULL,
      sertifikat TEXT NOT NULL, brukernavn TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
      passord_hash TEXT NOT NULL)]],
  [[CREATE TABLE IF NOT EXISTS forsendelse (
      nr INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, mottakersystem_id TEXT NOT NULL,
      innhold TEXT NOT NULL, fil TEXT NOT NULL, content_type TEXT NOT NULL, filnavn TEXT NOT NULL,
      status TEXT NOT NULL DEFAULT 'KLAR', nedlastinger INTEGER NOT NULL DEFAULT 0,
      kvitteringer INTEGER NOT NULL DEFAULT 0)]],
  [[CREATE INDEX IF NOT EXISTS forsendelse_liste ON forsendelse (mottakersystem_id, status, nr)]],
  [[CREATE TABLE IF NOT EXISTS forsendelse_feil (
      nr INTEGER PRIMARY KEY, forsendelse_id TEXT NOT NULL, feilmelding TEXT NOT NULL,
      permanent INTEGER NOT NULL, tidspunkt INTEGER NOT NULL)]],
  [[CREATE TABLE IF NOT EXISTS melding (
      nr INTEGER PRIMARY KEY, kontrakt TEXT NOT NULL, integrasjon_id TEXT NOT NULL,
      fiks_organisasjon_id TEXT NOT NULL, melding_id TEXT NOT NULL, type TEXT NOT NULL,
      eksponert_for TEXT, enhet_id TEXT, ekstern_ref TEXT, forelder_id TEXT, korrelasjon_id TEXT,
      melding TEXT NOT NULL, metadata TEXT,
      UNIQUE (kontrakt, integrasjon_id, fiks_organisasjon_id, melding_id))]],
  [[CREATE TABLE IF NOT EXISTS reservasjon (eksponert_for TEXT PRIMARY KEY)]],
  [[CREATE TABLE IF NOT EXISTS meldingsfeil (
      melding_id TEXT PRIMARY KEY, feilmelding TEXT NOT NULL)]],
  [[CREATE TABLE IF NOT EXISTS fiksio_melding (
      nr INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, avsender TEXT NOT NULL,
      mottaker TEXT NOT NULL, ttl INTEGER NOT NULL, svar_pa TEXT, headere TEXT NOT NULL,
      filnavn TEXT, fil TEXT, bytes INTEGER NOT NULL)]],
  [[CREATE TABLE IF NOT EXISTS kall (
      id INTEGER PRIMARY KEY, metode TEXT NOT NULL, sti TEXT NOT NULL, status INTEGER NOT NULL,
      integrasjon_id TEXT, content_type TEXT, bytes INTEGER)]],
}

local connection

--- Opens (and creates) the database file. Once per process.
function M.open(path)
  if connection then
    return
  end
  local conn, message = luasql.sqlite3():connect(path)
  if not conn then
    error("sandbox store: cannot open " .. path .. ": " .. tostring(message))
  end
  connection = conn
  -- State that is made anew at every start need not survive a power cut.
  for _, pragma in ipairs({ "journal_mode=WAL", "synchronous=OFF", "busy_timeout=5000" }) do
    local result = assert(conn:execute("PRAGMA " .. pragma))
    if type(result) ~= "number" then
      result:close()
    end
  end
  for _, statement in ipairs(tables) do
    assert(conn:execute(statement))
  end
end

local function literal(value)
  local kind = type(value)
  if kind == "nil" then
    return "NULL"
  elseif kind == "boolean" then
    return value and "1" or "0"
  elseif kind == "number" then
    return string.format("%.17g", value)
  elseif kind ~= "string" then
    error("sandbox store: cannot bind a " .. kind)
  elseif value:find("%z") then
    local hex = value:gsub(".", function(c)
      return string.format("%02x", c:byte())
    end)
    return "CAST(x'" .. hex .. "' AS TEXT)"
  end
  return "'" .. value:gsub("'", "''") .. "'"
end

local function bind(statement, ...)
  local values, index = { ... }, 0
  return (statement:gsub("%?", function()
    index = index + 1
    return literal(values[index])
  end))
end

--- Runs a statement with `?` for values; answers the number of rows changed.
function M.run(statement, ...)
  local result, message = connection:execute(bind(statement, ...))
  if not result then
    error("sandbox store: " .. tostring(message))
  end
  return result
end

--- All rows of a query, as tables by column name.
function M.rows(statement, ...)
  local cursor = M.run(statement, ...)
  local rows = {}
  local row = cursor:fetch({}, "a")
  while row do
    rows[#rows + 1] = row
    row = cursor:fetch({}, "a")
  end
  return rows
end

--- The first row of a query, or nil.
function M.row(statement, ...)
  return M.rows(statement, ...)[1]
end

--- Runs `work` in one transaction; an error undoes it and goes on up.
function M.transaction(work)
  M.run("BEGIN IMMEDIATE")
  local ok, result = pcall(work)
  M.run(ok and "COMMIT" or "ROLLBACK")
  if not ok then
    error(result, 0)
  end
  return result
end

return M
