#!/bin/bash
# Exported names of each module file: exactly luaopen_fiks_<name> and, of the core, what fiks.h marks
# FIKS_API; nothing of ours left undefined; and libraries only where they belong.
# Usage: tools/check_exports.sh <module.so> ...
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
# A declaration may run over lines; a name is what stands before its first parenthesis.
allowed=$(cat csrc/fiks.h csrc/fiks_content.h | grep -v '^#' | tr '\n' ' ' | grep -oE 'FIKS_API [^;{]*' |
    sed -nE 's/^[^(]*[ *]([a-z_0-9]+)\(.*/\1/p' | sort -u)
[ -n "$allowed" ] || { echo "no FIKS_API in csrc/fiks.h?"; exit 2; }
for file in "$@"; do
    name=$(basename "$file" .so)
    promised=luaopen_fiks_$name
    if [ "$name" = core ]; then promised="$promised
$allowed"; fi
    exported=$(nm -D --defined-only --format=posix "$file" | awk '{ print $1 }' | sort -u)
    extra=$(comm -13 <(echo "$promised" | sort -u) <(echo "$exported"))
    lacking=$(comm -23 <(echo "$promised" | sort -u) <(echo "$exported"))
    undefined=$(nm -D --undefined-only --format=posix "$file" | awk '$1 ~ /^fiks_/ { print $1 }')
    for name in $extra; do echo "$file: exports $name, which fiks.h does not promise"; bad=1; done
    for name in $lacking; do echo "$file: $name of fiks.h is not exported"; bad=1; done
    for name in $undefined; do echo "$file: $name is not defined anywhere"; bad=1; done
    if ldd "$file" | grep -qE 'liblua|libluajit'; then
        echo "$file: is linked with a Lua library; the host brings its own"
        bad=1
    fi
    if [ "$name" = core ] && ldd "$file" | grep -qE 'libpq|libsqlite'; then
        echo "$file: is linked with a database; its driver is a module of its own"
        bad=1
    fi
    if [ "$(ldd "$file" | grep -cE 'libcrypto\.so')" -gt 1 ]; then
        echo "$file: pulls in two versions of OpenSSL"
        bad=1
    fi
done
exit $bad
