-- Signed calls from Lua, answers decoded, 8 in flight, against libcurl alone and peers.

return require("bench.clients").file("call_8", 8, {
  cpu = 1.20, rate = 0.90, requests = 10, lua_http = 1.5, peak = 16,
})
