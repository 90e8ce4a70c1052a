-- Messages that we did not write: by `openssl cms` and, in one runtime, by BouncyCastle (which KS's
-- own senders use), in every profile; the published vectors' kinds are among them.

local content = require "spec.support.content"
local core = require "fiks.core"

local JARS = "/usr/share/java/bcpkix.jar:/usr/share/java/bcprov.jar:/usr/share/java/bcutil.jar"
local PLAIN = ("Forsendelse med æøå.\n"):rep(150) .. "slutt"

local OAEP = " -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256"
local TO = " -recip mottaker.pem"

-- Name of the vector of that kind, or another; options of `openssl cms -encrypt`.
local OPENSSL = {
  ["ks-like-oaep256"] = "-stream -aes256" .. TO .. OAEP,
  ["der-definite-oaep256"] = "-aes256" .. TO .. OAEP,
  ["rsa-pkcs1v15"] = "-aes256" .. TO,
  ["oaep-sha1-default"] = "-aes256" .. TO .. " -keyopt rsa_padding_mode:oaep",
  ["oaep-sha256-mgf1-sha1"] = "-aes256" .. TO .. " -keyopt rsa_padding_mode:oaep"
    .. " -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha1",
  ["dotnet-like-two-ktri"] = "-stream -aes256" .. TO .. TO .. OAEP,
  ["two-recipients"] = "-stream -aes256 -recip annen.pem" .. OAEP .. TO .. OAEP,
  ["ski-oaep256"] = "-keyid -aes256" .. TO .. OAEP,
  ["aes128-oaep256"] = "-aes128" .. TO .. OAEP,
  ["aes192-oaep256"] = "-stream -aes192" .. TO .. OAEP,
  ["authenveloped-aes256gcm"] = "-aes-256-gcm" .. TO .. OAEP,
  ["authenveloped-aes192gcm"] = "-stream -aes-192-gcm" .. TO .. OAEP,
  ["authenveloped-aes128gcm"] = "-stream -aes-128-gcm" .. TO,
  ["label"] = "-aes256" .. TO .. OAEP .. " -keyopt rsa_oaep_label:66696b73",
  ["others-too"] = "-aes256 -recip kurve.pem -pwri_password hei -secretkeyid 01 -secretkey "
    .. "000102030405060708090A0B0C0D0E0F" .. TO .. OAEP,
  ["renewed-certificate"] = "-aes256 -recip fornyet.pem" .. OAEP,
  ["weak-des3"] = "-des3" .. TO .. OAEP,
  ["weak-rc2"] = "-provider default -provider legacy -rc2" .. TO .. OAEP,
}
for _, hash in ipairs { "sha1", "sha256", "sha384", "sha512" } do
  for _, mask in ipairs { "sha1", "sha224", "sha256", "sha384", "sha512" } do
    OPENSSL[("oaep-%s-mgf1-%s"):format(hash, mask)] = ("-stream -aes256%s -keyopt "
      .. "rsa_padding_mode:oaep -keyopt rsa_oaep_md:%s -keyopt rsa_mgf1_md:%s"):format(
      TO, hash, mask)
  end
end

describe("the CMS reader reads what", function()
  local here

  setup(function()
    here = content.new()
    here.material:sh([[
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 \
        -keyout kurve.key -out kurve.pem -subj /CN=kurve
      openssl req -x509 -key mottaker.key -days 9 -subj /CN=fornyet -out fornyet.pem]])
  end)
  teardown(function()
    here:remove()
  end)

  local function check(message, name)
    local weak = name:find("^weak") ~= nil
    local keys = { here.key }
    local plain, result = core.cms_decrypt(message, keys)
    if weak then
      assert.is_nil(plain)
      assert.equal("algorithm", result.code)
      assert.matches("legacy_ciphers", result.message, 1, true)
      plain, result = core.cms_decrypt(message, keys, { legacy_ciphers = true })
    end
    assert.equal(PLAIN, plain, tostring(result))
    assert.same({ bytes = #PLAIN, key = 1, trailing = false }, result)
    -- cut, it is refused; as a file, nothing appears
    here.material:write("cut", message:sub(1, -2))
    local nothing, err = core.cms_decrypt_file { from = here.material:path("cut"), keys = keys,
      to = here.material:path("inn/ut"), legacy_ciphers = weak }
    assert.is_nil(nothing)
    assert.equal("truncated", err.code)
    assert.is_nil(io.open(here.material:path("inn/ut")))
    -- as a forsendelse
    local files = assert(here:receive(message, { legacy_ciphers = weak,
      expected = { { name = "brev.txt", sha256 = core.sha256(PLAIN), size = #PLAIN } } }))
    assert.equal("verified", files[1].verdict)
  end

  for name, options in pairs(OPENSSL) do
    it("openssl writes as " .. name, function()
      check(here:openssl(PLAIN, options), name)
    end)
  end

  if os.getenv("FIKS_RUNTIME") ~= "luajit" then -- one is enough: the reader is the same
    it("BouncyCastle writes, in all of its profiles", function()
      here.material:write("plain", PLAIN)
      here.material:sh(("mkdir bc; java -cp '%s' '%s/spec/independent/Bouncy.java' mottaker.pem "
        .. "annen.pem plain bc; ls bc >profiles"):format(JARS, content.root()))
      local count = 0
      for name in here.material:read("profiles"):gmatch("([^\n]+)%.cms\n") do
        local fine, why = pcall(check, here.material:read("bc/" .. name .. ".cms"), name)
        assert.is_true(fine, ("%s: %s"):format(name, tostring(why)))
        count = count + 1
      end
      assert.equal(38, count)
    end)
  end
end)
