-- Signed calls from Lua, answers decoded, 64 in flight, against libcurl alone and peers.

return require("bench.clients").file("call_64", 64, {
  cpu = 1.20, rate = 0.90, requests = 10, lua_http = 1.5, peak_to_raw = 1.15,
})
