return require("bench.json_row").new("json_encode_jit", "encode", "luajit", 0.70)
