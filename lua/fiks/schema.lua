--- A small validator. Shapes are data (fiks.shapes.*) and are walked; every problem goes into a
--- report (fiks.report).
---
--- A shape is a table with `kind` and, by kind:
---   string    min (bytes), not_blank, pattern (fiks.shapes.patterns), personal, hint
---   uuid, date, datetime, boolean, number
---   integer   min, max; exact. ms is an integer of milliseconds since 1970
---   enum      values
---   array     items, min, max
---   object    fields = { { "name", shape }, ... }: "name!" is required, "name?" may be null;
---             closed refuses other names; rules: fiks.schema.rules
---   variant   by, names, cases: an object whose shape depends on its field `by`
---   encoded   by, cases: an object, or Base64 of its JSON, whose shape depends on the field `by`
---             of the object that holds it
--- and nullable for the elements of an array.
---
--- A walk returns the value to send: the same one, or a copy where an optional field was null (it
--- is left out), an empty table stands for an array, or an integer was given as int64_t or as the
--- text of one that a double cannot hold. Fields are read raw: metatables play no part.

local core = require "fiks.core"
local formats = require "fiks.schema.formats"
local Report = require "fiks.schema.report"
local rules = require "fiks.schema.rules"
local scalars = require "fiks.schema.scalars"

local M = {}

local null, show, wrong_type = core.null, Report.show, scalars.wrong_type

local kinds = {} -- kind -> function(report, shape, value, holder) -> value to send
for kind, check in pairs(scalars.kinds) do
  kinds[kind] = check
end

local function walk(report, shape, value, holder)
  if value == null then
    if not shape.nullable then
      report:problem("type", "must not be null", "null")
    end
    return value
  end
  return kinds[shape.kind](report, shape, value, holder)
end

local function walk_below(report, shape, value, holder, name)
  local depth = report.depth + 1
  report.path[depth] = name
  report.depth = depth
  local sent = walk(report, shape, value, holder)
  report.depth = depth - 1
  return sent
end

-- ---- arrays ------------------------------------------------------------------------------------

--- The number of elements of an array without holes; or nil and what is wrong.
---@param list table
---@return integer? n
---@return string? why
function M.length(list)
  local count, highest = 0, 0
  for key in next, list do
    if type(key) ~= "number" then
      return nil, "must be an array: it has the key " .. show(key)
    elseif key < 1 or key ~= math.floor(key) then
      return nil, ("must be an array with the keys 1, 2, 3 ...: it has the key %s"):format(
        show(key))
    end
    count, highest = count + 1, math.max(highest, key)
  end
  if count == highest then
    return count
  end
  local hole = 1
  while rawget(list, hole) ~= nil do
    hole = hole + 1
  end
  return nil, ("must be an array without holes: element %d (counted from 1) is nil"):format(hole)
end

local function set(copy, original, key, value)
  if copy == original then
    copy = {}
    for k, v in next, original do
      copy[k] = v
    end
    setmetatable(copy, getmetatable(original))
  end
  copy[key] = value
  return copy
end

function kinds.array(report, shape, value)
  if type(value) ~= "table" then
    return wrong_type(report, shape, value, "an array")
  end
  local n, why = M.length(value)
  if not n then
    report:problem("array", why)
    return value
  end
  if n < (shape.min or 0) then
    report:problem("min_items", ("needs at least %d element"):format(shape.min))
  elseif shape.max and n > shape.max then
    report:problem("max_items", ("must have at most %d elements, has %d"):format(shape.max, n))
  end
  local sent = n > 0 and value or core.array({})
  for i = 1, n do
    local element = walk_below(report, shape.items, value[i], value, i)
    if not rawequal(element, value[i]) then
      sent = set(sent, value, i, element)
    end
  end
  return sent
end

-- ---- objects -----------------------------------------------------------------------------------

local compiled = setmetatable({}, { __mode = "k" })

local function compile(shape)
  local plan = { fields = {}, by_name = {}, names = {} }
  for i, field in ipairs(shape.fields) do
    local name, mark = field[1]:match("^(.-)([!?]?)$")
    plan.fields[i] = {
      name = name, shape = field[2], required = mark == "!", nullable = mark == "?",
    }
    plan.by_name[name], plan.names[i] = true, name
  end
  compiled[shape] = plan
  return plan
end

-- What the contract does not know: refused, or sent as it is when it can be.
local function unknown_field(report, shape, plan, name, value)
  if type(name) ~= "string" then
    report:problem("key", "must have names only, but has the key " .. show(name))
    return
  end
  local near = scalars.suggest(name, plan.names)
  if shape.closed then
    report:problem("unknown", "is not a field here" .. near, nil, name)
    return
  end
  report:warning("unknown", "is not in the contract and is sent as it is" .. near, name)
  local text, err = core.json_encode(value)
  if not text then
    report:problem(err.code, err.message, nil, name)
  end
end

local function walk_field(report, field, value, sent)
  local name = field.name
  local given_value = rawget(value, name)
  if given_value == nil then
    if field.required then
      report:problem("required", "is required", nil, name)
    end
    return sent
  elseif given_value == null then
    if field.required then
      report:problem("required", "is required and must not be null", "null", name)
    elseif not field.nullable then
      sent = set(sent, value, name, nil)
    end
    return sent
  end
  local field_sent = walk_below(report, field.shape, given_value, value, name)
  if not rawequal(field_sent, given_value) then
    sent = set(sent, value, name, field_sent)
  end
  return sent
end

function kinds.object(report, shape, value)
  if type(value) ~= "table" then
    return wrong_type(report, shape, value, "an object")
  elseif getmetatable(value) == core.array_mt or rawget(value, 1) ~= nil then
    report:problem("type", "must be an object, not an array")
    return value
  end
  local plan = compiled[shape] or compile(shape)
  local sent = value
  for _, field in ipairs(plan.fields) do
    sent = walk_field(report, field, value, sent)
  end
  for name, field in next, value do
    if not plan.by_name[name] then
      unknown_field(report, shape, plan, name, field)
    end
  end
  for _, rule in ipairs(shape.rules or {}) do
    rules[rule[1]](report, rule, value)
  end
  return sent
end

function kinds.variant(report, shape, value)
  if type(value) ~= "table" then
    return wrong_type(report, shape, value, "an object")
  end
  local name = rawget(value, shape.by)
  if name == nil or name == null then
    report:problem("required", "is required: it says which type the message is", nil, shape.by)
    return value
  end
  local case = type(name) == "string" and shape.cases[name]
  if not case then
    report:problem("enum", ('must be one of "%s"'):format(table.concat(shape.names, '", "')),
      show(name), shape.by)
    return value
  end
  return kinds.object(report, case, value)
end

local function decode(report, text)
  local json = core.unbase64(text)
  if not json then
    report:problem("base64", text:find("^%s*{")
      and "must be a table, or Base64 of JSON; this is JSON as it is"
      or "must be a table, or Base64 (standard alphabet, with padding) of JSON", show(text, true))
    return nil
  end
  local value, err = core.json_decode(json)
  if err then
    report:problem("json", "holds Base64 of what is " .. err.message)
  elseif type(value) ~= "table" or getmetatable(value) == core.array_mt then
    report:problem("type", "must be Base64 of a JSON object")
  else
    return value
  end
end

function kinds.encoded(report, shape, value, holder)
  local case = shape.cases[rawget(holder, shape.by) or ""]
  local object = value
  if type(value) == "string" then
    object = decode(report, value)
  elseif type(value) ~= "table" then
    return wrong_type(report, shape, value, "a table, or Base64 of JSON")
  end
  if not case or not object then
    return value
  end
  local sent = kinds.object(report, case, object)
  return rawequal(sent, object) and value or sent
end

--- Walks one message. Problems and warnings go into the report.
---@param report fiks.Report
---@param shape table
---@param message any
---@param index integer its place in the call, from 1
---@return any message to send: the same one, or a cleaned copy
function M.check(report, shape, message, index)
  local id = type(message) == "table" and rawget(message, shape.id or "id")
  report:begin(index, type(id) == "string" and formats.uuid(id) and id or nil)
  return walk(report, shape, message, nil)
end

return M
