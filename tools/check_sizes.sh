#!/bin/bash
# A reader's limits: C functions 60 lines, C files 600; Lua functions 60 lines (lua/ and sandbox/),
# Lua files 400.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0

# Functions start with a brace in column one and end with one, as clang-format leaves them.
mapfile -t c_files < <(find csrc examples bench fuzz spec -name '*.[ch]' 2>/dev/null | sort)
awk '
    FNR == 1 { if (lines > 600) { print file ": " lines " lines (limit 600)"; bad = 1 } file = FILENAME }
    { lines = FNR }
    /^[A-Za-z_].*\(/ { head = $0 }
    /^\{/ { start = FNR }
    /^\}/ && start {
        if (FNR - start - 1 > 60) {
            print FILENAME ":" start ": function of " FNR - start - 1 " lines (limit 60): " head; bad = 1
        }
        start = 0
    }
    END { if (lines > 600) { print file ": " lines " lines (limit 600)"; bad = 1 } exit bad }
' "${c_files[@]}" /dev/null || bad=1

mapfile -t lua_files < <(find lua spec examples sandbox bench fuzz tools -name '*.lua' 2>/dev/null | sort)
for file in "${lua_files[@]}"; do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 400 ]; then
        echo "$file: $lines lines (limit 400)"
        bad=1
    fi
    case $file in
    lua/* | sandbox/*)
        luac5.4 -l -p "$file" 2>/dev/null |
            sed -n 's/^function <\(.*\):\([0-9]*\),\([0-9]*\)>.*/\1 \2 \3/p' |
            awk '$3 - $2 - 1 > 60 { print $1 ":" $2 ": function of " $3 - $2 - 1 " lines (limit 60)"; bad = 1 }
                 END { exit bad }' || bad=1
        ;;
    esac
done
exit $bad
