#!/usr/bin/env bash
# The throw-away keys and certificates of one sandbox, made with the openssl command.
# usage: material.sh DIR    (fills DIR/certs)
set -euo pipefail
umask 077

cd "$1/certs"
days=730

# ca NAME SUBJECT: a self-signed root.
ca() {
    openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days "$days" -utf8 -subj "$2" \
        -keyout "$1.key" -out "$1.crt" \
        -addext "basicConstraints=critical,CA:TRUE" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" 2>>openssl.log
}

# signed NAME SUBJECT ISSUER EXTENSIONS [openssl x509 options]: a certificate under ISSUER.
signed() {
    local name=$1 subject=$2 issuer=$3 extensions=$4
    shift 4
    [ -f "$name.key" ] || openssl genrsa -out "$name.key" 2048 2>>openssl.log
    openssl req -new -sha256 -utf8 -key "$name.key" -subj "$subject" -out "$name.csr" 2>>openssl.log
    openssl x509 -req -sha256 -in "$name.csr" -CA "$issuer.crt" -CAkey "$issuer.key" \
        -set_serial "0x$(openssl rand -hex 8 | sed 's/^./1/')" -days "$days" \
        -extfile <(printf '%b\n' "$extensions") -out "$name.crt" "$@" 2>>openssl.log
    rm -f "$name.csr"
}

# self_signed NAME SUBJECT: what KS tells its customers to make for receiving.
self_signed() {
    [ -f "$1.key" ] || openssl genrsa -out "$1.key" 2048 2>>openssl.log
    openssl req -x509 -new -sha256 -days "$days" -utf8 -key "$1.key" -subj "$2" -out "$1.crt" \
        2>>openssl.log
}

# pkcs12 NAME ALIAS PASSWORD [CHAIN]
pkcs12() {
    openssl pkcs12 -export -inkey "$1.key" -in "$1.crt" ${4:+-certfile "$4"} -name "$2" \
        -out "$1.p12" -passout "pass:$3" 2>>openssl.log
}

leaf="basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment,dataEncipherment
extendedKeyUsage=clientAuth
certificatePolicies=2.16.578.1.1.1.1.100"
kommune="/C=NO/O=STOREVIK KOMMUNE/CN=Storevik kommune/serialNumber=$ORGNR_KOMMUNE"
leverandor="/C=NO/O=NORDVIK DRIFT AS/CN=Nordvik Drift AS/organizationIdentifier=NTRNO-$ORGNR_LEVERANDOR"

tls() {
    ca tls-ca "/CN=lua-fiks sandbox TLS CA (throw-away)"
    signed server "/CN=localhost" tls-ca \
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1"
}

virksomhet() {
    ca virksomhet-root "/C=NO/O=Sandkasse/CN=Sandkasse Class 3 Root CA"
    signed virksomhet-intermediate "/C=NO/O=Sandkasse/CN=Sandkasse Class 3 CA 1" virksomhet-root \
        "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign"
    signed kommune "$kommune" virksomhet-intermediate "$leaf"
    signed leverandor "$leverandor" virksomhet-intermediate "$leaf"
    for name in kommune leverandor; do
        cat "$name.crt" virksomhet-intermediate.crt > "$name-chain.crt"
        pkcs12 "$name" "authentication certificate" "$PASSWORD_P12" virksomhet-intermediate.crt
    done
    # -days 0 ends now; start waits long enough before anybody can use it.
    cp kommune.key bad-expired.key
    signed bad-expired "$kommune" virksomhet-intermediate "$leaf" -days 0
    cp kommune.key bad-self-signed.key
    self_signed bad-self-signed "$kommune"
}

receivers() {
    self_signed svarinn "/C=NO/O=STOREVIK KOMMUNE/CN=Storevik kommune SvarInn"
    pkcs12 svarinn "svarinn" "$PASSWORD_P12"
    self_signed fiksio-avsender "/C=NO/O=STOREVIK KOMMUNE/CN=Storevik fagsystem"
    self_signed fiksio-mottaker "/C=NO/O=VESTVAAG KOMMUNE/CN=Vestvåg arkiv"
}

issuers() {
    openssl genrsa -out maskinporten-issuer.key 2048 2>>openssl.log
    openssl genrsa -out idporten-issuer.key 2048 2>>openssl.log
}

pids=()
for part in tls virksomhet receivers issuers; do
    "$part" &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || { echo "sandbox: openssl failed; see $PWD/openssl.log" >&2; exit 1; }
done
