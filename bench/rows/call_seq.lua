-- Signed calls from Lua, answers decoded, one after the other, against libcurl alone and peers.

return require("bench.clients").file("call_seq", 1, {
  cpu = 1.12, rate = 0.95, requests = 6, lua_http = 1.5, luasec = 15, peak = 16,
})
