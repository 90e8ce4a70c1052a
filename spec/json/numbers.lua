--- Numbers: the grammar, integers beyond 2^53 and 2^63, the range of a double.

local TWO_53 = "9007199254740992"

local function grammar(is)
  for _, text in ipairs { "0", "1", "-1", "10", "123456789", "-123456789", "1527140551605",
    "2147483647", "2147483648", "-2147483648", "4294967296", "99999999999999" } do
    is.accepted("integer " .. text, text, text)
  end
  local others = {
    ["0.5"] = "0.5", ["-0.5"] = "-0.5", ["1.25"] = "1.25", ["0.1"] = "0.1", ["1.0"] = "1",
    ["100.0"] = "100", ["1e3"] = "1000", ["1E3"] = "1000", ["1e+3"] = "1000", ["1E+3"] = "1000",
    ["1e-3"] = "0.001", ["1E-3"] = "0.001", ["1e0"] = "1", ["1e00"] = "1", ["1e01"] = "10",
    ["1.5e2"] = "150", ["-12.34e2"] = "-1234", ["0e0"] = "0", ["0e999"] = "0", ["0.0"] = "0",
    ["1e-007"] = "1e-07", ["12.50"] = "12.5", ["1032.50"] = "1032.5", ["59.91273"] = "59.91273",
    ["0.0001"] = "0.0001", ["0.00001"] = "1e-05", ["123456.789e3"] = "123456789",
    ["1e22"] = "1e+22", ["1e23"] = "1e+23", ["0.30000000000000004"] = "0.30000000000000004",
    ["3.141592653589793"] = "3.141592653589793", ["2.5e-8"] = "2.5e-08",
  }
  for text, again in pairs(others) do is.accepted("fraction or exponent " .. text, text, again) end
  for _, text in ipairs { "-", "+", "+1", "--1", "-+1", "+-1", "- 1", "01", "-01", "00", "-00",
    "007", "0123", "1.", "-1.", ".1", "-.1", ".", "-.", "1..2", "1.2.3", "1.e1", "1.-1", "1e",
    "1E", "1e+",
    "1e-", "1e1.5", "1e1e1", "1ee1", "e1", "1e++1", "0x10", "0xFF", "0b1", "0o7", "1_000", "1,5",
    "1 000", "1'000", "1a", "1f", "1L", "1LL", "1n", "1i", "-a", "0e", "0.e1", "0.", "-0.", "1\0",
    "1%", "1/2", "2*3", "$1", "1kr", "-Infinity", "1#INF", "0x1p3", "0xp1", "١",
    "１" } do
    is.refused("no number, " .. text:gsub("%z", "NUL"), text)
    is.refused("no number as a member, " .. text:gsub("%z", "NUL"), '{"a":' .. text .. "}")
  end
end

local function integers(is)
  is.accepted("2^53 - 1", "9007199254740991", "9007199254740991")
  is.accepted("2^53", TWO_53, TWO_53)
  is.accepted("-2^53", "-" .. TWO_53, "-" .. TWO_53)
  for _, text in ipairs { "9007199254740993", "-9007199254740993", "9007199254740994",
    "1000000000000000001", "9223372036854775807", "-9223372036854775808", "9223372036854775806",
    "10000000000000000", "72057594037927937" } do
    is.ours_accepted("integer within 64 bits " .. text, text,
      { ["lua5.4"] = text, luajit = '"' .. text .. '"' })
  end
  local wider = {
    ["9223372036854775808"] = "9.223372036854776e+18",
    ["-9223372036854775809"] = "-9.223372036854776e+18",
    ["18446744073709551615"] = "1.8446744073709552e+19",
    ["18446744073709551616"] = "1.8446744073709552e+19",
    ["18446744073709551626"] = "1.8446744073709552e+19",
    ["100000000000000000000"] = "1e+20",
    ["123456789012345678901234567890"] = "1.2345678901234568e+29",
    ["-123456789012345678901234567890"] = "-1.2345678901234568e+29",
  }
  for text, double in pairs(wider) do
    is.ours_accepted("integer beyond 64 bits " .. text, text,
      { ["lua5.4"] = double, luajit = '"' .. text .. '"' })
  end
  local long = ("9"):rep(400)
  is.accepted("long, with a fraction", "1" .. ("0"):rep(30) .. ".5", "1e+30")
  is.accepted("long fraction", "0." .. ("3"):rep(400), "0.3333333333333333")
  is.accepted("long zeros", "1." .. ("0"):rep(400), "1")
  is.accepted("long exponent of zeros", "1e" .. ("0"):rep(400) .. "1", "10")
  is.refused("long with a leading zero", "0" .. long)
  is.refused("long and then a letter", long .. "x")
end

local function zero(is)
  is.ours_accepted("minus zero", "-0", "0")
  is.ours_accepted("minus zero with a fraction", "-0.0", "0")
  is.ours_accepted("minus zero with an exponent", "-0e1", "0")
  is.ours_accepted("minus zero in an array", "[-0,0,-0.0]", "[0,0,0]")
end

local function range(is)
  is.accepted("the largest double", "1.7976931348623157e308", "1.7976931348623157e+308")
  is.accepted("the smallest normal double", "2.2250738585072014e-308", "2.2250738585072014e-308")
  is.accepted("the largest subnormal double", "2.225073858507201e-308", "2.225073858507201e-308")
  is.accepted("the smallest double", "4.9406564584124654e-324", "5e-324")
  is.accepted("the smallest double, shortest", "5e-324", "5e-324")
  is.ours_accepted("too small, becomes zero", "1e-400", "0")
  is.ours_accepted("too small and negative", "-1e-400", "0")
  is.ours_accepted("a huge negative exponent", "1e-99999999999999999999", "0")
  is.ours_accepted("just below overflow", "1.797693134862315807e308", "1.7976931348623157e+308")
  is.ours_refused("too large", "1e309", 0)
  is.ours_refused("too large and negative", "-1e309", 0)
  is.ours_refused("too large in an array", "[1,1e999]", 3)
  is.ours_refused("rounds to infinity", "1.797693134862315808e308", 0)
  is.ours_refused("a huge exponent", "1e99999999999999999999", 0)
  is.ours_refused("a long number with an exponent", ("9"):rep(400) .. ".0", 0)
  is.accepted("halfway between two doubles", "9007199254740993.0", TWO_53)
  is.accepted("halfway, a digit more", "9007199254740993.0000000001", "9007199254740994.0")
  is.accepted("hard to round", "2.2250738585072011e-308", "2.225073858507201e-308")
  is.accepted("few digits below the normal ones", "6.631236846766476e-316", "6.63123685e-316")
end

return function(is)
  grammar(is)
  integers(is)
  zero(is)
  range(is)
end
