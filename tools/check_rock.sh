#!/bin/sh
# Builds the rock as a user would, into build/rocktree, and loads it from there with Lua 5.4.
set -eu
cd "$(dirname "$0")/.."
tree=$PWD/build/rocktree
rm -rf "$tree" build/rocksrc
# LuaRocks leaves objects beside the sources, so it gets a copy of them.
mkdir -p build/rocksrc
cp -R csrc lua bin LICENSE README.md lua-fiks-scm-1.rockspec build/rocksrc/ 2>/dev/null ||
    cp -R csrc lua bin LICENSE lua-fiks-scm-1.rockspec build/rocksrc/
(cd build/rocksrc &&
    luarocks --lua-version=5.4 make --tree "$tree" --deps-mode=none lua-fiks-scm-1.rockspec) \
    >build/rock.log 2>&1 || { cat build/rock.log; exit 1; }
cd /
LUA_PATH="$tree/share/lua/5.4/?.lua;$tree/share/lua/5.4/?/init.lua" \
    LUA_CPATH="$tree/lib/lua/5.4/?.so" \
    lua5.4 -e 'local f = require "fiks"; print("rock: fiks " .. require("fiks.core").version .. " loads"); assert(f.new)'
echo "rock: $("$tree/bin/fiks" --version) runs"
