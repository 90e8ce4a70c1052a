#!/bin/sh
# The peer of the row pipeline: the same by curl, openssl cms, unzip and sha256sum.
# Usage: pipeline.sh <url> <ca file> <user name> <password file> <key> <certificate> <list> <folder>
set -eu
url=$1 ca_file=$2 username=$3 password=$(cat "$4") key=$5 certificate=$6 list=$(realpath "$7") folder=$8
mkdir "$folder"
curl -sSf --cacert "$ca_file" -K - "$url" <<EOF |
user = "$username:$password"
EOF
    openssl cms -decrypt -inform DER -inkey "$key" -recip "$certificate" -out "$folder/.zip"
unzip -q "$folder/.zip" -d "$folder"
rm "$folder/.zip"
cd "$folder"
sha256sum --check --strict --quiet "$list"
