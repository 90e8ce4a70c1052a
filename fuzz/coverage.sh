#!/bin/bash
# Line coverage of what the fuzzers are for, over all they start with and have found. Fails below 90 %.
# Usage (from make): fuzz/coverage.sh <build folder with counters> <build folder of the fuzzers>
set -u
cd "$(dirname "$0")/.." || exit 2
build=$1 found=$2
least=90 bad=0

export FIKS_FUZZ_KEY=$found/seeds/cms.key

# replay <target>: the counters of its run alone.
replay() {
    find "$build" -name '*.gcda' -delete
    find "$found/seeds/$1" "$found/corpus/$1" -type f -print0 2>/dev/null |
        xargs -0 -r "$build/fuzz/$1" || {
        echo "$1: replaying failed"
        bad=1
    }
}

# share <name> <source ...>: lines executed of these.
share() {
    local name=$1
    shift
    local line
    line=$(for source in "$@"; do
        gcov -n -r -s "$PWD" "$build/obj/$source.gcda" 2>/dev/null |
            awk -F"[' :%]+" -v wanted="$source.c" '
                /^File / { file = $2 }
                /^Lines executed/ && file == wanted { print $3, $5; file = "" }'
    done | awk '{ hit += $1 * $2; all += $2 } END { if (all) printf "%.1f %d", hit / all, all }')
    printf '%-12s %5s %% of %s lines: %s\n' "$name" ${line:-0 0} "$*"
    awk -v share="${line%% *}" -v least=$least 'BEGIN { exit !(share >= least) }' || {
        echo "$name: less than $least %"
        bad=1
    }
}

replay ber
share ber csrc/ber
replay cms
share cms csrc/ber csrc/cms csrc/cms_ber csrc/cms_cipher csrc/cms_header csrc/cms_pem
replay unzip
share unzip csrc/unzip csrc/unzip_directory csrc/inflate
exit $bad
