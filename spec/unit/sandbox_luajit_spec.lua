-- The modules of the sandbox that need LuaJIT (it runs in nginx only): zip writer and store.
if not rawget(_G, "jit") then
  return
end

local core = require("fiks.core")
local store = require("sandbox.store")
local zip = require("sandbox.zip")

local function temporary(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text or "")
  file:close()
  return path
end

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

describe("sandbox.zip", function()
  local files = {
    { name = "søknad.txt", data = "blåbær" },
    { name = "tom.bin", data = "" },
    { name = "stor.bin", data = ("fiks"):rep(100000) },
  }

  it("writes what unzip finds sound", function()
    local path = temporary(zip.write(files))
    assert.matches("No errors detected", output("unzip -t " .. path))
    assert.equal(core.sha256("blåbær" .. files[3].data),
      output("unzip -p " .. path .. " | sha256sum"):sub(1, 64))
    os.remove(path)
  end)

  it("has sizes only behind the data, names flagged as UTF-8, like SvarUt's", function()
    local archive = zip.write(files)
    assert.equal("PK\3\4\20\0\8\8\8\0", archive:sub(1, 10))
    assert.equal(("\0"):rep(12), archive:sub(15, 26))
  end)

  it("writes an empty archive", function()
    assert.equal("PK\5\6" .. ("\0"):rep(18), zip.write({}))
  end)
end)

describe("sandbox.store", function()
  local path

  setup(function()
    path = temporary()
    store.open(path)
  end)

  teardown(function()
    for _, suffix in ipairs({ "", "-wal", "-shm" }) do
      os.remove(path .. suffix)
    end
  end)

  it("keeps any text as it is", function()
    local text = "O'Brien ? \0 blåbær '); DROP TABLE melding; --"
    store.run("INSERT OR REPLACE INTO meldingsfeil VALUES (?, ?)", "id", text)
    local row = store.row("SELECT * FROM meldingsfeil WHERE feilmelding = ?", text)
    assert.equal(text, row.feilmelding)
  end)

  it("keeps large numbers exact", function()
    store.run("INSERT INTO brukt_jti VALUES (?, ?)", "stor", 9007199254740991)
    local row = store.row("SELECT * FROM brukt_jti WHERE nokkel = ?", "stor")
    assert.equal(9007199254740991, row.utloper)
  end)

  it("undoes a transaction that fails", function()
    assert.has_error(function()
      store.transaction(function()
        store.run("INSERT INTO reservasjon VALUES (?)", "01816236955")
        error("stopp", 0)
      end)
    end, "stopp")
    assert.is_nil(store.row("SELECT * FROM reservasjon"))
  end)

  it("says what is wrong with a statement", function()
    assert.has_error(function()
      store.run("SELECT nothing FROM nowhere")
    end)
  end)
end)
