# The rules of the two token endpoints. Sourced by rules.sh.

# The code in error_uri, which only Maskinporten of today has; of 2018 the text must do.
code() {
    if [ "$contract" = current ]; then
        printf 'errors\\/%s"' "$1"
    else
        printf 'correlation id'
    fi
}

form_rules() {
    local rule="$contract grant: form content type"
    ask "$(grant)"
    accepted "$rule"
    http POST "$token_endpoint" -H "Content-Type: application/json" \
        --data-binary "{\"grant_type\":\"$GRANT_TYPE\",\"assertion\":\"$(grant)\"}"
    refused "$rule" 415 invalid_request "Content-Type"

    rule="$contract grant: grant_type"
    ask "$(grant)"
    accepted "$rule"
    http POST "$token_endpoint" --data-urlencode "grant_type=client_credentials" \
        --data-urlencode "assertion=$(grant)"
    refused "$rule" 400 unsupported_grant_type "grant type"
    http POST "$token_endpoint" --data-urlencode "assertion=$(grant)"
    refused "$rule, missing" 400 invalid_request "grant_type"

    rule="$contract grant: assertion, once and a JWT"
    ask "$(grant)"
    accepted "$rule"
    http POST "$token_endpoint" --data-urlencode "grant_type=$GRANT_TYPE"
    refused "$rule, missing" 400 invalid_request "assertion is missing"
    http POST "$token_endpoint" --data-urlencode "grant_type=$GRANT_TYPE" \
        --data-urlencode "assertion=$(grant)" --data-urlencode "assertion=$(grant)"
    refused "$rule, twice" 400 invalid_request "repeated"
    ask "no.jwt"
    refused "$rule, not a JWT" 400 invalid_request "$(code MP-011)"

    rule="$contract grant: other parameters are not needed"
    http POST "$token_endpoint" --data-urlencode "grant_type=$GRANT_TYPE" \
        --data-urlencode "assertion=$(grant)" --data-urlencode "noe=annet"
    accepted "$rule"

    rule="$contract token endpoint: POST only"
    http GET "$token_endpoint"
    expect "$rule: refused" 405
}

header_rules() {
    local rule="$contract grant: alg" algorithm
    ask "$(grant alg=RS256)"
    accepted "$rule RS256"
    for algorithm in RS384 RS512; do
        ask "$(grant alg=$algorithm digest="sha${algorithm#RS}")"
        if [ "$contract" = current ]; then
            accepted "$rule $algorithm"
        else
            refused "$rule $algorithm" 400 invalid_grant "algorithm"
        fi
    done
    ask "$(grant alg=PS256)"
    refused "$rule PS256" 400 invalid_grant "algorithm"
    ask "$(grant alg=none)"
    refused "$rule none" 400 invalid_grant "algorithm"

    rule="$contract grant: x5c is an array"
    ask "$(grant)"
    accepted "$rule"
    ask "$(grant head="\"x5c\":\"$kommune_der\"")"
    refused "$rule, a string" 400 invalid_grant "$(code MP-123)"
    ask "$(grant head='"x5c":[]')"
    refused "$rule, empty" 400 invalid_grant "$(code MP-123)"
    ask "$(grant head='"x5c":["bm8gY2VydA=="]')"
    refused "$rule, no certificate in it" 400 invalid_grant "$(code MP-123)"
    ask "$(grant head="\"x5c\":[\"$(printf '%s' "$kommune_der" | tr '+/' '-_')\"]")"
    refused "$rule, base64url" 400 invalid_grant "$(code MP-123)"

    rule="$contract grant: kid or x5c"
    ask "$(grant head=)"
    refused "$rule, neither" 400 invalid_grant "$(code MP-123)"
    ask "$(grant head='"kid":"ukjent"')"
    refused "$rule, kid of nothing registered" 400 invalid_grant "kid"
}

certificate_rules() {
    local rule="$contract grant: certificate under the virksomhet CA" bad
    ask "$(grant)"
    accepted "$rule, leaf only"
    ask "$(grant head="\"x5c\":[\"$kommune_der\",\"$intermediate_der\"]")"
    accepted "$rule, leaf and intermediate"
    ask "$(grant head="\"x5c\":[\"$kommune_der\",\"$intermediate_der\",\"$root_der\"]")"
    accepted "$rule, leaf, intermediate and root"
    bad=$(field self_signed certificate_file)
    ask "$(grant head="\"x5c\":[\"$(der "$bad")\"]" key="$(field self_signed key_file)")"
    refused "$rule, self-signed" 400 invalid_grant "$(code MP-120)"
    ask "$(grant head="\"x5c\":[\"$intermediate_der\",\"$kommune_der\"]")"
    refused "$rule, chain in wrong order" 400 invalid_grant "$(code MP-122)"

    rule="$contract grant: certificate is valid now"
    ask "$(grant)"
    accepted "$rule"
    bad=$(field expired certificate_file)
    ask "$(grant head="\"x5c\":[\"$(der "$bad")\"]" key="$(field expired key_file)")"
    refused "$rule, expired" 400 invalid_grant "$(code MP-120)"

    rule="$contract grant: organisation of the certificate is the client's"
    ask "$(grant)"
    accepted "$rule"
    ask "$(grant head="\"x5c\":[\"$leverandor_der\"]" key="$leverandor_key")"
    refused "$rule" 400 invalid_grant "$(code MP-122)"

    rule="$contract grant: organizationIdentifier (SEID 2) names the organisation"
    ask "$(grant head="\"x5c\":[\"$leverandor_der\"]" key="$leverandor_key" \
        iss="\"$(field leverandor client_id)\"")"
    accepted "$rule"

    rule="$contract grant: signature"
    ask "$(grant)"
    accepted "$rule"
    ask "$(grant key="$leverandor_key")"
    refused "$rule, another key" 400 invalid_grant "$(code MP-124)"
    ask "$(grant digest=sha512)"
    refused "$rule, another digest than alg says" 400 invalid_grant "$(code MP-124)"
}

claim_rules() {
    local rule="$contract grant: client (iss) is known"
    ask "$(grant)"
    accepted "$rule"
    ask "$(grant iss="\"$(uuid)\"")"
    refused "$rule" 400 invalid_grant "$(code MP-100)"
    ask "$(grant iss=)"
    refused "$rule, missing" 400 invalid_grant "$(code MP-100)"

    rule="$contract grant: aud is the issuer, byte for byte"
    ask "$(grant)"
    accepted "$rule"
    ask "$(grant aud="\"${issuer%/}\"")"
    refused "$rule, without the slash" 400 invalid_grant "$(code MP-110)"
    ask "$(grant aud="\"$token_endpoint\"")"
    refused "$rule, the token URL" 400 invalid_grant "$(code MP-110)"
    ask "$(grant aud="[\"$issuer\"]")"
    refused "$rule, an array" 400 invalid_grant "$(code MP-110)"
    ask "$(grant aud=)"
    refused "$rule, missing" 400 invalid_grant "$(code MP-110)"

    rule="$contract grant: no unknown claims"
    ask "$(grant)"
    accepted "$rule"
    ask "$(grant extra="\"sub\":\"$client_id\"")"
    refused "$rule, sub" 400 invalid_grant "Invalid assertion"
    ask "$(grant extra="\"nbf\":$EPOCHSECONDS")"
    refused "$rule, nbf" 400 invalid_grant "Invalid assertion"

    [ "$contract" = current ] || return 0
    rule="$contract grant: pid is 11 digits"
    ask "$(grant extra='"pid":"01816236955"')"
    accepted "$rule"
    ask "$(grant extra='"pid":"123"')"
    refused "$rule" 400 invalid_request "$(code MP-011)"

    rule="$contract grant: resource is text or array"
    ask "$(grant extra='"resource":["https://api.eksempel.no/"]')"
    accepted "$rule"
    ask "$(grant extra='"resource":7')"
    refused "$rule" 400 invalid_request "$(code MP-011)"

    rule="$contract grant: authorization_details"
    ask "$(grant extra='"authorization_details":[{"type":"urn:altinn:systemuser"}]')"
    accepted "$rule"
    ask "$(grant extra='"authorization_details":[{"type":"ukjent"}]')"
    refused "$rule, unknown type" 400 invalid_grant "$(code MP-301)"
    ask "$(grant extra='"authorization_details":{}')"
    refused "$rule, not an array" 400 invalid_grant "$(code MP-303)"
}

time_rules() {
    local rule="$contract grant: iat at most 10 s ahead" now
    now=$EPOCHSECONDS
    ask "$(grant iat=$((now + 7)))"
    accepted "$rule"
    ask "$(grant iat=$((now + 60)))"
    refused "$rule" 400 invalid_grant "Issue time is after now"

    rule="$contract grant: iat at most 10 s ago"
    now=$EPOCHSECONDS
    ask "$(grant iat=$((now - 5)))"
    accepted "$rule"
    ask "$(grant iat=$((now - 60)))"
    refused "$rule" 400 invalid_grant "$(code MP-130)"

    rule="$contract grant: not expired"
    now=$EPOCHSECONDS
    ask "$(grant iat=$((now - 5)) exp=$((now + 30)))"
    accepted "$rule"
    ask "$(grant iat=$((now - 200)) exp=$((now - 100)))"
    refused "$rule" 400 invalid_grant "expired"

    rule="$contract grant: exp at most 120 s after iat"
    now=$EPOCHSECONDS
    ask "$(grant iat="$now" exp=$((now + 120)))"
    accepted "$rule"
    ask "$(grant iat="$now" exp=$((now + 121)))"
    refused "$rule" 400 invalid_grant "120 seconds"
    ask "$(grant iat="$now" exp="$now")"
    refused "$rule, and more than 0" 400 invalid_grant "120 seconds"

    rule="$contract grant: iat and exp are numbers"
    now=$EPOCHSECONDS
    ask "$(grant iat="$now.0" exp="$((now + 60)).0")"
    accepted "$rule, written as doubles"
    ask "$(grant iat= exp=$((now + 60)))"
    refused "$rule, iat missing" 400 invalid_request "$(code MP-011)"
    ask "$(grant exp=)"
    refused "$rule, exp missing" 400 invalid_request "$(code MP-011)"
    ask "$(grant exp="\"$((now + 60))\"")"
    refused "$rule, exp as text" 400 invalid_request "$(code MP-011)"
}

replay_rules() {
    local rule="$contract grant: used once" one jti
    one=$(grant)
    ask "$one"
    accepted "$rule"
    ask "$one"
    refused "$rule, the same grant" 400 invalid_grant "$(code MP-012)"
    jti="\"$(uuid)\""
    ask "$(grant jti="$jti")"
    accepted "$rule, jti"
    ask "$(grant jti="$jti" scope="\"$token_scope \"")"
    refused "$rule, another grant with the jti" 400 invalid_grant "$(code MP-012)"

    rule="$contract grant: without jti, used once"
    one=$(grant jti=)
    ask "$one"
    accepted "$rule"
    ask "$one"
    refused "$rule" 400 invalid_grant "$(code MP-012)"

    rule="$contract grant: jti is text"
    ask "$(grant jti=17)"
    refused "$rule" 400 invalid_request "$(code MP-011)"
}

scope_rules() {
    local rule="$contract grant: scope is registered on the client"
    ask "$(grant)"
    accepted "$rule"
    ask "$(grant scope='"annet:scope"')"
    refused "$rule" 400 invalid_scope "$(code MP-200)"
    ask "$(grant scope="\"$token_scope annet:scope\"")"
    refused "$rule, one of two" 400 invalid_scope "$(code MP-200)"
    ask "$(grant scope=)"
    refused "$rule, missing" 400 invalid_request "$(code MP-011)"

    rule="$contract grant: organisation has access to the scope"
    client ",\"scopes\":[\"$token_scope\"]"
    ask "$(grant iss="\"$new_client\"")"
    accepted "$rule"
    client ",\"scopes\":[\"$token_scope\"],\"sperredeScopes\":[\"$token_scope\"]"
    ask "$(grant iss="\"$new_client\"")"
    refused "$rule" 403 access_denied "$(code MP-250)"
}

delegation_rules() {
    local claim=consumer_org rule
    [ "$contract" = current ] || claim=iss_onbehalfof
    rule="$contract grant: $claim needs a delegation"
    client ",\"delegeringer\":[\"$leverandor_orgnr\"]"
    ask "$(grant iss="\"$new_client\"" extra="\"$claim\":\"$leverandor_orgnr\"")"
    accepted "$rule"
    ask "$(grant extra="\"$claim\":\"$leverandor_orgnr\"")"
    refused "$rule" 403 access_denied "$(code MP-251)"
    ask "$(grant extra="\"$claim\":\"$kommune_orgnr\"")"
    refused "$rule, own organisation" 400 invalid_grant "invalid"

    if [ "$contract" = current ]; then
        ask "$(grant iss="\"$new_client\"" extra="\"consumer_org\":\"0192:$leverandor_orgnr\"")"
        refused "$rule, nine digits" 400 invalid_request "$(code MP-011)"
        ask "$(grant iss="\"$new_client\"" \
            extra="\"consumer_org\":\"$leverandor_orgnr\",\"iss_onbehalfof\":\"$leverandor_orgnr\"")"
        refused "$rule, not with iss_onbehalfof" 400 invalid_grant "exclude"
    else
        ask "$(grant extra="\"consumer_org\":\"$leverandor_orgnr\"")"
        refused "$contract grant: no consumer_org yet" 400 invalid_grant "Invalid assertion"
    fi
}

# Keys registered on the client beforehand; ID-porten of 2018 had none.
registered_key_rules() {
    local rule="current grant: kid of a registered key" key=$work/own.key
    openssl genrsa -out "$key" 2048 2>/dev/null
    client ",\"nokler\":[{\"kid\":\"nokkel.1\",\"jwk\":$(jwk "$key")},
        {\"kid\":\"gammel\",\"jwk\":$(jwk "$key"),\"utloper\":1500000000}]"
    ask "$(grant iss="\"$new_client\"" head='"kid":"nokkel.1"' key="$key")"
    accepted "$rule"
    ask "$(grant iss="\"$new_client\"" head='"kid":"nokkel.2"' key="$key")"
    refused "$rule, unknown kid" 400 invalid_grant "Unknown key identifier (kid) for client"
    ask "$(grant iss="\"$new_client\"" head='"kid":"med mellomrom"' key="$key")"
    refused "$rule, malformed kid" 400 invalid_request "errors\\/MP-011"
    ask "$(grant iss="\"$new_client\"" head='"kid":"nokkel.1"')"
    refused "$rule, signed with another key" 400 invalid_grant "errors\\/MP-124"
    ask "$(grant iss="\"$new_client\"" head='"kid":"gammel"' key="$key")"
    refused "$rule, expired" 400 invalid_grant "errors\\/MP-121"
    ask "$(grant iss="\"$new_client\"")"
    refused "$rule, x5c without kid" 400 invalid_grant \
        "requires pre-registered jwk and no key identifier (kid) provided"

    rule="current grant: kid of a key registered as a certificate"
    openssl req -x509 -new -key "$key" -subj /CN=nokkel -days 2 -out "$work/own.crt" 2>/dev/null
    client ",\"nokler\":[{\"kid\":\"sertifikat.1\",
        \"sertifikat\":\"$(sed 's/$/\\n/' "$work/own.crt" | tr -d '\n')\"}]"
    ask "$(grant iss="\"$new_client\"" head='"kid":"sertifikat.1"' key="$key")"
    accepted "$rule"
    ask "$(grant iss="\"$new_client\"" head='"kid":"sertifikat.1"')"
    refused "$rule, signed with another key" 400 invalid_grant "errors\\/MP-124"

    rule="current grant: kid beside x5c"
    client ",\"nokler\":[{\"kid\":\"nokkel.1\",\"jwk\":$(jwk "$key")}]"
    ask "$(grant iss="\"$new_client\"" head="\"kid\":\"nokkel.1\",\"x5c\":[\"$kommune_der\"]" \
        key="$key")"
    accepted "$rule"
    ask "$(grant iss="\"$new_client\"" head="\"kid\":\"nokkel.1\",\"x5c\":\"x\"" key="$key")"
    refused "$rule, no array" 400 invalid_grant "errors\\/MP-123"
}
