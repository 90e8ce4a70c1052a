# Requests to the sandbox made with openssl, curl and coreutils alone: no code of this project, so that
# client and server cannot be wrong together. Sourced by rules.sh.

passed=0 failed=0 skipped=0

ok() {
    passed=$((passed + 1))
    echo "ok $1"
}

not_ok() {
    failed=$((failed + 1))
    echo "not ok $1"
    [ -z "${2:-}" ] || echo "#   $2"
}

# field SECTION NAME: a member of a leaf object of sandbox.json.
field() {
    tr -d '\n' < "$sandbox_json" | grep -o "\"$1\":{[^{}]*}" | head -1 \
        | grep -o "\"$2\":\"[^\"]*\"" | head -1 | cut -d: -f2- | tr -d '"' | sed 's|\\/|/|g'
}

# top NAME: a text member of the outermost object.
top() {
    grep -o "\"$1\":\"[^\"]*\"" "$sandbox_json" | head -1 | cut -d: -f2- | tr -d '"' | sed 's|\\/|/|g'
}

# member NAME: a text member of the last answer.
member() {
    grep -o "\"$1\":\"[^\"]*\"" "$work/body" | head -1 | cut -d: -f2- | tr -d '"'
}

b64() {
    basenc --base64 -w 0
}

b64url() {
    local text
    text=$(basenc --base64url -w 0)
    printf '%s' "${text//=/}"
}

uuid() {
    cat /proc/sys/kernel/random/uuid
}

# der FILE: the certificate as one line of standard Base64.
der() {
    openssl x509 -in "$1" -outform DER | b64
}

# The numbers of a public key as a JWK.
jwk() {
    local n
    n=$(openssl rsa -in "$1" -noout -modulus 2>/dev/null | cut -d= -f2 | tr 'A-F' 'a-f' \
        | sed 's/../\\x&/g')
    printf '{"kty":"RSA","use":"sig","alg":"RS256","e":"AQAB","n":"%s"}' \
        "$(printf '%b' "$n" | b64url)"
}

# sign DIGEST KEY: RS signature of standard input, base64url.
sign() {
    openssl dgst "-$1" -sign "$2" -binary | b64url
}

# grant [name=value ...] > assertion. Values of claims are raw JSON; an empty one leaves the claim out.
# Names: alg digest key head (raw header members) iss aud scope iat exp jti extra (raw claims).
grant() {
    local alg=RS256 digest=sha256 key=$kommune_key head="\"x5c\":[\"$kommune_der\"]"
    local iss="\"$client_id\"" aud="\"$issuer\"" scope="\"$token_scope\"" iat exp jti extra=
    iat=$EPOCHSECONDS
    jti="\"$(uuid)\""
    exp=default
    local pair
    for pair in "$@"; do
        printf -v "${pair%%=*}" '%s' "${pair#*=}"
    done
    [ "$exp" != default ] || exp=$((iat + 100))
    local claims="" name
    for name in iss aud scope iat exp jti; do
        [ -z "${!name}" ] || claims="$claims,\"$name\":${!name}"
    done
    local signed
    signed=$(printf '{"alg":"%s"%s}' "$alg" "${head:+,$head}" | b64url).$(printf '{%s}' \
        "${claims#,}${extra:+,$extra}" | b64url)
    printf '%s.%s' "$signed" "$(printf '%s' "$signed" | sign "$digest" "$key")"
}

# http METHOD URL [curl options]: the status in $status, the body in $work/body.
http() {
    local method=$1 url=$2
    shift 2
    status=$(curl -sS -m 30 --cacert "$ca_file" -X "$method" -o "$work/body" -w '%{http_code}' \
        "$@" "$url" 2>"$work/curl.err") || status="curl: $(cat "$work/curl.err")"
}

# ask ASSERTION: the token request as documented.
ask() {
    http POST "$token_endpoint" --data-urlencode "grant_type=$GRANT_TYPE" \
        --data-urlencode "assertion=$1"
}

GRANT_TYPE=urn:ietf:params:oauth:grant-type:jwt-bearer

# accepted NAME: the last answer must be a token.
accepted() {
    if [ "$status" = 200 ] && [ -n "$(member access_token)" ]; then
        ok "$1: accepted"
    else
        not_ok "$1: accepted" "status $status: $(head -c 300 "$work/body")"
    fi
}

# refused NAME STATUS ERROR TEXT: the last answer must be this OAuth error, TEXT somewhere in it.
refused() {
    if [ "$status" = "$2" ] && [ "$(member error)" = "$3" ] && grep -qF -- "$4" "$work/body"; then
        ok "$1: refused ($2 $3)"
    else
        not_ok "$1: refused ($2 $3)" "wanted \"$4\", got status $status: $(head -c 300 "$work/body")"
    fi
}

# expect NAME STATUS [TEXT]: the last answer must have this status, and TEXT in it.
expect() {
    if [ "$status" = "$2" ] && { [ -z "${3:-}" ] || grep -qF -- "$3" "$work/body"; }; then
        ok "$1 ($2)"
    else
        not_ok "$1 ($2)" "wanted \"${3:-}\", got status $status: $(head -c 300 "$work/body")"
    fi
}

# admin METHOD PATH [JSON]
admin() {
    if [ $# -gt 2 ]; then
        http "$1" "$admin_url$2" -H "Sandbox-Admin: $admin_key" -H "Content-Type: application/json" \
            --data-binary "$3"
    else
        http "$1" "$admin_url$2" -H "Sandbox-Admin: $admin_key"
    fi
}
