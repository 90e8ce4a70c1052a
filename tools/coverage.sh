#!/bin/bash
# Line coverage of csrc after `make coverage`: per file, least first, and in all.
# Usage: tools/coverage.sh <build dir>
set -u
cd "$(dirname "$0")/.." || exit 2
out=$1/lines.txt
# The bindings are built once per runtime; the better run of a file counts.
find "$1/obj" -name '*.gcda' -path '*/csrc/*' -not -path '*/test/*' -print0 |
    xargs -0 -r gcov -n -r -s "$PWD" 2>/dev/null |
    awk -F"[' :%]+" '
        /^File / { file = $2 }
        /^Lines executed/ && file ~ /^csrc\// {
            if (!(file in share) || $3 > share[file]) { share[file] = $3; lines[file] = $5 }
            file = ""
        }
        END { for (f in share) printf "%6.1f %% of %5d  %s\n", share[f], lines[f], f }' |
    sort -n >"$out"
cat "$out"
awk '{ hit += $1 * $4; all += $4 } END { if (all) printf "%6.1f %% of %d lines in csrc\n", hit / all, all }' "$out"
