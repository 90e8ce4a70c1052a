--- Rules between the fields of an object. See fiks.schema; a rule is a table whose first element
--- is its name here, followed by the names of fields.

local core = require "fiks.core"
local formats = require "fiks.schema.formats"
local Report = require "fiks.schema.report"

local null = core.null

local rules = {} -- name -> function(report, rule, value)

local function given(value, name)
  local field = rawget(value, name)
  return field ~= nil and field ~= null
end

local function given_names(rule, value)
  local names = {}
  for i = 2, #rule do
    if given(value, rule[i]) then
      names[#names + 1] = rule[i]
    end
  end
  return names
end

function rules.at_most_one(report, rule, value)
  if #given_names(rule, value) > 1 then
    report:problem("at_most_one", "only one of " .. table.concat(rule, " and ", 2) .. " may be set",
      nil, rule[2])
  end
end

function rules.exactly_one(report, rule, value)
  if #given_names(rule, value) ~= 1 then
    report:problem("exactly_one", "needs exactly one of " .. table.concat(rule, " and ", 2))
  end
end

function rules.at_least_one(report, rule, value)
  if #given_names(rule, value) == 0 then
    report:problem("at_least_one", "needs at least one of " .. table.concat(rule, ", ", 2))
  end
end

-- When the field `when[1]` is `when[2]`, the named ones must be there and not blank; with `only`,
-- they may not be there otherwise.
function rules.requires(report, rule, value)
  local condition = ("%s is %s"):format(rule.when[1], rule.when[2])
  local holds = rawget(value, rule.when[1]) == rule.when[2]
  for i = 2, #rule do
    local field = rawget(value, rule[i])
    local there = given(value, rule[i])
      and not (type(field) == "string" and not formats.not_blank(field))
    if holds and not there then
      report:problem("required", "is required when " .. condition, nil, rule[i])
    elseif rule.only and not holds and given(value, rule[i]) then
      report:problem("forbidden", "may be set only when " .. condition, nil, rule[i])
    end
  end
end

-- The field must match the pattern that its sibling `by` asks for.
function rules.matches(report, rule, value)
  local name = rule.patterns[rawget(value, rule.by)]
  local text = rawget(value, rule[2])
  if name and type(text) == "string" and core.utf8_check(text) then
    local ok, why = formats.pattern(name, text)
    if not ok then
      report:problem("pattern", ("%s when %s is %s"):format(why, rule.by, rawget(value, rule.by)),
        Report.show(text, true), rule[2])
    end
  end
end

return rules
