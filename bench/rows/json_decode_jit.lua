return require("bench.json_row").new("json_decode_jit", "decode", "luajit", 0.70)
