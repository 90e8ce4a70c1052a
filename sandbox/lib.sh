# What start and stop share. Sourced.

# master DIR: the pid of the nginx that serves DIR, or nothing. A pid file may outlive its process, and
# the number may have been given to another program since: hence the look at its command line.
master() {
    local pid
    [ -f "$1/nginx.pid" ] || return 0
    pid=$(cat "$1/nginx.pid")
    if tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$1/nginx.conf"; then
        echo "$pid"
    fi
}
