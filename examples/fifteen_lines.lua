local fiks = require "fiks"
local my = dofile(arg[1] or "innstillinger.lua") -- passwords and ids stay out of the program

local client = fiks.check(fiks.new {
  environment = my.environment, -- "test" or "prod"; "sandbox" on your own machine
  certificate = my.certificate, -- { pkcs12 = "virksomhet.p12", password = "..." }
  maskinporten = { client_id = my.client_id },
  integrasjon = my.integrasjon, -- { id = "...", password = "..." }
})
print(fiks.check(client:innsyn():index(my.meldinger))) -- any number; 5000 at a time

local svarinn = fiks.check(client:svarinn(my.svarinn)) -- { username = "...", password = "..." }
for forsendelse, err in fiks.check(svarinn:receive { into = my.inn }) do
  print(forsendelse.id, err or forsendelse.folder) -- decrypted, checked, acknowledged
end
