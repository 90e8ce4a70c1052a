#!/bin/bash
# Runs test programs and specs, and ends with one line: N passed, N failed, N skipped.
# Usage (from make, which builds first): tools/run_tests.sh [--valgrind] [--c 'programs'] [--lua 'specs']
#
# --lua runs busted over the specs (default: spec) with Lua 5.4 and LuaJIT (all of them under the
# address sanitizer with 5.4 only), and after them the requests
# of spec/independent, which openssl and curl make alone, and our grants, which jose judges (not under a
# sanitizer, which would see none of our code there), and spec/crash, which kills receivers. The
# requests, spec/integration and spec/crash need a sandbox: one is started here for all, and found
# through FIKS_SANDBOX, the path of its sandbox.json.
#
# A program that dies, hangs or does not report has failed.
set -u

BUILD=${BUILD:-build} VARIANT=${VARIANT:-} LUA=${LUA:-lua5.4} LUAJIT=${LUAJIT:-luajit}
passed=0 failed=0 skipped=0 took=0 sandbox=
work=$(mktemp -d "${TMPDIR:-/tmp}/fiks-run-XXXXXX")
# What a program leaves behind when it dies goes with the folder.
mkdir "$work/tmp"
export TMPDIR=$work/tmp

finish() {
    trap - EXIT
    if [ -n "$sandbox" ]; then sandbox/stop --dir "$sandbox" >/dev/null; fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' HUP INT TERM

# ---- counting ------------------------------------------------------------------------------------

# add <name> <exit status> <output file>: counts the program's own summary, its last "# " line.
add() {
    local name=$1 status=$2 file=$3 line
    line=$(grep -a '^# [^:]*: [0-9]* passed, [0-9]* failed, [0-9]* skipped$' "$file" | tail -n 1)
    grep -avE '^# [^:]*: [0-9]* passed, [0-9]* failed, [0-9]* skipped$|^ok ' "$file" >"$work/rest"
    if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        local p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
    else
        local p=0 f=0 s=0
    fi
    if [ "$f" -eq 0 ] && { [ "$status" -ne 0 ] || [ -z "$line" ]; }; then
        f=1
        echo "FAIL $name: ended with status $status$(why "$status")" >>"$work/rest"
        if [ -s "$work/progress" ]; then
            echo "  in: $(cat "$work/progress")" >>"$work/rest"
        fi
    fi
    printf '%-28s %5d passed %4d failed %4d skipped %5d s\n' "$name" "$p" "$f" "$s" "$took"
    if [ "$f" -gt 0 ]; then
        sed 's/^/    /' "$work/rest"
    else
        grep -a '^SKIP' "$work/rest" | sed 's/^/    /'
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

why() {
    case $1 in
    0) echo " but did not report" ;;
    124 | 137) echo " (took too long, or was killed)" ;;
    134) echo " (aborted)" ;;
    139) echo " (segmentation fault)" ;;
    esac
}

# ---- tools around the programs --------------------------------------------------------------------

# valgrind in front of a program of ours, never of env or timeout: it does not follow an exec.
tool=()
valgrind_args=(valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,possible
    --errors-for-leak-kinds=definite,possible --num-callers=25
    --suppressions=tools/valgrind.supp)
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=0:exitcode=66}"

# The thread sanitizer cannot place its shadow where some kernels' address randomisation is wide.
around=()
if [ "$VARIANT" = tsan ] && setarch -R true 2>/dev/null; then around=(setarch -R); fi

# run <seconds> <program ...>: stdin closed, output to $work/out; sanitizer reports are part of it.
run() {
    local seconds=$1 begin=$SECONDS result
    shift
    rm -f "$work/progress"
    [ ${#tool[@]} -eq 0 ] || seconds=$((seconds * 5))
    timeout -k 10 "$seconds" "${around[@]}" "$@" </dev/null >"$work/out" 2>&1
    result=$?
    took=$((SECONDS - begin))
    return $result
}

run_c() {
    local program
    for program in $1; do
        run 120 "${tool[@]}" "$program"
        add "$(basename "$program")" $? "$work/out"
    done
}

# ---- the sandbox -----------------------------------------------------------------------------------

start_sandbox() {
    [ -z "$sandbox" ] && [ -x sandbox/start ] || return 0
    sandbox=$work/sandbox
    if sandbox/start --dir "$sandbox" >"$work/sandbox.out" 2>&1; then
        export FIKS_SANDBOX=$sandbox/sandbox.json
    else
        echo "the sandbox did not start:"
        sed 's/^/    /' "$work/sandbox.out"
        sandbox=
        failed=$((failed + 1))
    fi
}

# ---- specs -----------------------------------------------------------------------------------------

# run_specs <runtime> <interpreter> <specs>
run_specs() {
    local runtime=$1 interpreter=$2 specs=$3 busted preload=
    busted=$(command -v busted) || {
        echo "busted is missing: make deps"
        failed=$((failed + 1))
        return
    }
    if [ "$VARIANT" = asan ]; then
        preload="$("${CC:-gcc}" -print-file-name=libasan.so) $("${CC:-gcc}" -print-file-name=libubsan.so)"
    fi
    run 900 env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 LUA_PATH="lua/?.lua;lua/?/init.lua;./?.lua;;" LUA_CPATH="$BUILD/$runtime/?.so;;" \
        FIKS_RUNTIME="$runtime" FIKS_BUILD="$BUILD" FIKS_LUA="$interpreter" \
        FIKS_TEST_PROGRESS="$work/progress" ${preload:+LD_PRELOAD="$preload"} \
        "${tool[@]}" "$interpreter" "$busted" $specs
    add "specs ($runtime)" $? "$work/out"
}

run_lua() {
    local specs=${1:-spec} wanted rules jose crash
    wanted=$(find $specs -name '*_spec.lua' 2>/dev/null)
    rules= jose= crash=
    if [ -z "$VARIANT" ]; then
        rules=$(find $specs -path '*independent/rules.sh' 2>/dev/null)
        jose=$(find $specs -path '*independent/jose.sh' 2>/dev/null)
        crash=$(find $specs -path '*crash/receive_crash.lua' 2>/dev/null)
    fi
    [ -n "$wanted$rules$jose$crash" ] || { echo "no specs in $specs"; return; }
    if grep -qE 'spec/(integration|independent|crash)/' <<<"$wanted $rules $crash"; then
        start_sandbox
    fi
    if [ -n "$wanted" ]; then
        run_specs lua5.4 "$LUA" "$specs"
        # LuaJIT's machine code needs a suppression for each of its tricks: 5.4 speaks for the C code.
        # Under a sanitizer, too, but for the binding, which is compiled anew.
        if [ "$VARIANT" = asan ] && [ "$specs" = spec ]; then
            run_specs luajit "$LUAJIT" "spec/contract spec/gc_spec.lua spec/json spec/unit"
        elif [ ${#tool[@]} -eq 0 ]; then
            run_specs luajit "$LUAJIT" "$specs"
        fi
    fi
    if [ -n "$rules" ] && [ -n "$sandbox" ]; then
        run 600 "$rules" "$FIKS_SANDBOX"
        add "openssl and curl alone" $? "$work/out"
    fi
    if [ -n "$jose" ]; then
        run 300 env LUA="$LUA" "$jose"
        add "grants judged by jose" $? "$work/out"
    fi
    if [ -n "$crash" ] && [ -n "$sandbox" ]; then
        run 300 env LUA_PATH="lua/?.lua;lua/?/init.lua;./?.lua;;" LUA_CPATH="$BUILD/lua5.4/?.so;;" \
            "$LUA" "$crash"
        add "receivers killed" $? "$work/out"
        [ "$failed" -gt 0 ] || grep -a '^crash: ' "$work/out" | sed 's/^/    /'
    fi
}

# ---- main ------------------------------------------------------------------------------------------

while [ $# -gt 0 ]; do
    case $1 in
    --valgrind) tool=("${valgrind_args[@]}") ;;
    --c) run_c "$2"; shift ;;
    --lua) run_lua "$2"; shift ;;
    *) echo "run_tests: unknown argument $1" >&2; exit 2 ;;
    esac
    shift
done

finish
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
