-- What the fuzzers start with, one folder a target: the documents of spec/json, BER and zip files
-- made by openssl and zip. Usage: lua5.4 fuzz/seeds.lua <folder>

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

for _, target in ipairs { "json_decode", "json_encode", "ber", "unzip" } do
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
]], folder)
