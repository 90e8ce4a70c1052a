#!/usr/bin/env bash
# Every rule for grants and for headers, refused once and accepted once, and what the services answer:
# by requests built with openssl and curl alone.
# usage: rules.sh SANDBOX_JSON     (of a running sandbox; see sandbox/README.md)
set -uo pipefail
umask 077

if [ $# -ne 1 ] || [ ! -f "$1" ]; then
    echo "usage: rules.sh SANDBOX_JSON" >&2
    exit 2
fi
sandbox_json=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=lib.sh
. "$here/lib.sh"

ca_file=$(top ca_file)
base_url=$(top base_url)
admin_url=$(field admin url)
admin_key=$(field admin key)
kommune_key=$(field kommune key_file)
kommune_orgnr=$(field kommune organisasjonsnummer)
kommune_org=$(field kommune fiks_organisasjon_id)
kommune_der=$(der "$(field kommune certificate_file)")
leverandor_key=$(field leverandor key_file)
leverandor_orgnr=$(field leverandor organisasjonsnummer)
leverandor_der=$(der "$(field leverandor certificate_file)")
nabo_org=$(field nabo fiks_organisasjon_id)
intermediate_der=$(der "$(field virksomhet_ca intermediate_file)")
root_der=$(der "$(field virksomhet_ca root_file)")

# use CONTRACT: which issuer the following grants are for.
use() {
    contract=$1
    issuer=$(field "$1" issuer)
    token_endpoint=$(field "$1" token_endpoint)
    token_scope=$(field "$1" scope)
    client_id=$(field "$1" client_id)
    password_header=$(field "$1" password_header)
    case $1 in
        current) issuer_name=maskinporten ;;
        *) issuer_name=idporten ;;
    esac
}

# client MEMBERS: registers one more client of the kommune at the issuer in use; its id in $new_client.
client() {
    admin POST /klienter "{\"utsteder\":\"$issuer_name\",\"organisasjonsnummer\":\"$kommune_orgnr\"$1}"
    new_client=$(member klientId)
}

. "$here/grants.sh"
. "$here/headers.sh"
. "$here/services.sh"

for name in current 2018; do
    use "$name"
    form_rules
    header_rules
    certificate_rules
    claim_rules
    time_rules
    replay_rules
    scope_rules
    delegation_rules
    access_token_rules
    integrasjon_rules
    privilege_rules
done
meldingsboks_services
use current
registered_key_rules
fiksio_rules
basic_rules
admin_rules
innsyn_services
svarinn_services
fiksio_services
fault_services

echo "# independent: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
