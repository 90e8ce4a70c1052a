#!/bin/sh
# Installs the Debian packages of the named groups (default: all) that are missing, and nothing
# when none is. Usage: tools/install_deps.sh [runtime] [build] [test] [bench] [lint]
set -eu

here=$(dirname "$0")
groups=${*:-runtime build test lint}
wanted=$(for group in $groups; do
    awk -v group="$group" '$1 == group { print $2, $3 }' "$here/packages.txt"
done | sort -u | while read -r package command; do
    if [ -z "$command" ] || ! command -v "$command" >/dev/null; then echo "$package"; fi
done)

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "install_deps: not a Debian system; these Debian packages have to exist in some form:" >&2
    echo "$wanted" | sed 's/^/  /' >&2
    exit 0
fi

# dpkg-query complains on stderr about packages it never heard of: those are missing too.
installed=$(dpkg-query -W -f='${Package} ${db:Status-Abbrev}\n' $wanted 2>/dev/null |
    awk '$2 == "ii" || $2 == "hi" { print $1 }')
missing=
for package in $wanted; do
    echo "$installed" | grep -qxF "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "install_deps: missing packages; install them as root, then try again:" >&2
    echo "  apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

# Debian starts a daemon when its package is installed; nginx must not take port 80 here. The policy
# is in place only while apt runs, and a policy that was there before comes back.
policy=/usr/sbin/policy-rc.d
saved=$policy.before-fiks
restore_policy() {
    rm -f "$policy"
    if [ -e "$saved" ] || [ -L "$saved" ]; then mv "$saved" "$policy"; fi
}
trap restore_policy EXIT
trap 'exit 1' HUP INT TERM
# Ours, left behind by a run that was killed, is not one to keep.
if grep -qsF "lua-fiks tools/install_deps.sh" "$policy"; then rm -f "$policy"; fi
if [ -e "$policy" ] || [ -L "$policy" ]; then mv "$policy" "$saved"; fi
printf '#!/bin/sh\n# lua-fiks tools/install_deps.sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive
echo "install_deps: installing$missing"
log=$(mktemp)
install_missing() {
    apt-get install -y -q --no-install-recommends $missing </dev/null >"$log" 2>&1
}
update_lists() {
    apt-get update -q </dev/null >"$log" 2>&1
}
# Fresh images have no package lists, older ones stale lists: try what is there, then update (twice
# at most: mirrors have bad moments).
if ! install_missing; then
    update_lists || { sleep 3; update_lists; } || true
    if ! install_missing; then
        cat "$log" >&2
        rm -f "$log"
        echo "install_deps: apt-get could not install:$missing" >&2
        exit 1
    fi
fi
rm -f "$log"
