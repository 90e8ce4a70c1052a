--- Depth and size: 64 levels, members around the decoder's chunk of 32, long strings.

local MEMBERS = { 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 500 }

local function nested(open, inner, close, depth)
  return open:rep(depth) .. inner .. close:rep(depth)
end

local function depth(is)
  for _, levels in ipairs { 2, 16, 63, 64 } do
    local array, object = nested("[", "1", "]", levels), nested('{"a":', "1", "}", levels)
    is.accepted(levels .. " arrays", array, array)
    is.accepted(levels .. " objects", object, object)
  end
  local empty, mixed = nested("[", "", "]", 64), nested('[{"a":', "null", "}]", 32)
  is.accepted("64 levels, the last empty", empty, empty)
  is.accepted("64 levels of both", mixed, mixed)
  is.ours_refused("65 arrays", nested("[", "", "]", 65), 64)
  is.ours_refused("65 objects", nested('{"a":', "1", "}", 65), 5 * 64)
  is.ours_refused("65 levels of both", nested('[{"a":', "[]", "}]", 32), 6 * 32)
  is.ours_refused("1,000 arrays", nested("[", "", "]", 1000), 64)
  is.refused("100,000 open arrays", ("["):rep(100000))
  is.refused("100,000 open objects", ('{"a":'):rep(100000))
  is.refused("100,000 closed arrays", ("]"):rep(100000))
  is.accepted("many arrays side by side", "[" .. ("[],"):rep(1000) .. "[]]",
    "[" .. ("[],"):rep(1000) .. "[]]")
end

local function width(is)
  for _, count in ipairs(MEMBERS) do
    local numbers, members = {}, {}
    for i = 1, count do
      numbers[i] = tostring(i)
      members[i] = ('"k%d":%d'):format(i, i)
    end
    local array = "[" .. table.concat(numbers, ",") .. "]"
    is.accepted(("array of %d"):format(count), array, array)
    is.ours_refused(("object of %d and the first name again"):format(count),
      "{" .. table.concat(members, ",") .. ',"k1":0}')
    is.ours_refused(("object of %d and the last name again"):format(count),
      "{" .. table.concat(members, ",") .. (',"k%d":0}'):format(count))
    is.refused(("array of %d, a comma at its end"):format(count),
      "[" .. table.concat(numbers, ",") .. ",]")
  end
end

local function long(is)
  for _, length in ipairs { 7, 8, 9, 15, 16, 17, 39, 40, 41, 255, 256, 65536 } do
    local text = '"' .. ("x"):rep(length) .. '"'
    is.accepted(("string of %d"):format(length), text, text)
    is.accepted(("string of %d escapes"):format(length), '"' .. ("\\n"):rep(length) .. '"',
      '"' .. ("\\n"):rep(length) .. '"')
    is.refused(("string of %d, not closed"):format(length), text:sub(1, -2), length + 1)
  end
  is.accepted("a long name", '{"' .. ("n"):rep(5000) .. '":1}', '{"' .. ("n"):rep(5000) .. '":1}')
  is.accepted("long space", (" "):rep(5000) .. "1" .. ("\n"):rep(5000), "1")
end

return function(is)
  depth(is)
  width(is)
  long(is)
end
