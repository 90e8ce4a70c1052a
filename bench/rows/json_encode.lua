return require("bench.json_row").new("json_encode", "encode", "lua5.4", 0.62)
