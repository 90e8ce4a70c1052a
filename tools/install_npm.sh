#!/bin/sh
# Installs npm packages, each of one exact version, that are not there yet.
# usage: tools/install_npm.sh FOLDER PACKAGE@VERSION ...
#
# They come to FOLDER/node_modules, and no script of theirs is run. Two at once wait for each other.
set -eu

folder=$1
shift
mkdir -p "$folder"

# installed PACKAGE@VERSION
installed() {
    grep -qsF "\"version\": \"${1##*@}\"" "$folder/node_modules/${1%@*}/package.json"
}

install_missing() {
    missing=
    for package in "$@"; do
        installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if ! command -v npm >/dev/null; then
        echo "install_npm: npm is missing: make deps" >&2
        return 1
    fi
    echo "install_npm: installing$missing"
    # without one npm removes what an earlier run installed
    [ -f "$folder/package.json" ] || echo '{"private": true}' >"$folder/package.json"
    npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --save-exact \
        --no-package-lock --loglevel=error $missing </dev/null >"$folder/npm.log" 2>&1 ||
        { cat "$folder/npm.log" >&2; return 1; }
    for package in "$@"; do
        installed "$package" || { echo "install_npm: npm did not bring $package" >&2; return 1; }
    done
}

exec 9>"$folder/.lock"
flock 9
install_missing "$@"
