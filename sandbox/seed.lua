--- Prepares a new sandbox: the state it starts with, and the description of it on standard output.
--- usage: luajit sandbox/seed.lua DIR PORT    (environment: ORGNR_*, PASSWORD_P12; see start)
local core = require("fiks.core")
local settings = require("sandbox.settings")
local store = require("sandbox.store")

local directory, port = arg[1], arg[2]
local base_url = "https://localhost:" .. port
local admin_key = core.base64url(core.random(24))
local certs = directory .. "/certs/"
local p12_password = os.getenv("PASSWORD_P12")

local function write_settings()
  local file = assert(io.open(directory .. "/state/settings.json", "wb"))
  file:write(assert(core.json_encode({ base_url = base_url, admin_key = admin_key })))
  file:close()
end

write_settings()
local config = settings.load(directory)
store.open(directory .. "/state/sandbox.db")

local konfigurasjon = require("sandbox.konfigurasjon")
local integrasjoner = require("sandbox.integrasjoner")
local kontoer = require("sandbox.kontoer")
local forsendelser = require("sandbox.forsendelser")

local function organisation(variable, name)
  local number = os.getenv(variable)
  return konfigurasjon.create_organisasjon({ organisasjonsnummer = number, navn = name })
end

local kommune = organisation("ORGNR_KOMMUNE", "Storevik kommune")
local leverandor = organisation("ORGNR_LEVERANDOR", "Nordvik Drift AS")
local nabo = organisation("ORGNR_NABO", "Vestvåg kommune")

-- One client id per organisation, registered at both issuers.
local function clients(owner)
  local id = core.uuid()
  for _, issuer in ipairs({ "maskinporten", "idporten" }) do
    konfigurasjon.create_klient({ utsteder = issuer, klientId = id,
      organisasjonsnummer = owner.organisasjonsnummer })
  end
  return id
end

local function described(owner, name, client_id)
  return {
    organisasjonsnummer = owner.organisasjonsnummer,
    navn = owner.navn,
    fiks_organisasjon_id = owner.fiksOrganisasjonId,
    client_id = client_id,
    pkcs12 = certs .. name .. ".p12",
    pkcs12_password = p12_password,
    pkcs12_alias = "authentication certificate",
    key_file = certs .. name .. ".key",
    certificate_file = certs .. name .. ".crt",
    chain_file = certs .. name .. "-chain.crt",
  }
end

local function key_pair(name)
  return { key_file = certs .. name .. ".key", certificate_file = certs .. name .. ".crt" }
end

local function account(name, owner, title)
  local konto = kontoer.create({ fiksOrganisasjonId = owner.fiksOrganisasjonId, navn = title,
    sertifikat = settings.read_file(certs .. name .. ".crt") })
  local result = key_pair(name)
  result.konto_id, result.fiks_organisasjon_id = konto.kontoId, owner.fiksOrganisasjonId
  return result
end

local function receiver()
  local system = forsendelser.create_mottakersystem({
    organisasjonsnummer = kommune.organisasjonsnummer,
    navn = "Storevik sak- og arkivsystem",
    sertifikat = settings.read_file(certs .. "svarinn.crt"),
  })
  local result = key_pair("svarinn")
  result.mottakersystem_id, result.brukernavn = system.mottakersystemId, system.brukernavn
  result.passord = system.passord
  result.pkcs12, result.pkcs12_password = certs .. "svarinn.p12", p12_password
  return result
end

local function contract(issuer, client_id, password_header)
  return {
    issuer = issuer.issuer,
    token_endpoint = issuer.token_endpoint,
    scope = issuer.scope,
    client_id = client_id,
    password_header = password_header,
    svarut_url = base_url,
  }
end

-- The integrasjon KS itself offers to every fiks-organisasjon; each must still grant it privileges.
local svarut = integrasjoner.create({
  autorisertOrganisasjon = "971032146",
  navn = "SvarUt",
  beskrivelse = "Indekserer forsendelser fra SvarUt for fiks-organisasjoner som har gitt tilgang",
  tjenester = { "meldingsboks", "innsyn" },
  global = true,
})

local kommune_client, leverandor_client = clients(kommune), clients(leverandor)

io.write(assert(core.json_encode({
  base_url = base_url,
  ca_file = certs .. "tls-ca.crt",
  directory = directory,
  log_file = directory .. "/nginx.log",
  pid = "@PID@",
  admin = { url = base_url .. "/fiks-konfigurasjon/api/v1", header = "Sandbox-Admin",
    key = admin_key },
  contracts = {
    current = contract(config.issuers.maskinporten, kommune_client, "IntegrasjonPassord"),
    ["2018"] = contract(config.issuers.idporten, kommune_client, "ServicePassword"),
  },
  organisations = {
    kommune = described(kommune, "kommune", kommune_client),
    leverandor = described(leverandor, "leverandor", leverandor_client),
    nabo = { organisasjonsnummer = nabo.organisasjonsnummer, navn = nabo.navn,
      fiks_organisasjon_id = nabo.fiksOrganisasjonId },
  },
  bad = { expired = key_pair("bad-expired"), self_signed = key_pair("bad-self-signed") },
  virksomhet_ca = { root_file = certs .. "virksomhet-root.crt",
    intermediate_file = certs .. "virksomhet-intermediate.crt" },
  svarinn = receiver(),
  fiksio = {
    avsender = account("fiksio-avsender", kommune, "Storevik fagsystem"),
    mottaker = account("fiksio-mottaker", nabo, "Vestvåg arkiv"),
  },
  global_integrasjoner = { svarut = svarut.integrasjonId },
})), "\n")
