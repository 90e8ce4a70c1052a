#!/bin/bash
# Runs the benchmark rows. Usage (from make): bench/run.sh [--check] [row ...]
# Whatever a row starts writes its pid to build/bench/*.pid and is ended here.
set -u
cd "$(dirname "$0")/.." || exit 2
mkdir -p build/bench
ram=build/bench
[ -w /dev/shm ] && ram=/dev/shm
BENCH_RAM=$(mktemp -d "$ram/fiks-bench.XXXXXX") || exit 2
export BENCH_RAM
stop() {
    local file
    for file in build/bench/*.pid; do
        [ -s "$file" ] && kill "$(cat "$file")" 2>/dev/null
        rm -f "$file"
    done
    rm -rf "$BENCH_RAM" build/bench/received
}
trap stop EXIT
trap 'exit 130' HUP INT TERM
LUA_PATH="lua/?.lua;lua/?/init.lua;./?.lua;;" LUA_CPATH="build/lua5.4/?.so;;" \
    env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 "${LUA:-lua5.4}" bench/run.lua "$@"
