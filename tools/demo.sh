#!/bin/bash
# The main job against a sandbox of its own, started here and stopped at the end. Usage (from make,
# which builds first): tools/demo.sh
set -eu
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build} LUA=${LUA:-lua5.4}
work=$(mktemp -d "${TMPDIR:-/tmp}/fiks-demo-XXXXXX")
finish() {
    trap - EXIT
    if [ -e "$work/sandbox" ]; then sandbox/stop --dir "$work/sandbox" >/dev/null || true; fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' HUP INT TERM

sandbox/start --dir "$work/sandbox" >"$work/start.out" 2>&1 || { cat "$work/start.out" >&2; exit 1; }
export FIKS_SANDBOX=$work/sandbox/sandbox.json
export LUA_PATH="lua/?.lua;lua/?/init.lua;./?.lua;;" LUA_CPATH="$BUILD/lua5.4/?.so;;"
case $("$LUA" -v 2>&1) in LuaJIT*) LUA_CPATH="$BUILD/luajit/?.so;;" ;; esac
unset LUA_PATH_5_4 LUA_CPATH_5_4
"$LUA" examples/demo.lua

# The same in C, with the integrasjon of the first example. Passwords go by the environment: arguments
# are for everybody to see.
support() {
    "$LUA" -e "local support = require 'examples.support' $1"
}
printf '\nThe same job in C   [examples/main_job.c]\n'
support 'support.put_forsendelse("Klage på vedtak", {
    { filnavn = "klage.txt", mimeType = "text/plain", data = "Jeg klager." } })'
FIKS_INTEGRASJON_ID=$(support 'print(support.load("integrasjon").id)')
FIKS_INTEGRASJON_PASSORD=$(support 'print(support.load("integrasjon").password)')
export FIKS_INTEGRASJON_ID FIKS_INTEGRASJON_PASSORD
"$BUILD/examples/main_job" "$FIKS_SANDBOX" "$work/sandbox/inn" >"$work/c.out"
sed 's/^/  /' "$work/c.out"
