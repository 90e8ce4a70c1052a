-- Compiles (does not run) the named files in the runtime this runs in: luacheck accepts syntax that
-- one of the two does not have.
local failed = false
for _, name in ipairs(arg) do
  local ok, message = loadfile(name)
  if not ok then
    failed = true
    io.stderr:write(_VERSION, jit and " (LuaJIT)" or "", ": ", message, "\n")
  end
end
os.exit(failed and 1 or 0)
