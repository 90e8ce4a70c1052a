--- fiks-konfigurasjon: organisations, OAuth clients, integrasjoner and their privileges, accounts
--- and SvarInn receivers. The real one is a web page; this API exists in the sandbox only.
local core = require("fiks.core")
local admin = require("sandbox.admin")
local integrasjoner = require("sandbox.integrasjoner")
local klienter = require("sandbox.klienter")
local kontoer = require("sandbox.kontoer")
local forsendelser = require("sandbox.forsendelser")
local problem = require("sandbox.problem")
local schema = require("sandbox.schema")
local store = require("sandbox.store")

local M = {}

local orgnr = schema.pattern("^%d%d%d%d%d%d%d%d%d$", "må være ni siffer")
local tjeneste = schema.enum("meldingsboks", "innsyn", "fiks-io")
local pem = schema.text(function(value)
  return core.certificate(value) ~= nil
end, "er ikke et sertifikat")

local organisasjon_schema = schema.object({
  organisasjonsnummer = orgnr,
  navn = schema.filled(),
  fiksOrganisasjonId = schema.maybe(schema.uuid()),
})

local klient_schema = schema.object({
  utsteder = schema.maybe(schema.enum("maskinporten", "idporten")),
  klientId = schema.maybe(schema.nonempty()),
  organisasjonsnummer = orgnr,
  scopes = schema.maybe(schema.array(schema.nonempty())),
  nokler = schema.maybe(schema.array(schema.object({
    kid = schema.pattern("^[%w._-]+$"),
    jwk = schema.maybe(schema.object({ n = schema.nonempty(), e = schema.nonempty() }, true)),
    sertifikat = schema.maybe(pem),
    utloper = schema.maybe(schema.number()),
  }))),
  tokenLevetid = schema.maybe(schema.int32(0, 7200)),
  delegeringer = schema.maybe(schema.array(orgnr)),
  sperredeScopes = schema.maybe(schema.array(schema.nonempty())),
})

local integrasjon_schema = schema.object({
  autorisertOrganisasjon = orgnr,
  navn = schema.filled(),
  beskrivelse = schema.filled(),
  tjenester = schema.array(tjeneste, 1),
  fiksOrganisasjonId = schema.maybe(schema.uuid()),
  meldingsboksDialekt = schema.maybe(schema.enum("2018-a", "2018-b")),
})

local privilegium_schema = schema.object({
  tjeneste = tjeneste,
  fiksOrganisasjonId = schema.maybe(schema.uuid()),
  kontoId = schema.maybe(schema.uuid()),
})

local konto_schema = schema.object({
  fiksOrganisasjonId = schema.uuid(),
  navn = schema.filled(),
  sertifikat = schema.maybe(pem),
  gyldigAvsender = schema.maybe(schema.boolean()),
  gyldigMottaker = schema.maybe(schema.boolean()),
})

local mottakersystem_schema = schema.object({
  organisasjonsnummer = orgnr,
  navn = schema.filled(),
  sertifikat = pem,
})

local function get_organisasjoner()
  return admin.list(store.rows([[SELECT fiks_organisasjon_id AS fiksOrganisasjonId,
      organisasjonsnummer, navn FROM organisasjon ORDER BY rowid]]))
end

--- Registers a fiks-organisasjon; answers it with its id.
function M.create_organisasjon(wanted)
  local id = wanted.fiksOrganisasjonId or core.uuid()
  store.run("INSERT OR REPLACE INTO organisasjon VALUES (?, ?, ?)", id, wanted.organisasjonsnummer,
    wanted.navn)
  return { fiksOrganisasjonId = id, organisasjonsnummer = wanted.organisasjonsnummer,
    navn = wanted.navn }
end

local function post_organisasjon(request)
  local wanted, refusal = admin.body(request, organisasjon_schema)
  if not wanted then
    return refusal
  end
  return admin.ok(M.create_organisasjon(wanted), 201)
end

--- Fills in what a client's registration leaves out, and stores it. True when it replaced one.
function M.create_klient(client)
  client.utsteder = client.utsteder or "maskinporten"
  client.klientId = client.klientId or core.uuid()
  client.scopes = client.scopes
    or core.array({ client.utsteder == "maskinporten" and "ks:fiks" or "ks" })
  client.nokler = client.nokler or core.array({})
  client.tokenLevetid = client.tokenLevetid or 120
  client.delegeringer = client.delegeringer or core.array({})
  client.sperredeScopes = client.sperredeScopes or core.array({})
  return klienter.save(client)
end

local function post_klient(request)
  local client, refusal = admin.body(request, klient_schema)
  if not client then
    return refusal
  end
  for _, key in ipairs(client.nokler or {}) do
    if (key.jwk == nil) == (key.sertifikat == nil) then
      return problem.fiks(request, 400, "nokler: nøyaktig én av jwk og sertifikat må være satt")
    end
  end
  return admin.ok(client, M.create_klient(client) and 200 or 201)
end

local function get_klienter()
  return admin.list(klienter.all())
end

local function delete_klient(request)
  local issuer = request:query_value("utsteder") or "maskinporten"
  if not klienter.remove(issuer, request.params.id) then
    return admin.not_found(request, "klienten")
  end
  return problem.bare(204)
end

-- What may be shown of an integrasjon: everything but the password's hash.
local function shown(integrasjon, password)
  integrasjon.salt, integrasjon.passord_hash = nil, nil
  integrasjon.privilegier = integrasjoner.privileges(integrasjon.integrasjonId)
  integrasjon.passord = password
  return integrasjon
end

-- Wraps a handler of one integrasjon; the global ones cannot be changed here.
local function with_integrasjon(may_be_global, handler)
  return function(request)
    local integrasjon = integrasjoner.find(request.params.id)
    if not integrasjon then
      return admin.not_found(request, "integrasjonen")
    elseif integrasjon.global and not may_be_global then
      return problem.fiks(request, 403, "En global integrasjon kan ikke endres her")
    end
    return handler(request, integrasjon)
  end
end

local function get_integrasjoner()
  local list = {}
  for index, integrasjon in ipairs(integrasjoner.all()) do
    list[index] = shown(integrasjon)
  end
  return admin.list(list)
end

local get_integrasjon = with_integrasjon(true, function(_, integrasjon)
  return admin.ok(shown(integrasjon))
end)

local function post_integrasjon(request)
  local wanted, refusal = admin.body(request, integrasjon_schema)
  if not wanted then
    return refusal
  end
  local integrasjon, password = integrasjoner.create(wanted)
  return admin.ok(shown(integrasjon, password), 201)
end

local post_passord = with_integrasjon(false, function(_, integrasjon)
  local id = integrasjon.integrasjonId
  return admin.ok({ integrasjonId = id, passord = integrasjoner.regenerate(id) })
end)

local post_sperr = with_integrasjon(false, function(_, integrasjon)
  integrasjoner.revoke(integrasjon.integrasjonId)
  return admin.ok(shown(integrasjoner.find(integrasjon.integrasjonId)))
end)

local delete_integrasjon = with_integrasjon(false, function(_, integrasjon)
  integrasjoner.remove(integrasjon.integrasjonId)
  return problem.bare(204)
end)

local function includes(list, wanted)
  for _, value in ipairs(list) do
    if value == wanted then
      return true
    end
  end
  return false
end

local function has_organisasjon(id)
  return store.row("SELECT 1 AS ja FROM organisasjon WHERE fiks_organisasjon_id = ?", id) ~= nil
end

-- The resource a privilege is for, or nil and why there is none.
local function resource_of(wanted)
  if wanted.tjeneste == "fiks-io" then
    if not wanted.kontoId or not kontoer.find(wanted.kontoId) then
      return nil, "kontoId mangler eller er ukjent"
    end
    return wanted.kontoId
  end
  local id = wanted.fiksOrganisasjonId
  if not id or not has_organisasjon(id) then
    return nil, "fiksOrganisasjonId mangler eller er ukjent"
  end
  return id
end

local post_privilegium = with_integrasjon(true, function(request, integrasjon)
  local wanted, refusal = admin.body(request, privilegium_schema)
  if not wanted then
    return refusal
  elseif not includes(integrasjon.tjenester, wanted.tjeneste) then
    return problem.fiks(request, 400,
      "Integrasjonen er ikke satt opp for tjenesten " .. wanted.tjeneste)
  end
  local resource, reason = resource_of(wanted)
  if not resource then
    return problem.fiks(request, 400, reason)
  end
  integrasjoner.grant(integrasjon.integrasjonId, wanted.tjeneste, resource)
  return admin.ok(shown(integrasjon), 201)
end)

local delete_privilegium = with_integrasjon(true, function(request, integrasjon)
  local service = request:query_value("tjeneste")
  local resource = request:query_value("fiksOrganisasjonId") or request:query_value("kontoId")
  if not service or not resource then
    return problem.fiks(request, 400, "tjeneste og fiksOrganisasjonId (eller kontoId) må være satt")
  end
  local count = integrasjoner.withdraw(integrasjon.integrasjonId, service, resource)
  return admin.ok({ antall = count })
end)

local function post_konto(request)
  local wanted, refusal = admin.body(request, konto_schema)
  if not wanted then
    return refusal
  elseif not has_organisasjon(wanted.fiksOrganisasjonId) then
    return problem.fiks(request, 400, "fiksOrganisasjonId er ukjent")
  end
  return admin.ok(kontoer.create(wanted), 201)
end

local function post_mottakersystem(request)
  local wanted, refusal = admin.body(request, mottakersystem_schema)
  if not wanted then
    return refusal
  end
  return admin.ok(forsendelser.create_mottakersystem(wanted), 201)
end

--- Adds the calls.
function M.routes(route)
  local function add(method, path, handler)
    route(method, admin.BASE .. path, admin.only(handler))
  end
  add("GET", "/organisasjoner", get_organisasjoner)
  add("POST", "/organisasjoner", post_organisasjon)
  add("GET", "/klienter", get_klienter)
  add("POST", "/klienter", post_klient)
  add("DELETE", "/klienter/{id}", delete_klient)
  add("GET", "/integrasjoner", get_integrasjoner)
  add("POST", "/integrasjoner", post_integrasjon)
  add("GET", "/integrasjoner/{id}", get_integrasjon)
  add("DELETE", "/integrasjoner/{id}", delete_integrasjon)
  add("POST", "/integrasjoner/{id}/passord", post_passord)
  add("POST", "/integrasjoner/{id}/sperr", post_sperr)
  add("POST", "/integrasjoner/{id}/privilegier", post_privilegium)
  add("DELETE", "/integrasjoner/{id}/privilegier", delete_privilegium)
  add("POST", "/kontoer", post_konto)
  add("POST", "/mottakersystemer", post_mottakersystem)
end

return M
