--- For specs: a PostgreSQL of their own, durable as a real one, reached through a Unix socket (no
--- password) or 127.0.0.1 (a password). As root it runs as Debian's user postgres: it refuses root.

local daemon = require "spec.support.daemon"

local M = {}

M.PASSWORD = "svært-Hemmelig#1"

local Server = {}
Server.__index = Server

-- Runs a script of bash to its first command that fails; its output.
local function sh(script)
  script = ("set -e\n%s\necho well"):format(script):gsub("'", "'\\''")
  local pipe = assert(io.popen("LD_PRELOAD= bash -c '" .. script .. "' 2>&1 </dev/null"))
  local output = pipe:read("*a")
  pipe:close()
  local before = output:match("^(.*)well\n$")
  return before or error(output, 3)
end

function Server:sh(script)
  return sh(([[
    cd '%s'
    bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
    as=
    if [ $(id -u) = 0 ]; then as="setpriv --reuid=postgres --regid=postgres --clear-groups"; fi
    %s]]):format(self.folder, script))
end

--- Makes the database and starts the server.
function M.start()
  -- Its user must get there, which it cannot below a folder of root's alone.
  local folder = sh("dir=$(mktemp -d /tmp/fiks-postgres-XXXXXX); chmod 755 $dir; echo $dir")
    :match("%S+")
  local self = setmetatable({ folder = folder, port = daemon.ports(1) }, Server)
  self:sh(([[
    if [ -n "$as" ]; then chown postgres . ; fi
    printf "%%s" '%s' >password
    $as $bin/initdb -D data -U arkiv --pwfile=password -A scram-sha-256 --auth-local=trust \
      -E UTF8 --locale=C --no-sync
    $as sh -c "cat >>data/postgresql.conf" <<END
port = %d
listen_addresses = '127.0.0.1'
unix_socket_directories = '%s'
fsync = on
shared_buffers = 16MB
max_connections = 30
deadlock_timeout = 50ms
END
]]):format(M.PASSWORD, self.port, folder))
  self.target = ("host=%s port=%d user=arkiv dbname=postgres"):format(folder, self.port)
  self.tcp = ("host=127.0.0.1 port=%d user=arkiv dbname=postgres"):format(self.port)
  self:go_on()
  return self
end

--- Starts it, again.
function Server:go_on()
  self:sh "$as $bin/pg_ctl -D data -w -t 20 -l data/log start >/dev/null"
end

--- Ends it as a crash does: nothing under way is finished.
function Server:crash()
  self:sh "$as $bin/pg_ctl -D data -w -t 20 -m immediate stop"
end

--- Statements of psql, by another connection; what it prints.
function Server:psql(sql)
  self:sh(("cat >psql.sql <<'END'\n%s\nEND\n"):format(sql))
  return self:sh(("psql -X -q -A -t -v ON_ERROR_STOP=1 '%s' -f psql.sql"):format(self.target))
end

function Server:log()
  return self:sh "cat data/log"
end

function Server:stop()
  pcall(self.crash, self)
  os.execute("rm -rf '" .. self.folder .. "'")
end

return M
