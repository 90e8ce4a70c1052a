--- Strings: escapes, control characters, surrogates.

local function escapes(is)
  local short = { ['"'] = '\\"', ["\\"] = "\\\\", ["/"] = "/", b = "\\b", f = "\\f", n = "\\n",
    r = "\\r", t = "\\t" }
  for byte = 0, 255 do
    local char = string.char(byte)
    local text = '"\\' .. char .. '"'
    if short[char] then
      is.accepted("escape " .. char, text, '"' .. short[char] .. '"')
    elseif char ~= "u" then
      is.refused(("escape of byte 0x%02X"):format(byte), text)
    end
  end
  for name, text in pairs {
    ["none"] = '""', ["one letter"] = '"a"', ["a slash"] = '"a/b"', ["DEL"] = '"\127"',
    ["single quotes"] = "\"'\"", ["a comment"] = '"/* // */"', ["digits"] = '"0123456789"',
    ["what looks like an array"] = '"[1,2]"', ["a star"] = '"*"', ["spaces"] = '"  "',
    ["a backslash and u"] = '"\\\\u0041"', ["two backslashes"] = '"\\\\\\\\"',
    ["a quote and a backslash"] = '"\\"\\\\"', ["HTML"] = '"<a href=x>&amp;</a>"',
  } do
    is.accepted("string with " .. name, text, text)
  end
  for name, text in pairs {
    ["only a quote"] = '"', ["not closed"] = '"abc', ["ends in a backslash"] = '"\\',
    ["its quote escaped"] = '"abc\\"', ["single quotes"] = "'abc'", ["backticks"] = "`a`",
    ["no quotes"] = "abc", ["typographic quotes"] = "\226\128\156a\226\128\157",
    ["\\x41"] = '"\\x41"', ["\\0"] = '"\\0"', ["\\a"] = '"\\a"', ["\\v"] = '"\\v"',
    ["\\'"] = '"\\\'"',
    ["\\U"] = '"\\U0041"', ["\\u{41}"] = '"\\u{41}"', ["an escaped newline"] = '"a\\\nb"',
    ["a quote inside"] = '"a"b"',
    ["two of them"] = '"a""b"', ["a quote too many"] = '"a""',
  } do
    is.refused("string, " .. name, text)
  end
end

local function control(is)
  for byte = 0, 31 do
    local char = string.char(byte)
    is.refused(("control character 0x%02X"):format(byte), '"a' .. char .. 'b"', 2)
    is.refused(("control character 0x%02X in a name"):format(byte), '{"' .. char .. '":1}', 2)
    is.refused(("control character 0x%02X among plain ones"):format(byte),
      '"abcdef' .. char .. ' ~!#[]^_"', 7)
    local again = ({ [8] = "\\b", [9] = "\\t", [10] = "\\n",
      [12] = "\\f", [13] = "\\r" })[byte] or ("\\u%04x"):format(byte)
    is.accepted(("escaped control character 0x%02X"):format(byte), ('"\\u%04X"'):format(byte),
      '"' .. again .. '"')
  end
  is.refused("a control character after eight plain ones", '"abcdefgh\n"', 9)
  is.refused("a control character after an escape", '"\\nabc\n"', 6)
end

local function unicode(is)
  local texts = {
    ["\\u0041"] = "A", ["\\u00e5"] = "\195\165", ["\\u00E5"] = "\195\165", ["\\u00eF"] = "\195\175",
    ["\\u0080"] = "\194\128", ["\\u07ff"] = "\223\191", ["\\u0800"] = "\224\160\128",
    ["\\u20ac"] = "\226\130\172", ["\\ud7ff"] = "\237\159\191", ["\\ue000"] = "\238\128\128",
    ["\\uffff"] = "\239\191\191", ["\\ufffe"] = "\239\191\190", ["\\ufffd"] = "\239\191\189",
    ["\\ufdd0"] = "\239\183\144", ["\\u2028"] = "\226\128\168", ["\\u2029"] = "\226\128\169",
    ["\\ufeff"] = "\239\187\191", ["\\u00a0"] = "\194\160", ["\\u007f"] = "\127",
    ["\\ud800\\udc00"] = "\240\144\128\128", ["\\udbff\\udfff"] = "\244\143\191\191",
    ["\\uD83D\\uDCEC"] = "\240\159\147\172", ["\\ud83d\\uDCEC"] = "\240\159\147\172",
    ["x\\ud834\\udd1ey"] = "x\240\157\132\158y", ["\\ud83f\\udffe"] = "\240\159\191\190",
    ["\\u0041\\u030a"] = "A\204\138",
  }
  for escaped, text in pairs(texts) do
    is.accepted("escape " .. escaped, '"' .. escaped .. '"', '"' .. text .. '"')
  end
  for _, escaped in ipairs { "\\u", "\\u1", "\\u12", "\\u123", "\\u123g", "\\u 041", "\\u+041",
    "\\u-041", "\\u0x41", "\\u00", "\\uu0041", "\\u\195\165\195\165", "\\u00\\u0041",
    "\\u{0041}" } do
    is.refused("no escape, " .. escaped, '"' .. escaped .. '"')
  end
end

local function surrogates(is)
  local broken = {
    ["high alone"] = "\\ud800", ["low alone"] = "\\udc00", ["the last low alone"] = "\\udfff",
    ["the last high alone"] = "\\udbff", ["high, then a letter"] = "\\ud800x",
    ["high, then an escape"] = "\\ud800\\n", ["high, then a letter's escape"] = "\\ud800\\u0041",
    ["high, then U+E000"] = "\\ud800\\ue000",
    ["high, then U+DBFF"] = "\\ud800\\udbff",
    ["two high"] = "\\ud800\\ud800", ["two low"] = "\\udc00\\udc00",
    ["low before high"] = "\\udc00\\ud800", ["high, low, low"] = "\\ud83d\\udcec\\udcec",
    ["high, high, low"] = "\\ud83d\\ud83d\\udcec",
    ["high, low cut"] = "\\ud83d\\udce", ["high, low in UTF-8"] = "\\ud83d\237\179\172",
    ["high, backslash"] = "\\ud800\\", ["high, u"] = "\\ud800u1234",
    ["high between letters"] = "a\\ud800b",
  }
  for name, text in pairs(broken) do
    is.ours_refused("surrogates, " .. name, '"' .. text .. '"')
    is.ours_refused("surrogates in a name, " .. name, '{"' .. text .. '":1}')
  end
end

return function(is)
  escapes(is)
  control(is)
  unicode(is)
  surrogates(is)
end
