-- The rockspec names its sources one by one; this compares them with the tree.
-- Usage: lua5.4 tools/check_rockspec.lua [--fix] lua-fiks-scm-1.rockspec

local fix = arg[1] == "--fix"
local path = assert(arg[fix and 2 or 1], "which rockspec?")

local function lines(command)
  local out, pipe = {}, assert(io.popen(command))
  for line in pipe:lines() do out[#out + 1] = line end
  pipe:close()
  table.sort(out)
  return out
end

local function module_name(file)
  return (file:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local c_files = lines("find csrc -name '*.c' -not -path 'csrc/test/*' -not -path 'csrc/driver/*'")
local drivers = lines("find csrc/driver -name '*.c'")
local lua_files = lines("find lua -name '*.lua'")

local failed = false
local function complain(...)
  failed = true
  io.stderr:write(("rockspec: %s\n"):format(string.format(...)))
end

-- Compares what is listed with what there is, both as sets of text.
local function compare(listed, found)
  for text in pairs(found) do
    if not listed[text] then complain("%s is not listed", text) end
  end
  for text in pairs(listed) do
    if not found[text] then complain("%s is listed and does not exist", text) end
  end
end

local function check(modules)
  local listed, found = {}, {}
  for _, file in ipairs(modules["fiks.core"].sources) do listed["source " .. file] = true end
  for name, file in pairs(modules) do
    if name ~= "fiks.core" then
      listed[("module %s = %s"):format(name, file.sources and file.sources[1] or file)] = true
    end
  end
  for _, file in ipairs(c_files) do found["source " .. file] = true end
  for _, file in ipairs(drivers) do
    found[("module fiks.%s = %s"):format(file:match("(%w+)%.c$"), file)] = true
  end
  for _, file in ipairs(lua_files) do
    found[("module %s = %s"):format(module_name(file), file)] = true
  end
  compare(listed, found)
end

local function rewrite(text)
  local sources, modules = {}, {}
  for _, file in ipairs(c_files) do sources[#sources + 1] = ("        %q,\n"):format(file) end
  for _, file in ipairs(lua_files) do
    modules[#modules + 1] = ("    [%q] = %q,\n"):format(module_name(file), file)
  end
  text = text:gsub("(sources = {\n).-(      },\n)", function(head, tail)
    return head .. table.concat(sources) .. tail
  end)
  return (text:gsub("(    },\n)[^}]-(  },\n}\n)$", function(head, tail)
    return head .. table.concat(modules) .. tail
  end))
end

if fix then
  local file = assert(io.open(path))
  local text = rewrite(file:read("a"))
  file:close()
  file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local spec = {}
assert(loadfile(path, "t", spec))()
check(spec.build.modules)
if failed then
  io.stderr:write("rockspec: lua5.4 tools/check_rockspec.lua --fix ", path, " corrects it\n")
end
os.exit(failed and 1 or 0)
