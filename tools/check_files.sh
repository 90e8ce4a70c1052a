#!/bin/bash
# Every tracked or new text file: UTF-8, LF, a final newline, no trailing blanks, tabs only where they
# belong; and no private key anywhere.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
complain() { echo "$1: $2"; bad=1; }
while IFS= read -r file; do
    [ -f "$file" ] && [ -s "$file" ] || continue
    if grep -qlE -- '-----BEGIN [A-Z ]*PRIVATE KEY-----[[:space:]]*$' "$file"; then
        complain "$file" "holds a private key; tests make theirs"
    fi
    case $file in
    spec/vectors/* | *.p12 | *.der | *.png) continue ;;
    esac
    grep -Iq . "$file" || { complain "$file" "is binary"; continue; }
    iconv -f UTF-8 -t UTF-8 "$file" >/dev/null 2>&1 || complain "$file" "is not UTF-8"
    if grep -q $'\r' "$file"; then complain "$file" "has carriage returns"; fi
    if grep -nE '[[:blank:]]+$' "$file" >/dev/null; then
        complain "$file:$(grep -nE '[[:blank:]]+$' "$file" | head -n 1 | cut -d: -f1)" "trailing blanks"
    fi
    [ -z "$(tail -c 1 "$file")" ] || complain "$file" "has no final newline"
    case $file in
    *.c | *.h | *.lua) if grep -q $'\t' "$file"; then complain "$file" "has tabs"; fi ;;
    esac
    case $file in
    *.c | *.h | *.lua)
        if grep -nE '\<(TODO|FIXME|XXX)\>' "$file" >/dev/null; then
            complain "$file" "has a note to oneself; write an issue"
        fi
        ;;
    esac
done < <(git ls-files --cached --others --exclude-standard 2>/dev/null || find . -type f -not -path './.git/*' -not -path './build/*')
exit $bad
