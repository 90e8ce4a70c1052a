-- Lua 5.4 and LuaJIT run the same files, so only what both have is known: "min" is that set.
std = "min"
max_line_length = 100
codes = true
exclude_files = { "build" }

files["spec"] = { std = "min+busted", read_globals = { "jit" } }
files["sandbox"].std = "ngx_lua"
-- These run under lua5.4 alone.
files["tools"] = { std = "lua54", read_globals = { "jit" } }
files["bench"].std = "lua54"
files["fuzz"].std = "lua54"
files["spec/crash"].std = "lua54"
files[".luacheckrc"].std = "+luacheckrc"
files["*.rockspec"].std = "+rockspec"
