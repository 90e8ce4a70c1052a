#!/usr/bin/env bash
# Our grants, judged by others: the jose command (libjose) and python3-jwcrypto accept each of them and
# refuse it when a byte of it is changed or the key is another.
# usage: jose.sh    (LUA and BUILD name interpreter and build; the folder is the repository's root)
set -uo pipefail
umask 077

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=lib.sh
. "$here/lib.sh"

python=/usr/bin/python3
lua=${LUA:-lua5.4}

names=$(LUA_PATH="lua/?.lua;lua/?/init.lua;./?.lua;;" LUA_CPATH="build/lua5.4/?.so;;" LD_PRELOAD= \
    "$lua" "$here/grants_for_jose.lua" "$work") || not_ok "grants are made"
[ "$(wc -w <<<"$names")" -ge 10 ] || not_ok "grants of ten kinds" "$names"

# judge NAME JWS PEM: 0 when both accept the signature, 1 when both refuse it, 2 when they differ.
judge() {
    local one=1 two=1
    jwk_of "$2" >"$work/pub.jwk"
    jose jws ver -i "$1" -k "$work/pub.jwk" >/dev/null 2>&1 && one=0
    "$python" "$here/jose.py" "$1" "$2" >/dev/null 2>"$work/why" && two=0
    [ "$one" = "$two" ] || return 2
    return "$one"
}

# The public key of a certificate as a JWK.
jwk_of() {
    local n
    n=$(openssl x509 -in "$1" -noout -modulus | cut -d= -f2 | tr 'A-F' 'a-f' | sed 's/../\\x&/g')
    printf '{"kty":"RSA","e":"AQAB","n":"%s"}' "$(printf '%b' "$n" | b64url)"
}

# changed JWS PART: flips a character in the middle of part 1, 2 or 3.
changed() {
    awk -v part="$2" -F. '{
        OFS = "."; at = int(length($part) / 2); c = substr($part, at, 1)
        $part = substr($part, 1, at - 1) (c == "A" ? "B" : "A") substr($part, at + 1); print
    }' "$1" | tr -d '\n'
}

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/other.key" -out "$work/other.pem" \
    -subj /CN=Annen -days 2 2>/dev/null

for name in $names; do
    jws=$work/$name.jws pem=$work/$name.pem
    if judge "$jws" "$pem"; then ok "$name: accepted by jose and jwcrypto"
    else not_ok "$name: accepted by jose and jwcrypto" "$(tail -n 1 "$work/why")"; fi
    if "$python" "$here/jose.py" "$jws" "$pem" "$work/$name.expected" 2>"$work/why"; then
        ok "$name: header and claims are the documented ones"
    else
        not_ok "$name: header and claims are the documented ones" "$(tail -n 1 "$work/why")"
    fi
    for part in 1 2 3; do
        changed "$jws" "$part" >"$work/changed.jws"
        judge "$work/changed.jws" "$pem"
        if [ $? = 1 ]; then ok "$name: refused with part $part changed"
        else not_ok "$name: refused with part $part changed"; fi
    done
    judge "$jws" "$work/other.pem"
    if [ $? = 1 ]; then ok "$name: refused with another key"
    else not_ok "$name: refused with another key"; fi
done

echo "# independent: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
