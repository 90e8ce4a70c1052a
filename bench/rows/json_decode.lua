return require("bench.json_row").new("json_decode", "decode", "lua5.4", 0.60)
