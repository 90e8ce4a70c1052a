# The rules for the headers of every platform call, and for privileges. Sourced by rules.sh.

# token [grant arguments]: a fresh access token in $token.
token() {
    ask "$(grant "$@")"
    token=$(member access_token)
}

# integrasjon ORGNR: a new integrasjon with every privilege of the kommune; $integrasjon and $passord.
integrasjon() {
    admin POST /integrasjoner "{\"autorisertOrganisasjon\":\"$1\",\"navn\":\"Uavhengig\",
        \"beskrivelse\":\"Laget av rules.sh\",\"tjenester\":[\"meldingsboks\",\"innsyn\",\"fiks-io\"]}"
    integrasjon=$(member integrasjonId)
    passord=$(member passord)
    privilege POST
}

service() {
    if [ "$contract" = current ]; then echo innsyn; else echo meldingsboks; fi
}

other_service() {
    if [ "$contract" = current ]; then echo meldingsboks; else echo innsyn; fi
}

# privilege POST|DELETE [SERVICE]: for the kommune; SERVICE is the contract's, if not given.
privilege() {
    local service=${2:-$(service)}
    if [ "$1" = POST ]; then
        admin POST "/integrasjoner/$integrasjon/privilegier" \
            "{\"tjeneste\":\"$service\",\"fiksOrganisasjonId\":\"$kommune_org\"}"
    else
        admin DELETE \
            "/integrasjoner/$integrasjon/privilegier?tjeneste=$service&fiksOrganisasjonId=$kommune_org"
    fi
}

# One message for organisation $1 in the contract's shape.
message() {
    if [ "$contract" = current ]; then
        printf '{"meldinger":[{"meldingId":"%s","sikkerhetsniva":3,"eksponertFor":%s,
            "fiksOrganisasjonId":"%s","versjon":"MAPPE_V1","meldingMetadata":"%s"}]}' "$(uuid)" \
            '{"identifikatorType":"FODSELSNUMMER","verdi":"01816236955"}' "$1" \
            "$(printf '{"type":"SAK","tittel":"Søknad om båtplass"}' | b64)"
    else
        printf '[{"id":"%s","innloggingsniva":3,"eksponertFor":"01816236955","fiksOrganisasjon":
            {"id":"%s","visningsnavn":"Storevik kommune"},"enhet":{"id":"HAVN","visningsnavn":"Havn"},
            "typeMetadata":{"type":"sakmappe","mappeId":"2018/1","tittel":"Søknad om båtplass",
            "saksstatus":"UNDER_BEHANDLING","saksdato":1514764800000,"saksansvarlig":"Åse Ødegård",
            "administrativEnhet":"Havn"}}]' "$(uuid)" "$1"
    fi
}

# put [curl options]: an index request with just these headers.
put() {
    local path=/innsyn-index/api/v2/indexRequest
    [ "$contract" = current ] || path=/meldingindexer/api/v1/indexRequest
    http PUT "$base_url$path" -H "Content-Type: application/json" \
        --data-binary "$(message "$kommune_org")" "$@"
}

good() {
    put -H "Authorization: Bearer $token" -H "IntegrasjonId: $integrasjon" \
        -H "$password_header: $passord" "$@"
}

# with_token TOKEN: the call with another access token.
with_token() {
    put -H "Authorization: Bearer $1" -H "IntegrasjonId: $integrasjon" \
        -H "$password_header: $passord"
}

# logged NAME TEXT: the reason is not in the answer; the sandbox's log says it of the last refusal.
logged() {
    local line
    line=$(grep 'sandbox: integrasjon refused: ' "$(top log_file)" | tail -1)
    case $line in
        *"integrasjon refused: $2"*) ok "$1" ;;
        *) not_ok "$1" "wanted \"$2\", logged: $line" ;;
    esac
}

BAD_TOKEN="Klarte ikke å validere access_token"
BAD_INTEGRASJON="Autentisering feilet for integrasjon med id"

# forge HEADER CLAIMS KEY: a token of our own making.
forge() {
    local signed
    signed=$(printf '%s' "$1" | b64url).$(printf '%s' "$2" | b64url)
    printf '%s.%s' "$signed" "$(printf '%s' "$signed" | sign sha256 "$3")"
}

# other_issuer_rules RULE: a token of the other contract's issuer, properly signed. It is a good token,
# but its own contract's: the password must come under the other name.
other_issuer_rules() {
    local here=$contract claims body
    if [ "$here" = current ]; then use 2018; else use current; fi
    token
    local theirs=$password_header other_issuer=$issuer
    use "$here"
    good
    expect "$1, the other contract's, our password header: refused" 401 \
        "$BAD_INTEGRASJON $integrasjon"
    put -H "Authorization: Bearer $token" -H "IntegrasjonId: $integrasjon" -H "$theirs: $passord"
    expect "$1, the other contract's, its password header: accepted" 200
    body=${token#*.}
    body=${body%%.*}
    while [ $((${#body} % 4)) -ne 0 ]; do body=$body=; done
    claims=$(printf '%s' "$body" | basenc --base64url -d | sed "s|\\\\/|/|g")
    body=$(printf '%s' "${claims//"$other_issuer"/"$issuer"}" | b64url)
    with_token "${token%%.*}.$body.${token##*.}"
    expect "$1, ours named over the other's signature: refused" 401 \
        "$BAD_TOKEN: signaturen stemmer ikke"
}

access_token_rules() {
    local rule="$contract call: Authorization" right kid claims now
    integrasjon "$kommune_orgnr"
    token
    right=$token
    good
    expect "$rule: accepted" 200
    put -H "IntegrasjonId: $integrasjon" -H "$password_header: $passord"
    expect "$rule, missing: refused" 401 "$BAD_TOKEN: Authorization mangler"
    good -H "Authorization: Bearer $token"
    expect "$rule, twice: refused" 400
    put -H "Authorization: Basic eDp5" -H "IntegrasjonId: $integrasjon" \
        -H "$password_header: $passord"
    expect "$rule, not Bearer: refused" 401 "$BAD_TOKEN: ikke et Bearer-token"
    with_token "ugjennomsiktig"
    expect "$rule, not a JWT: refused" 401 "$BAD_TOKEN: ikke et JWT"

    rule="$contract call: signature of the token"
    with_token "$right"
    expect "$rule: accepted" 200
    now=$EPOCHSECONDS
    claims="{\"iss\":\"$issuer\",\"scope\":\"$token_scope\",\"client_orgno\":\"$kommune_orgnr\",
        \"consumer\":{\"authority\":\"iso6523-actorid-upis\",\"ID\":\"0192:$kommune_orgnr\"},
        \"iat\":$now,\"exp\":$((now + 100))}"
    http GET "${issuer}jwk"
    kid=$(member kid)
    with_token "$(forge "{\"alg\":\"RS256\",\"kid\":\"$kid\"}" "$claims" "$kommune_key")"
    expect "$rule, another key: refused" 401 "$BAD_TOKEN: signaturen stemmer ikke"
    with_token "$(printf '{"alg":"none","kid":"%s"}' "$kid" | b64url).$(printf '%s' "$claims" \
        | b64url).AA"
    expect "$rule, alg none: refused" 401 "$BAD_TOKEN: signaturen stemmer ikke"
    with_token "${right%.*}.$(printf 'x' | b64url)"
    expect "$rule, cut: refused" 401 "$BAD_TOKEN: signaturen stemmer ikke"

    rule="$contract call: issuer of the token"
    with_token "$right"
    expect "$rule: accepted" 200
    with_token "$(forge "{\"alg\":\"RS256\",\"kid\":\"$kid\"}" \
        "{\"iss\":\"https://test.maskinporten.no/\",\"scope\":\"$token_scope\",
        \"exp\":$((now + 100))}" "$kommune_key")"
    expect "$rule, unknown: refused" 401 "$BAD_TOKEN: ukjent utsteder"
    other_issuer_rules "$rule"

    rule="$contract call: token has not expired"
    client ",\"tokenLevetid\":120"
    token iss="\"$new_client\""
    good
    expect "$rule: accepted" 200
    client ",\"tokenLevetid\":0"
    token iss="\"$new_client\""
    good
    expect "$rule: refused" 401 "$BAD_TOKEN: utløpt"

    rule="$contract call: scope of the token"
    client ",\"scopes\":[\"$token_scope\",\"annet:scope\"]"
    token iss="\"$new_client\"" scope="\"annet:scope $token_scope\""
    good
    expect "$rule: accepted" 200
    token iss="\"$new_client\"" scope='"annet:scope"'
    good
    expect "$rule: refused" 401 "$BAD_TOKEN: mangler scope $token_scope"
}

integrasjon_rules() {
    local rule="$contract call: IntegrasjonId" other=IntegrasjonPassord right_id right_password
    [ "$contract" = 2018 ] || other=ServicePassword
    integrasjon "$kommune_orgnr"
    right_id=$integrasjon right_password=$passord
    token
    good
    expect "$rule: accepted" 200
    put -H "Authorization: Bearer $token" -H "$password_header: $passord"
    expect "$rule, missing: refused" 401 "$BAD_INTEGRASJON"
    good -H "IntegrasjonId: $integrasjon"
    expect "$rule, twice: refused" 401 "$BAD_INTEGRASJON"
    integrasjon=$(uuid)
    good
    expect "$rule, unknown: refused" 401 "$BAD_INTEGRASJON $integrasjon"
    logged "$rule, unknown: looked up" "no such integrasjon"
    integrasjon=ikke-uuid
    good
    expect "$rule, not a UUID: refused" 401 "$BAD_INTEGRASJON ikke-uuid"
    logged "$rule, not a UUID: by its form" "IntegrasjonId is not a UUID"
    integrasjon=$(printf '%s' "$right_id" | tr 'a-f' 'A-F')
    good
    expect "$rule, upper case: refused" 401 "$BAD_INTEGRASJON $integrasjon"
    logged "$rule, upper case: by its form" "IntegrasjonId is not a UUID"
    integrasjon=$right_id

    rule="$contract call: $password_header"
    good
    expect "$rule: accepted" 200
    put -H "Authorization: Bearer $token" -H "IntegrasjonId: $integrasjon"
    expect "$rule, missing: refused" 401 "$BAD_INTEGRASJON $integrasjon"
    put -H "Authorization: Bearer $token" -H "IntegrasjonId: $integrasjon" -H "$other: $passord"
    expect "$rule, under the other contract's name: refused" 401 "$BAD_INTEGRASJON $integrasjon"
    good -H "$password_header: $passord"
    expect "$rule, twice: refused" 401 "$BAD_INTEGRASJON"
    passord=feil
    good
    expect "$rule, wrong: refused" 401 "$BAD_INTEGRASJON"
    admin POST "/integrasjoner/$integrasjon/passord"
    passord=$(member passord)
    good
    expect "$rule, regenerated: accepted" 200
    passord=$right_password
    good
    expect "$rule, the one before: refused" 401 "$BAD_INTEGRASJON"

    rule="$contract call: organisation of the token is the authorised one"
    integrasjon "$leverandor_orgnr"
    token iss="\"$(field leverandor client_id)\"" head="\"x5c\":[\"$leverandor_der\"]" \
        key="$leverandor_key"
    good
    expect "$rule: accepted" 200
    token
    good
    expect "$rule: refused" 401 "$BAD_INTEGRASJON $integrasjon"
    if [ "$contract" = current ]; then
        client ",\"delegeringer\":[\"$leverandor_orgnr\"]"
        token iss="\"$new_client\"" extra="\"consumer_org\":\"$leverandor_orgnr\""
        good
        expect "$rule, consumer by delegation: accepted" 200
    fi

    rule="$contract call: integrasjon is active"
    integrasjon "$kommune_orgnr"
    token
    good
    expect "$rule: accepted" 200
    admin POST "/integrasjoner/$integrasjon/sperr"
    good
    expect "$rule, revoked: refused" 401 "$BAD_INTEGRASJON $integrasjon"
    integrasjon "$kommune_orgnr"
    admin DELETE "/integrasjoner/$integrasjon"
    good
    expect "$rule, deleted: refused" 401 "$BAD_INTEGRASJON $integrasjon"
}

privilege_rules() {
    local rule="$contract call: privilege for service and organisation" mixed
    integrasjon "$kommune_orgnr"
    token
    good
    expect "$rule: accepted" 200
    privilege DELETE
    good
    expect "$rule, withdrawn: refused" 403 "$integrasjon"
    if [ "$contract" = current ]; then
        good
        expect "$rule: the code" 403 INNSYN.INTEGRASJON_IKKE_AUTORISERT_FOR_INDEX
    fi
    privilege POST "$(other_service)"
    good
    expect "$rule, the other service on the same organisation: refused" 403 "$kommune_org"
    privilege POST
    good
    expect "$rule, given back: accepted" 200
    privilege DELETE "$(other_service)"
    good
    expect "$rule, the other service withdrawn: accepted" 200
    mixed=$kommune_org
    kommune_org=$nabo_org
    good
    expect "$rule, another organisation: refused" 403 "$nabo_org"
    kommune_org=$mixed
}

# fiksio AVSENDER MOTTAKER [curl options]: sends a message without payload.
fiksio() {
    local from=$1 to=$2
    shift 2
    http POST "$base_url/fiks-io/api/v1/send" -H "Authorization: Bearer $token" \
        -H "IntegrasjonId: $integrasjon" -H "$password_header: $passord" \
        -F "metadata={\"avsenderKontoId\":\"$from\",\"mottakerKontoId\":\"$to\",
            \"meldingType\":\"no.eksempel.melding\",\"ttl\":null};type=application/json" "$@"
}

fiksio_rules() {
    local rule="fiks-io: privilege on the sender's account" from to
    from=$(field avsender konto_id)
    to=$(field mottaker konto_id)
    integrasjon "$kommune_orgnr"
    token
    fiksio "$from" "$to"
    expect "$rule: refused" 403 "$from"
    admin POST "/integrasjoner/$integrasjon/privilegier" \
        "{\"tjeneste\":\"fiks-io\",\"kontoId\":\"$from\"}"
    fiksio "$from" "$to"
    expect "$rule: accepted" 202 meldingId
    fiksio "$to" "$from"
    expect "$rule, another account: refused" 403 "$to"

    rule="fiks-io: receiver exists"
    fiksio "$from" "$(uuid)"
    expect "$rule: refused" 404

    rule="fiks-io katalog: the three headers"
    http GET "$base_url/fiks-io/katalog/api/v1/kontoer/$to" -H "Authorization: Bearer $token" \
        -H "IntegrasjonId: $integrasjon" -H "$password_header: $passord"
    expect "$rule: accepted" 200 "$to"
    http GET "$base_url/fiks-io/katalog/api/v1/kontoer/$to"
    expect "$rule: refused" 401 "$BAD_TOKEN"
    http GET "$base_url/fiks-io/katalog/api/v1/kontoer/$to/offentligNokkel"
    expect "fiks-io katalog: the public key needs none" 200 "BEGIN CERTIFICATE"
}

basic_rules() {
    local url rule user secret
    user=$(field svarinn brukernavn)
    secret=$(field svarinn passord)
    for url in /tjenester/svarinn/mottaker/hentNyeForsendelser /api/svarinn/v2/forsendelser; do
        rule="svarinn $url: HTTP Basic"
        http GET "$base_url$url" -u "$user:$secret"
        expect "$rule: accepted" 200 "["
        http GET "$base_url$url"
        expect "$rule, missing: refused" 401
        http GET "$base_url$url" -u "$user:feil"
        expect "$rule, wrong password: refused" 401
        http GET "$base_url$url" -u "$(uuid):$secret"
        expect "$rule, unknown user: refused" 401
        http GET "$base_url$url" -H "Authorization: Bearer $token"
        expect "$rule, Bearer: refused" 401
    done
}

admin_rules() {
    local rule="fiks-konfigurasjon: Sandbox-Admin"
    http GET "$admin_url/integrasjoner" -H "Sandbox-Admin: $admin_key"
    expect "$rule: accepted" 200 "$(field global_integrasjoner svarut)"
    http GET "$admin_url/integrasjoner"
    expect "$rule, missing: refused" 401
    http GET "$admin_url/integrasjoner" -H "Sandbox-Admin: feil"
    expect "$rule, wrong: refused" 401
    rule="fiks-konfigurasjon: a global integrasjon"
    admin DELETE "/integrasjoner/$(field global_integrasjoner svarut)"
    expect "$rule cannot be deleted: refused" 403
}
