--- Bytes: what is UTF-8 (RFC 3629) and what only looks like it.

local M = {}

--- Name and bytes of what is well-formed.
M.good = {
  ["U+0080"] = "\194\128", ["U+07FF"] = "\223\191", ["U+0800"] = "\224\160\128",
  ["U+0FFF"] = "\224\191\191", ["U+1000"] = "\225\128\128", ["U+CFFF"] = "\236\191\191",
  ["U+D000"] = "\237\128\128", ["U+D7FF"] = "\237\159\191", ["U+E000"] = "\238\128\128",
  ["U+FEFF"] = "\239\187\191", ["U+FFFD"] = "\239\191\189", ["U+FFFE"] = "\239\191\190",
  ["U+FFFF"] = "\239\191\191", ["U+10000"] = "\240\144\128\128", ["U+3FFFF"] = "\240\191\191\191",
  ["U+40000"] = "\241\128\128\128", ["U+FFFFF"] = "\243\191\191\191",
  ["U+100000"] = "\244\128\128\128", ["U+10FFFF"] = "\244\143\191\191",
  ["Norwegian"] = "\195\166\195\184\195\165 \195\134\195\152\195\133",
  ["Sami"] = "\196\141\197\139\197\161\197\167\197\190", ["Greek"] = "\206\177\206\178\206\179",
  ["Japanese"] = "\230\151\165\230\156\172", ["an emoji"] = "\240\159\147\172",
  ["a family of emoji"] = "\240\159\145\169\226\128\141\240\159\145\167",
  ["a private use character"] = "\238\128\129", ["a combining ring"] = "a\204\138",
  ["all lengths"] = "a\195\165\226\130\172\240\159\147\172z",
}

--- Name, bytes, and how many of the bytes are well-formed before the fault.
M.bad = {
  { "a lone continuation, first", "\128", 0 }, { "a lone continuation, last", "\191", 0 },
  { "two continuations", "\128\191", 0 }, { "0xC0", "\192", 0 }, { "0xC0 0x80", "\192\128", 0 },
  { "overlong slash of two", "\192\175", 0 }, { "0xC1 0xBF", "\193\191", 0 },
  { "overlong NUL of three", "\224\128\128", 0 }, { "overlong slash of three", "\224\128\175", 0 },
  { "the last overlong of three", "\224\159\191", 0 },
  { "overlong NUL of four", "\240\128\128\128", 0 },
  { "overlong slash of four", "\240\128\128\175", 0 },
  { "the last overlong of four", "\240\143\191\191", 0 },
  { "overlong of five", "\248\128\128\128\175", 0 },
  { "overlong of six", "\252\128\128\128\128\175", 0 },
  { "the first surrogate", "\237\160\128", 0 }, { "the last high surrogate", "\237\175\191", 0 },
  { "the first low surrogate", "\237\176\128", 0 }, { "the last surrogate", "\237\191\191", 0 },
  { "a pair of surrogates (CESU-8)", "\237\160\189\237\179\172", 0 },
  { "U+110000", "\244\144\128\128", 0 }, { "U+13FFFF", "\244\191\191\191", 0 },
  { "U+140000", "\245\128\128\128", 0 }, { "0xF7", "\247\191\191\191", 0 },
  { "five bytes", "\248\136\128\128\128", 0 }, { "six bytes", "\252\132\128\128\128\128", 0 },
  { "0xFE", "\254", 0 }, { "0xFF", "\255", 0 }, { "0xFE 0xFF", "\254\255", 0 },
  { "two bytes cut", "\195", 0 }, { "three bytes cut after one", "\226", 0 },
  { "three bytes cut after two", "\226\130", 0 }, { "four bytes cut after one", "\240", 0 },
  { "four bytes cut after two", "\240\159", 0 },
  { "four bytes cut after three", "\240\159\147", 0 },
  { "a letter for the second byte", "\195A", 0 }, { "a letter for the third byte", "\226\130A", 0 },
  { "a letter for the fourth byte", "\240\159\147A", 0 },
  { "a lead for the second byte", "\195\195\165", 0 },
  { "a lead for the third byte", "\226\130\195\165", 0 },
  { "a lead for the fourth byte", "\240\159\147\195\165", 0 },
  { "a continuation too many", "\195\165\165", 2 },
  { "a continuation too many, of three", "\226\130\172\172", 3 },
  { "a continuation too many, of four", "\240\159\147\172\172", 4 },
  { "Latin-1", "Bl\229b\230r", 2 }, { "Windows-1252", "\147sitat\148", 0 },
  { "UTF-16", "\0A\0b\255", 4 }, { "after eight plain bytes", "abcdefgh\255", 8 },
  { "after seven plain bytes", "abcdefg\255", 7 }, { "after a letter of two", "\195\165\195", 2 },
}

-- Raw in a string a NUL byte is refused before anything else.
local function plain(bytes)
  return not bytes:find("%c")
end

local function cases(is)
  for name, bytes in pairs(M.good) do
    local text = '"' .. bytes .. '"'
    is.accepted(name, text, text)
    is.accepted(name .. " in a name", "{" .. text .. ":1}", "{" .. text .. ":1}")
  end
  for _, case in ipairs(M.bad) do
    local name, bytes, before = case[1], case[2], case[3]
    if plain(bytes) then
      is.refused(name, '["' .. bytes .. '"]', 2 + before)
      is.refused(name .. ", in a name", '{"' .. bytes .. '":1}', 2 + before)
      is.refused(name .. ", after an escape", '"\\n' .. bytes .. '"', 3 + before)
      is.refused(name .. ", far inside", '"' .. ("x"):rep(21) .. bytes .. ("y"):rep(9) .. '"',
        22 + before)
    end
  end
  for byte = 0x80, 0xFF do
    is.refused(("byte 0x%02X outside of strings"):format(byte), "[1" .. string.char(byte) .. "]", 2)
  end
end

return setmetatable(M, { __call = function(_, is) return cases(is) end })
