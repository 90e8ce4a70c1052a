#!/usr/bin/env bash
# Runs a program among the servers of the fault table: all that is started here is alone in new
# namespaces (as root) for network, mounts and processes, and ends with this script, however it ends.
# usage: world.sh DIR PROGRAM ...      world.lua has filled DIR
set -euo pipefail

dir=$1
if [ "${2:-}" != --inside ]; then
    exec unshare --net --mount-proc --pid --fork --kill-child "$0" "$dir" --inside "${@:2}"
fi
shift 2

fail() {
    echo "world.sh: $*" >&2
    exit 1
}

trap 'fail "line $LINENO failed: $BASH_COMMAND"' ERR
set -E

network() {
    # no packet is larger than a network's: nftables counts, and drops, whole ones
    ip link set lo mtu 1500 gso_max_size 1500 gso_max_segs 1 up
    ip addr add 198.18.0.1/32 dev lo
    ip addr add 198.18.0.2/32 dev lo
    nft -f nftables.conf
    echo nameserver 127.0.0.1 >resolv.conf
    echo 127.0.0.1 localhost >hosts
    mount --bind resolv.conf /etc/resolv.conf
    mount --bind hosts /etc/hosts
}

# start NAME PROGRAM ...: in the background, its output in NAME.log.
start() {
    local name=$1
    shift
    "$@" >"$name.log" 2>&1 <&0 &
}

s_server() { # NAME DIRECTORY PORT CERTIFICATE OPTIONS ...
    local name=$1 directory=$2 port=$3 certificate=$4
    shift 4
    (cd "$directory" && exec openssl s_server -accept "$port" -naccept 1000 -quiet \
        -cert "$dir/$certificate.pem" -key "$dir/$certificate.key" -CAfile "$dir/ca.pem" \
        -cipher DEFAULT:@SECLEVEL=0 "$@") >"$name.log" 2>&1 </dev/null &
}

wiremock() {
    start wiremock java -Xshare:auto -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx256m \
        -jar "$FIKS_WIREMOCK" --bind-address 0.0.0.0 --port 8080 --root-dir wiremock \
        --disable-banner --disable-gzip --disable-connection-reuse true
}

servers() {
    start haproxy haproxy -db -f haproxy.cfg
    start dnsmasq dnsmasq --keep-in-foreground --user=root --conf-file=dnsmasq.conf --pid-file=
    start tinyproxy tinyproxy -d -c tinyproxy.conf
    s_server raw raw 4400 good -HTTP
    while read -r port certificate options; do
        # shellcheck disable=SC2086
        s_server "s_server-$port" . "$port" "$certificate" -www $options
    done <s_servers
    mkfifo script.in
    exec 8<>script.in
    /usr/bin/python3 "$FIKS_ENDPOINT" <&8 >endpoint.json 2>endpoint.log &
}

# Waits, within a bound, for every port.
ready() {
    local ports missing listening port until=$((SECONDS + 30))
    ports="8080 5001 5002 5003 5004 8888 53 4400 $(cut -d' ' -f1 s_servers | tr '\n' ' ')"
    while [ "$SECONDS" -lt "$until" ]; do
        listening=" $(ss -Htnl | awk '{ n = split($4, a, ":"); printf "%s ", a[n] }')"
        missing=
        for port in $ports; do
            case $listening in *" $port "*) ;; *) missing="$missing $port" ;; esac
        done
        if [ -z "$missing" ] && [ -s endpoint.json ]; then return; fi
        sleep 0.05
    done
    grep -H . ./*.log | tail -n 40 >&2
    fail "after 30 s nobody listens on$missing"
}

here=$PWD
cd "$dir"
network
wiremock # it takes seconds; meanwhile:
"$here/spec/support/faults/certificates.sh" "$dir"
servers
ready
cd "$here"
LD_PRELOAD=${FIKS_PRELOAD:-} "$@"
