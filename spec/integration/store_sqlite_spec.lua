-- fiks.store with SQLite: what is on the disk, when, and for whom.

local fiks = require "fiks"
local material_of = require "spec.support.material"
local store = require "fiks.store"

describe("a store of sqlite", function()
  local material

  setup(function()
    material = material_of.new()
  end)
  teardown(function()
    material:remove()
  end)

  local function fails(kind, code, value, err)
    assert.is_nil(value)
    assert.equal(kind, err and err.kind, tostring(err))
    assert.equal(code, err.code, tostring(err))
    return err
  end

  it("is on the disk when a batch has ended", function()
    local path, trace = material:path("varig.db"), material:path("trace")
    local output = material:lua(([[
      local here = assert(require("fiks.store").open { sqlite = %q })
      io.stdout:setvbuf("no")
      for _, sql in ipairs { "CREATE TABLE t (x)", "INSERT INTO t VALUES (1)" } do
        io.write("begin")
        assert(here:batch { { sql } })
        io.write("ended")
      end]]):format(path), ("strace -f -y -o '%s' -e trace=write,pwrite64,fsync,fdatasync")
      :format(trace))
    assert.equal("beginendedbeginended", output)
    local dirty, ended = {}, 0
    for line in material:read("trace"):gmatch("[^\n]+") do
      local call, file = line:match("(%w+)%(%d+<([^>]*)>")
      if line:find('"ended"', 1, true) then
        ended = ended + 1
        assert.same({}, dirty)
      elseif call == "pwrite64" and file:find(path, 1, true)
        and not file:find("-shm", 1, true) then
        dirty[file] = true
      elseif call and call:find("sync", 1, true) then
        dirty[file] = nil
      end
    end
    assert.equal(2, ended)
    assert.is_true(material:read("trace"):find("<" .. material.folder .. ">)", 1, true) ~= nil)
  end)

  it("is for its owner alone, in write-ahead mode", function()
    local here = fiks.check(store.open { sqlite = material:path("min.db") })
    local results = fiks.check(here:batch { { "PRAGMA journal_mode" }, { "PRAGMA synchronous" },
      { "PRAGMA foreign_keys" } })
    assert.equal("wal", results[1][1].journal_mode)
    assert.equal(2, results[2][1].synchronous)
    assert.equal(1, results[3][1].foreign_keys)
    here:lock("x")
    material:sh [[ for f in min.db*; do test "$(stat -c %a $f)" = 600; done; ls min.db.x.lock ]]
    here:close()
  end)

  it("names targets that cannot be", function()
    fails("config", "store.target", store.open { sqlite = ":memory:" })
    fails("config", "store.target", store.open { sqlite = "" })
    fails("config", "file", store.open { sqlite = material:path("ingen/mappe.db") })
    fails("config", "file", store.open { sqlite = material.folder })
    material:write("tekst.db", ("dette er ingen database"):rep(100))
    local err = fails("io", "store.corrupt", store.open { sqlite = material:path("tekst.db") })
    assert.is_false(err.retryable)
    assert.matches("tekst.db", err.message)
  end)

  it("does not write into a file that is not there any more", function()
    local path = material:path("flytt.db")
    local here = fiks.check(store.open { sqlite = path })
    fiks.check(here:batch { { "CREATE TABLE sak (id TEXT PRIMARY KEY)" } })
    assert(os.rename(path, path .. ".flyttet"))
    fails("io", "store.moved", here:batch { { "INSERT INTO sak (id) VALUES ('borte')" } })
    fails("io", "store.io", here:batch { { "INSERT INTO sak (id) VALUES ('borte')" } })
    assert(os.rename(path .. ".flyttet", path))
    fiks.check(here:batch { { "INSERT INTO sak (id) VALUES ('tilbake')" } })
    local rows = fiks.check(here:batch { { "SELECT id FROM sak" } })[1]
    assert.equal("tilbake", rows[1].id)
    assert.equal(1, #rows)
    here:close()
  end)

  -- LuaJIT can fork.
  local it_on_luajit = rawget(_G, "jit") and it or function() end

  it_on_luajit("has no lock any more when its process is dead and a fork of it is not", function()
    local path, ready = material:path("gaffel.db"), material:path("forked")
    local output = material:lua(([[
      local ffi = require "ffi"
      ffi.cdef "int fork(void); int pause(void); int getpid(void);"
      local here = assert(require("fiks.store").open { sqlite = %q })
      assert(here:lock("mottak"))
      if ffi.C.fork() == 0 then
        local file = assert(io.open(%q, "w"))
        file:write(ffi.C.getpid())
        file:close()
        for fd = 0, 2 do ffi.cdef "int close(int);" ffi.C.close(fd) end
        ffi.C.pause()
      end
      os.execute("for _ in $(seq 500); do [ -s %s ] && break; sleep 0.02; done; kill -9 $PPID")
    ]]):format(path, ready, ready))
    assert.not_matches("error", output)
    local here = fiks.check(store.open { sqlite = path })
    local got = here:lock("mottak")
    here:close()
    material:sh("kill -9 $(cat forked)")
    assert.is_true(got)
  end)

  it("goes on when a full disk has room again", function()
    material:sh "mkdir disk"
    local output = material:lua([[
      local folder = ...
      local here = assert(require("fiks.store").open { sqlite = folder .. "/disk/full.db" })
      assert(here:batch { { "CREATE TABLE sak (id INTEGER PRIMARY KEY, tekst TEXT)" } })
      local filler = assert(io.open(folder .. "/disk/filler", "w"))
      filler:write(("x"):rep(300000))
      filler:close()
      local good, results, err = 0, nil, nil
      repeat
        results, err = here:batch { { "INSERT INTO sak (tekst) VALUES ($1)", ("y"):rep(10000) },
          { "INSERT INTO sak (tekst) VALUES ($1)", ("z"):rep(10000) } }
        good = good + (results and 2 or 0)
      until err or good > 200
      print(err.kind, err.code, err.retryable)
      os.remove(folder .. "/disk/filler")
      assert(here:batch { { "INSERT INTO sak (tekst) VALUES ('igjen')" } })
      local rows = assert(here:batch { { "SELECT count(*) AS n FROM sak" } })[1]
      print(good > 0, rows[1].n == good + 1)
    ]], ("unshare -m sh -c 'mount -t tmpfs -o size=700k none \"%s\" && exec \"$@\"' sh"):format(
      material:path("disk")))
    assert.equal("io\tstore.full\ttrue\ntrue\ttrue\n", output)
  end)
end)
