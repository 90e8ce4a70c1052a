#!/bin/sh
# Brings the peer that is no Debian package, undici, into build/bench/npm: this version, once.
set -eu
version=7.30.2
cd "$(dirname "$0")/../.."
dir=build/bench/npm
if [ -f "$dir/node_modules/undici/package.json" ] &&
    grep -q "\"version\": \"$version\"" "$dir/node_modules/undici/package.json"; then
    exit 0
fi
command -v npm >/dev/null || { echo "install.sh: there is no npm beside node" >&2; exit 1; }
mkdir -p "$dir"
npm install --no-audit --no-fund --no-save --ignore-scripts --prefix "$dir" "undici@$version"
