#!/usr/bin/env bash
# Certificates, right and wrong, and the files that the servers of the fault table give out.
# usage: certificates.sh DIR
set -euo pipefail
umask 077
cd "$1"

# authority NAME SUBJECT: a self-signed root.
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "$2" -keyout "$1.key" -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
}

# signed NAME SUBJECT ISSUER EXTENSIONS [openssl x509 options]: a certificate under ISSUER.
signed() {
    local name=$1 subject=$2 issuer=$3 extensions=$4
    shift 4
    [ -f "$name.key" ] || cp good.key "$name.key"
    openssl req -new -key "$name.key" -subj "$subject" -out "$name.csr"
    openssl x509 -req -in "$name.csr" -CA "$issuer.pem" -CAkey "$issuer.key" -CAcreateserial \
        -extfile <(printf 'basicConstraints=critical,CA:FALSE\n%b\n' "$extensions") \
        -days 30 -out "$name.pem" "$@"
}

certificates() {
    local names="subjectAltName=DNS:api.test,DNS:dobbel.test,DNS:proxy.test"
    authority ca "/CN=Feiltabellens CA"
    authority strange "/CN=En ukjent CA"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out good.key
    openssl genrsa -out small.key 1024
    signed good "/CN=api.test" ca "$names"
    cat good.pem good.key >good.both
    signed expired "/CN=api.test" ca "$names" -days -1
    signed other "/CN=annen.test" ca "subjectAltName=DNS:annen.test"
    signed stranger "/CN=api.test" strange "$names"
    signed small "/CN=api.test" ca "$names"
    signed sha1 "/CN=api.test" ca "$names" -sha1
    signed purpose "/CN=api.test" ca "$names\nextendedKeyUsage=clientAuth"
    signed cn "/CN=api.test" ca ""
    signed local "/CN=localhost" ca "subjectAltName=IP:127.0.0.1"
    cp good.key between.key
    openssl req -new -key between.key -subj "/CN=En mellomliggende CA" -out between.csr
    openssl x509 -req -in between.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
        -extfile <(echo basicConstraints=critical,CA:TRUE) -out between.pem
    signed unchained "/CN=api.test" between "$names"
    cp good.key selfsigned.key
    openssl req -x509 -key good.key -days 30 -subj "/CN=api.test" -addext "$names" \
        -out selfsigned.pem
    cp good.key future.key
    faketime -f +10d openssl req -x509 -key good.key -days 30 -subj "/CN=api.test" \
        -addext "$names" -CA ca.pem -CAkey ca.key -out future.pem
}

# A forsendelse of 300 KB that cannot be compressed, for the key of kommune.pem; and large answers.
files() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout kommune.key -out kommune.pem \
        -subj "/C=NO/O=STOREVIK KOMMUNE - 910753614/CN=Storevik" \
        -addext keyUsage=digitalSignature,keyEncipherment
    openssl rand 300000 >sak.bin
    zip -q sak.zip sak.bin
    openssl cms -encrypt -binary -aes256 -outform DER -in sak.zip -out forsendelse.cms \
        -recip kommune.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 \
        -keyopt rsa_mgf1_md:sha256
    cp forsendelse.cms wiremock/__files/
    printf '{"ok":true}' | gzip >wiremock/__files/svar.gz
    head -c 50000000 /dev/zero | gzip >wiremock/__files/bombe.gz
    printf '{"ok":true}' >liten.json
    { printf '{"ok":"'; head -c 400000 /dev/zero | tr '\0' x; printf '"}'; } >stor.json
}

{ certificates && files; } >>certificates.log 2>&1 || { cat certificates.log >&2; exit 1; }
