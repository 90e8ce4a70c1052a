--- Objects, arrays, literals, white space, and what is around the value.

local DOCUMENT = '{"id":"5a00","n":[1,-2.5,true,false,null,{}],"t":{"\\u00e5":"\195\166"}}'

local function literals(is)
  is.accepted("true", "true", "true")
  is.accepted("false", "false", "false")
  is.accepted("null", "null", "null")
  is.accepted("null in an array", "[null]", "[null]")
  is.accepted("null as a member", '{"a":null}', '{"a":null}')
  for _, text in ipairs { "nul", "nulll", "Null", "NULL", "tru", "truee", "True", "TRUE", "fals",
    "False", "nil", "none", "undefined", "NaN", "nan", "-NaN", "Infinity", "-Infinity", "inf",
    "[nul]", "[tru", "[fals]", "[truex]", "[NaN]", "[-Infinity]", "t", "f", "n", "yes", "null,",
    "true false", "truefalse" } do
    is.refused("no literal, " .. text, text)
  end
end

local function arrays(is)
  is.accepted("array, empty", "[]", "[]")
  is.accepted("array, empty with space", "[ \t\r\n]", "[]")
  is.accepted("array of one", "[1]", "[1]")
  is.accepted("array of empty ones", "[[],[[]]]", "[[],[[]]]")
  is.accepted("array of all kinds", '[null,1,"1",true,false,{},[]]',
    '[null,1,"1",true,false,{},[]]')
  is.accepted("array of nulls", "[null,null,null]", "[null,null,null]")
  is.accepted("array, null at its end", "[1,null]", "[1,null]")
  for name, text in pairs {
    ["not closed"] = "[", ["not closed after an element"] = "[1", ["cut after a comma"] = "[1,",
    ["comma at its end"] = "[1,]", ["comma at its start"] = "[,1]", ["only a comma"] = "[,]",
    ["two commas"] = "[1,,2]", ["no comma"] = "[1 2]", ["no comma between strings"] = '["a" "b"]',
    ["colon instead"] = '["a":1]', ["semicolon"] = "[1;2]", ["closed by a brace"] = "[1}",
    ["closed twice"] = "[]]", ["only closed"] = "]", ["star"] = "[*]", ["inner not closed"] = "[[]",
    ["spread"] = "[...]", ["literal cut"] = "[tru]", ["string cut"] = '["a',
    ["parentheses"] = "(1)",
  } do
    is.refused("array, " .. name, text)
  end
end

local function objects(is)
  is.accepted("object, empty", "{}", "{}")
  is.accepted("object, empty with space", "{ \n }", "{}")
  is.accepted("object of one", '{"a":1}', '{"a":1}')
  is.accepted("object with an empty name", '{"":0}', '{"":0}')
  is.accepted("object in objects", '{"a":{"a":{"a":{}}}}', '{"a":{"a":{"a":{}}}}')
  is.accepted("object, empty array and object", '[{"a":[]},{"a":{}}]', '[{"a":[]},{"a":{}}]')
  is.accepted("object, name with escapes", '{"\\u0061\\n":1}', '{"a\\n":1}')
  is.accepted("object, name of digits", '{"1":"one"}', '{"1":"one"}')
  is.accepted("object, name with NUL", '{"a\\u0000b":1}', '{"a\\u0000b":1}')
  is.accepted("object, names like Lua's own", '{"__index":1}', '{"__index":1}')
  for name, text in pairs {
    ["not closed"] = "{", ["cut after the name"] = '{"a"', ["cut after the colon"] = '{"a":',
    ["cut after the value"] = '{"a":1', ["cut after the comma"] = '{"a":1,',
    ["comma at its end"] = '{"a":1,}', ["comma at its start"] = '{,"a":1}',
    ["only a comma"] = "{,}", ["two commas"] = '{"a":1,,"b":2}', ["no colon"] = '{"a" 1}',
    ["two colons"] = '{"a"::1}',
    ["equals sign"] = '{"a"=1}', ["no comma"] = '{"a":1 "b":2}', ["no value"] = '{"a":}',
    ["no name"] = "{:1}", ["name without quotes"] = "{a:1}", ["name in single quotes"] = "{'a':1}",
    ["number as name"] = "{1:2}", ["null as name"] = "{null:1}", ["array as name"] = "{[]:1}",
    ["object as name"] = "{{}:1}", ["closed by a bracket"] = '{"a":1]', ["closed twice"] = "{}}",
    ["only closed"] = "}", ["name only"] = '{"a"}', ["two values"] = '{"a":1 2}',
    ["values only"] = '{"a","b"}', ["semicolon"] = '{"a":1;"b":2}', ["a comment"] = '{"a":1/*x*/}',
  } do
    is.refused("object, " .. name, text)
  end
end

local function duplicates(is)
  is.ours_refused("duplicate name", '{"a":1,"a":2}', 7)
  is.ours_refused("duplicate name and value", '{"a":1,"a":1}', 7)
  is.ours_refused("duplicate, one of them escaped", '{"a":1,"\\u0061":2}', 7)
  is.ours_refused("duplicate, the other one escaped", '{"\\u0061":1,"a":2}', 12)
  is.ours_refused("duplicate empty name", '{"":1,"":2}', 6)
  is.ours_refused("duplicate far inside", '[{"x":{"b":0,"c":{},"b":1}}]', 20)
  is.ours_refused("duplicate with null first", '{"a":null,"a":1}', 10)
  is.ours_refused("duplicate, first escaped, met before",
    '[{"a":1,"b":2},{"\\u0061":1,"b":2,"a":3}]', 33)
  is.ours_refused("duplicate, last escaped, met before",
    '[{"a":1,"b":2},{"a":1,"b":2,"\\u0061":3}]', 28)
  is.accepted("the same names in another order", '[{"a":[]},{"b":{"a":1}},{"a":2}]',
    '[{"a":[]},{"b":{"a":1}},{"a":2}]')
  is.accepted("names that begin as others", '[{"kmk":1},{"k":2},{"km":3},{"":4},{"kmk":5}]',
    '[{"kmk":1},{"k":2},{"km":3},{"":4},{"kmk":5}]')
  is.accepted("the same name on two levels", '{"a":{"a":1}}', '{"a":{"a":1}}')
  is.accepted("the same name side by side", '[{"a":1},{"a":1}]', '[{"a":1},{"a":1}]')
  is.accepted("a name that begins as another", '[{"a\\u0000":1}]', '[{"a\\u0000":1}]')
end

local function around(is)
  is.accepted("space around", " \t\r\n1 \t\r\n", "1")
  is.accepted("space everywhere", ' { "a" : [ 1 , 2 ] } ', '{"a":[1,2]}')
  is.accepted("a lone string", '"a"', '"a"')
  is.accepted("a newline at the end", "[1]\n", "[1]")
  is.ours_accepted("byte order mark", "\239\187\191[1]", "[1]")
  is.ours_accepted("byte order mark and space", "\239\187\191 1", "1")
  is.ours_refused("byte order mark alone", "\239\187\191", 3)
  is.ours_refused("two byte order marks", "\239\187\191\239\187\1911", 3)
  is.refused("byte order mark cut", "\239\1871")
  is.refused("byte order mark after space", " \239\187\1911", 1)
  is.refused("UTF-16, little end first", "\255\2541\0")
  is.refused("UTF-16, big end first", "\254\255\0001")
  is.refused("UTF-16 without a mark", "[\0001\0]\0")
  is.refused("nothing", "", 0)
  is.refused("only space", " \n", 2)
  for name, text in pairs {
    ["a NUL byte"] = "1\0", ["a NUL byte after an array"] = "[]\0", ["a second value"] = "1 2",
    ["a second array"] = "[][]", ["a comma"] = "{},", ["letters"] = "{}x", ["a quote"] = '{}"',
    ["a comment"] = "1 // one", ["a block comment"] = "1 /* */", ["a semicolon"] = "1;",
    ["a hash"] = "[1]#", ["a brace"] = '{"a":1}}', ["a vertical tab"] = "1\v",
    ["a form feed"] = "1\f", ["a no-break space"] = "1\194\160",
    ["a line separator"] = "1\226\128\168",
    ["another value"] = '{"a":1}{"b":2}', ["byte 0xFF"] = "1\255", ["DEL"] = "1\127",
  } do
    is.refused("trailing, " .. name, text)
  end
  for name, text in pairs {
    ["a NUL byte"] = "\0001", ["a vertical tab"] = "\v1", ["a form feed"] = "\f1",
    ["a no-break space"] = "\194\1601", ["a comment"] = "/**/1", ["a line comment"] = "//\n1",
    ["a word joiner"] = "\226\129\1601", ["a hash comment"] = "#\n1", ["XML"] = "<html>",
    ["a JSONP call"] = "f(1)", ["an assignment"] = "x=1", ["an escape"] = "\\u0031",
    ["an ASCII separator"] = "\0301", ["a backspace"] = "\b1",
  } do
    is.refused("leading, " .. name, text)
  end
end

return function(is)
  literals(is)
  arrays(is)
  objects(is)
  duplicates(is)
  around(is)
  is.accepted("the document that is cut", "[" .. DOCUMENT:match("%b[]") .. "]",
    "[[1,-2.5,true,false,null,{}]]")
  for length = 1, #DOCUMENT - 1 do
    is.refused(("document of %d bytes cut after %d"):format(#DOCUMENT, length),
      DOCUMENT:sub(1, length))
  end
end
