-- What the fuzzers start with, one folder a target: the documents of spec/json, BER, CMS and zip
-- files made by openssl and zip. <folder>/cms.key opens the CMS messages; it is kept from one run
-- to the next, as what was found in between depends on it. Usage: lua5.4 fuzz/seeds.lua <folder>

local cases = require "spec.json.cases"

local MOST_BYTES = 4096 -- of a seed: longer ones make every mutation slow

local folder = assert(arg[1], "usage: seeds.lua <folder>")

local function sh(script, ...)
  local words = { ... }
  for i, word in ipairs(words) do words[i] = "'" .. word .. "'" end
  local line = ("set -e; set -- %s; %s"):format(table.concat(words, " "), script)
  if not os.execute("bash -c '" .. line:gsub("'", "'\\''") .. "' >/dev/null 2>&1") then
    error("failed: " .. line, 0)
  end
end

local function write(target, number, text)
  if #text > MOST_BYTES then return end
  local file = assert(io.open(("%s/%s/%04d"):format(folder, target, number), "wb"))
  file:write(text)
  file:close()
end

for _, target in ipairs { "json_decode", "json_encode", "ber", "cms", "unzip" } do
  sh('mkdir -p "$1/$2"', folder, target)
end

local documents = cases.all()
for number, case in ipairs(documents) do
  write("json_decode", number, case.text)
end

-- Programs that build a value (fuzz/json_encode.c); any bytes are one.
local KINDS = { "\0", "\1", "\2\1", "\3\0\0\0\0\0\0\0\0\17", "\3\1\63\185\153\153\153\153\153\154",
  "\3\2\0\0\0\0\0\0\4\176", "\5\1a", "\5\2\195\165", "\5\1\255", "\7\0" }
for number, kind in ipairs(KINDS) do
  write("json_encode", number, kind)
  write("json_encode", 100 + number, "\8\0\4" .. ("\1" .. kind):rep(4)) -- a list
  write("json_encode", 200 + number, "\8\224\4" .. ("\1" .. kind):rep(4)) -- a marked list
  write("json_encode", 300 + number, "\8\1\3\1a" .. kind .. "\1b" .. kind .. "\1c" .. kind)
  write("json_encode", 400 + number, "\8\7\2" .. kind .. kind .. "\5\1k" .. kind)
  write("json_encode", 500 + number, ("\8\0\1\1"):rep(30 + 4 * number) .. kind)
end

sh([[
  cd "$1/ber"
  work=$(mktemp -d); trap "rm -rf $work" EXIT
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=fuzz -keyout $work/key -out $work/pem
  head -c 600 /dev/zero >$work/text
  openssl x509 -in $work/pem -outform DER -out certificate
  openssl cms -encrypt -binary -aes256 -in $work/text -outform DER -out cms_der $work/pem
  openssl cms -encrypt -binary -stream -aes256 -in $work/text -outform DER -out cms_ber $work/pem
  openssl cms -encrypt -binary -stream -aes256 -in $work/text -outform DER -out cms_oaep \
    -recip $work/pem -keyopt rsa_padding_mode:oaep
  openssl asn1parse -genstr UTF8:fiks -noout -out string
  printf "\060\200\044\200\004\002ab\004\001c\000\000\002\001\005\000\000" >indefinite
]], folder)

sh([[
  cd "$1"
  [ -s cms.key ] || openssl genrsa -out cms.key 1024
  work=$(mktemp -d); trap "rm -rf $work" EXIT
  openssl req -x509 -key cms.key -days 2 -subj /CN=fuzz -out $work/pem
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ec \
    -keyout $work/eckey -out $work/ec
  head -c 300 /dev/zero >$work/text
  make() { # <name> <options ...>
    name=$1; shift
    openssl cms -encrypt -binary -in $work/text -outform DER -out cms/$name "$@"
  }
  oaep="-keyopt rsa_padding_mode:oaep"
  old="-provider default -provider legacy"
  to="-recip $work/pem"
  make der -aes256 $to $oaep
  make stream -stream -aes192 $to $oaep -keyopt rsa_oaep_md:sha384
  make mask -stream -aes128 $to $oaep -keyopt rsa_mgf1_md:sha384
  make label -aes128 $to $oaep -keyopt rsa_oaep_label:4142
  make keyid -keyid -aes256 $to $oaep
  make pkcs1 -stream -aes256 $to
  make both -aes256 $to $to $oaep
  make others -aes256 -recip $work/ec $to $oaep -pwri_password hei
  make secret -aes256 -secretkey 000102030405060708090A0B0C0D0E0F -secretkeyid 01
  make gcm_der -aes-128-gcm $to $oaep
  make gcm -stream -aes-256-gcm $to $oaep
  make gcm_pkcs1 -stream -aes-192-gcm $to
  make des3 -des3 $to $oaep
  make des $old -des $to $oaep
  make rc2_40 $old -rc2-40 $to
  make rc2_64 $old -rc2-64 $to
  make rc2 $old -rc2 $to
  openssl req -x509 -newkey rsa:1024 -nodes -days 2 -subj /CN=annen -keyout $work/k -out $work/annen
  make foreign -aes256 -recip $work/annen $oaep
  make foreign_id -keyid -aes256 -recip $work/annen $oaep
  openssl cms -sign -in $work/text -signer $work/pem -inkey cms.key -nocerts -outform DER \
    -out cms/signed
  openssl cms -encrypt -in $work/text -outform PEM -out cms/pem -stream -aes256 $to $oaep
  { cat cms/stream; echo mer; } >cms/trailing
  { cat cms/pem; echo mer; } >cms/pem_trailing
  sed "s/END CMS/END PKCS7/" cms/pem >cms/pem_footer
  sed "3s/./!/9" cms/pem >cms/pem_damaged
  sed "1s/CMS/X509 CRL/" cms/pem >cms/pem_other
  echo "%PDF-1.4 and so on, on and on, and on and on, until it is long enough" >cms/pdf
  head -c -300 cms/der >cms/cut
]], folder)

-- Attributes in front of the tag: there is nobody here who writes such, and their tag is wrong.
local gcm = assert(io.open(folder .. "/cms/gcm", "rb"))
local message = gcm:read("*a")
gcm:close()
local tag = #message - 6 - 18 -- three ends of contents, and the tag itself
for number, attributes in ipairs { "\161\4\48\2\5\0", "\161\128\48\128\5\0\0\0\0\0",
  "\161\129\200" .. ("\48\2\5\0"):rep(50) } do
  write("cms", number, message:sub(1, tag) .. attributes .. message:sub(tag + 1))
end

sh([[
  cd "$1/unzip"
  work=$(mktemp -d); trap "rm -rf $work" EXIT
  here=$PWD; cd $work
  echo hei >brev.txt; head -c 3000 /dev/zero >null.bin; mkdir mappe; echo to >mappe/vedlegg.txt
  rm -f $here/*
  zip -q -X -r $here/deflated .
  zip -q -X -0 -r $here/stored .
  zip -q -X -fd -r $here/descriptors .
  zip -q -X -fz- $here/one brev.txt
  zip -q -X -fz $here/wide brev.txt
  zip -q -X - brev.txt | cat >$here/streamed.zip
  ln -s brev.txt link; zip -q -X -y $here/link link brev.txt
  cp $here/one.zip $here/comment.zip; echo hei | zip -q -z $here/comment.zip
  zip -q -X -P hei $here/locked brev.txt
  zip -q -X -Z bzip2 $here/bzip2 null.bin
  printf "brev" >$(printf "s\370k.txt"); zip -q -X $here/latin1 s*k.txt; rm s*k.txt
  printf "brev" >søk.txt; zip -q $here/unicode søk.txt
  head -c 3000000 /dev/zero >bomb; zip -q -X $here/bomb bomb
  printf "junk" | cat - $here/one.zip >$here/junk
  printf "PK\5\6" >$here/nothing; head -c 18 /dev/zero >>$here/nothing
]], folder)
