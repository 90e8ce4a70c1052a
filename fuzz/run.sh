#!/bin/bash
# Runs fuzz targets, one line each, as many at a time as there are processors.
# Usage (from make): fuzz/run.sh <build folder> <seconds> <target ...>
# A target goes on from what it found before (<build folder>/corpus). What breaks it is kept beside.
set -u
cd "$(dirname "$0")/.." || exit 2
build=$1 seconds=$2
shift 2
LUA_PATH="./?.lua;;" "${LUA:-lua5.4}" fuzz/seeds.lua "$build/seeds" || exit 2
export FIKS_FUZZ_KEY=$build/seeds/cms.key
fuzz() {
    local target=$1 log=$build/$1.log dictionary=fuzz/$1.dict status runs
    mkdir -p "$build/corpus/$target" "$build/seeds/$target"
    "$build/fuzz/$target" "$build/corpus/$target" "$build/seeds/$target" \
        -max_total_time="$seconds" -max_len=4096 -timeout=30 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$build/$target-" \
        $([ -f "$dictionary" ] && echo "-dict=$dictionary") >"$log" 2>&1 </dev/null
    status=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if [ $status -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
        printf '%-12s ok      %10d inputs in %d s\n' "$target" "$runs" "$seconds"
        return 0
    fi
    printf '%-12s FAILED  status %d; all of it in %s, the input in\n' "$target" $status "$log"
    sed -n 's/.*Test unit written to /    /p' "$log"
    grep -vE '^(#[0-9]+\s|stat::|INFO|NEW|$)' "$log" | head -n 25 | sed 's/^/    /'
    return 1
}

bad=0
at_once=$(nproc 2>/dev/null || echo 1)
while [ $# -gt 0 ]; do
    running=()
    for target in "${@:1:$at_once}"; do
        fuzz "$target" &
        running+=($!)
    done
    shift ${#running[@]}
    for pid in "${running[@]}"; do wait "$pid" || bad=1; done
done
exit $bad
