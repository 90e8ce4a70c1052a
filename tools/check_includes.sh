#!/bin/bash
# Dependency direction (docs/architecture.md): who may include what, who may touch sockets and
# clocks, that Lua is never called from C, and that every Lua file loads in both runtimes.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0

# only <what> <pattern> <regex of files that may>: nobody else in csrc and examples matches, comments
# apart.
only() {
    local what=$1 pattern=$2 allowed=$3 hits
    hits=$(grep -rnE --include='*.[ch]' "$pattern" csrc examples 2>/dev/null |
        grep -vE "^($allowed):|^[^:]*:[0-9]*: *(/?\*|//)")
    if [ -n "$hits" ]; then
        echo "$what:"
        echo "$hits" | sed 's/^/  /'
        bad=1
    fi
}

include() { echo "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($1)"; }

only "only the engine (engine, pump, transfer) includes curl" "$(include 'curl/')" 'csrc/(engine|pump|transfer)(_[a-z]+)?\.[ch]'
only "only the crypto files include OpenSSL" "$(include 'openssl/|key_openssl')" \
    'csrc/(key|certificate|jwt|hash|cms|asice|clock)(_[a-z0-9]+)*\.c|csrc/(key|cms)_[a-z0-9]+\.h|csrc/test/[a-z0-9_]*\.[ch]'
only "only json.c includes jansson" "$(include 'jansson')" 'csrc/json\.c|examples/[a-z_]*\.c|csrc/test/test_json\.c'
only "Lua headers only in csrc/bind and csrc/luajson" \
    "$(include 'lua\.h|lauxlib\.h|lualib\.h|luajit\.h|lua\.hpp')" 'csrc/(bind|luajson|driver)/[a-z0-9_]*\.[ch]|csrc/test/test_thread_states\.c'
only "databases only in csrc/driver" "$(include 'sqlite3\.h|libpq-fe\.h|postgresql/')" \
    'csrc/driver/[a-z]*\.c'
only "the core includes no binding and no driver" "$(include '(\.\./)?(bind|luajson|driver)/')" \
    'csrc/(bind|luajson)/[a-z0-9_]*\.[ch]'
only "zlib and ISA-L only where archives are" "$(include 'zlib\.h|isa-l')" 'csrc/(inflate|asice)[a-z_]*\.c|csrc/test/[a-z0-9_]*\.[ch]'
only "sockets belong to the engine" \
    "$(include 'sys/socket\.h|netdb\.h|netinet/|arpa/|poll\.h|sys/poll\.h|sys/epoll\.h|sys/select\.h')" \
    'csrc/(engine|pump|transfer)\.[ch]|csrc/test/[a-z0-9_]*\.[ch]'
only "threads belong to the engine and what is shared with it" "$(include 'pthread\.h|threads\.h')" \
    'csrc/(engine|pump|transfer|client|token_cache|log|key|channel|metrics|job|process)\.[ch]|csrc/bind/llog\.c|csrc/driver/sqlite\.c|csrc/test/[a-z0-9_]*\.[ch]'
only "clocks are read in clock.c only" \
    '(^|[^a-z_A-Z0-9>.])(clock_gettime|gettimeofday|time|nanosleep|usleep|sleep|clock|localtime|localtime_r|ftime)[[:space:]]*\(' \
    'csrc/clock\.c|csrc/test/[a-z0-9_]*\.[ch]|examples/[a-z0-9_]*\.c'
only "Lua is never called from C, and C never yields" \
    '\<(lua_p?call|lua_p?callk|lua_cpcall|lua_yieldk?|lua_resume|luaL_do(string|file)|luaL_load(string|buffer|bufferx|file|filex)|luaL_callmeta|lua_sethook)\>[[:space:]]*\(' \
    'csrc/test/test_thread_states\.c'
only "a Lua error may call __tostring or __index of a stranger" '\<(luaL_tolstring|lua_gettable_of)\>[[:space:]]*\(' \
    'csrc/(bind|luajson)/[a-z0-9_]*\.[ch]'

# Layers of the core, lowest first: a file includes only its own line and the lines above it.
if ! awk -f tools/layers.awk tools/layers.txt csrc/*.[ch]; then bad=1; fi

# What Lua files require: the vocabulary knows nothing of tests, sandbox or nginx.
hits=$(grep -rnE --include='*.lua' "require[ (]*[\"'](spec|sandbox|ngx|resty|busted|cjson|luasql|socket)[\"'./]" lua examples 2>/dev/null)
if [ -n "$hits" ]; then
    echo "lua/ and examples/ require only fiks modules:"
    echo "$hits" | sed 's/^/  /'
    bad=1
fi

mapfile -t files < <(find lua spec examples sandbox bench fuzz tools -name '*.lua' 2>/dev/null | sort)
for lua in "${LUA:-lua5.4}" "${LUAJIT:-luajit}"; do
    "$lua" tools/check_loads.lua "${files[@]}" || bad=1
done
exit $bad
