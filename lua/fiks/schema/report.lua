--- Every problem of every message, in one report: where, which rule, what was found. Values are
--- shown shortened, and without personal numbers.

local core = require "fiks.core"
local Error = require "fiks.error"

---@class fiks.Problem
---@field index integer? place of the message in the call, from 1
---@field id string? the message's id, when it has a valid one
---@field path string JSON path within the message; array elements count from 0, as in JSON
---@field rule string "required", "type", "pattern", "enum", "uuid", "utf8", ...
---@field message string for people
---@field value string? what was found, shortened and masked

---@class fiks.Report
---@field problems fiks.Problem[] the first `limit`
---@field count integer of all problems
---@field warnings fiks.Problem[]
local Report = {}

local mt = { __index = Report }

local LIMIT = 1000 -- problems kept; beyond it they are only counted
local SHOWN_BYTES = 60

-- Runs of eleven digits, also as 6 + 5 with a space, may be fødselsnummer; a UUID is none.
local function mask_digits(text)
  if #text < 50 and text:find("%x+%-%x+%-%x+%-%x+%-%x+") then
    return text
  end
  text = text:gsub("%d%d%d%d%d%d%d%d%d%d%d+", function(run)
    return ("*"):rep(#run)
  end)
  return (text:gsub("%d%d%d%d%d%d[ .-]%d%d%d%d%d", "****** *****"))
end

-- At most SHOWN_BYTES, cut between characters, printable on one line.
local function shorten(text)
  if #text > SHOWN_BYTES then
    local cut = SHOWN_BYTES
    while cut > 1 and text:byte(cut + 1) >= 0x80 and text:byte(cut + 1) < 0xC0 do
      cut = cut - 1
    end
    text = text:sub(1, cut) .. "..."
  end
  return (text:gsub("[%z\1-\31\127]", "?"))
end

local function show_text(text, personal)
  if personal then
    return ("(%d characters, not shown)"):format(#text)
  elseif not core.utf8_check(text) then
    return ("(%d bytes)"):format(#text)
  end
  return '"' .. shorten(mask_digits(text)) .. '"'
end

-- A whole number of ten or eleven digits may be a fødselsnummer that lost its leading zero.
local function show_number(value, personal)
  local text = ("%.17g"):format(value)
  local digits = text:match("^-?(%d+)$")
  if personal or personal == nil and digits and (#digits == 10 or #digits == 11) then
    return "(a number, not shown)"
  end
  return tostring(value)
end

--- A value as a report may show it.
---@param value any
---@param personal boolean? true: it may be a person's number, and nothing of it is shown; false: it
---  is surely none
---@return string
function Report.show(value, personal)
  local kind = type(value)
  if kind == "string" then
    return show_text(value, personal)
  elseif value == core.null then
    return "null"
  elseif kind == "number" then
    return show_number(value, personal)
  elseif kind == "boolean" then
    return tostring(value)
  end
  return kind
end

---@return fiks.Report
function Report.new()
  return setmetatable({
    problems = {}, warnings = {}, count = 0, warning_count = 0, bad_messages = 0, path = {},
    depth = 0,
  }, mt)
end

--- What follows is about this message.
function Report:begin(index, id)
  self.index, self.id, self.depth, self.last_bad = index, id, 0, nil
end

-- The path from the message to where the walk is, and one step on.
local function path_text(self, name)
  local parts = {}
  for i = 1, self.depth + (name and 1 or 0) do
    local step = i <= self.depth and self.path[i] or name
    if type(step) == "number" then
      parts[i] = ("[%d]"):format(step - 1)
    else
      parts[i] = (i > 1 and "." or "") .. shorten(mask_digits(tostring(step)))
    end
  end
  return #parts > 0 and table.concat(parts) or "$"
end

local function entry(self, rule, message, name)
  return {
    index = self.index, id = self.id, path = path_text(self, name), rule = rule, message = message,
  }
end

--- Adds a problem at the present place, or one step below it.
---@param rule string
---@param message string
---@param shown string? the value, from Report.show
---@param name string|integer? the step: a field, or an index from 1
function Report:problem(rule, message, shown, name)
  self.count = self.count + 1
  if self.last_bad ~= self.index then
    self.last_bad = self.index
    self.bad_messages = self.bad_messages + 1
  end
  if self.count <= LIMIT then
    local problem = entry(self, rule, message, name)
    problem.value = shown
    self.problems[#self.problems + 1] = problem
  end
end

--- Adds a warning: the message is sent all the same.
function Report:warning(rule, message, name)
  self.warning_count = self.warning_count + 1
  if self.warning_count <= LIMIT then
    self.warnings[#self.warnings + 1] = entry(self, rule, message, name)
  end
end

local function line(problem)
  return ("message %s%s: %s %s%s"):format(
    problem.index or "?", problem.id and " (" .. problem.id .. ")" or "", problem.path,
    problem.message, problem.value and ", found " .. problem.value or "")
end

--- The error for a report with problems.
---@param total integer? messages in the call
---@return fiks.Error err kind "invalid"; `problems`, `problem_count` and `warnings` are set
function Report:error(total)
  local lines = {}
  for i = 1, math.min(3, #self.problems) do
    lines[i] = line(self.problems[i])
  end
  if self.count > #lines then
    lines[#lines + 1] = ("and %d more (err.problems)"):format(self.count - #lines)
  end
  return Error.new {
    kind = "invalid",
    code = "validation",
    message = ("%d problem%s in %d of %d messages, nothing was sent: %s"):format(
      self.count, self.count == 1 and "" or "s", self.bad_messages, total or self.bad_messages,
      table.concat(lines, "; ")),
    problems = self.problems,
    problem_count = self.count,
    warnings = self.warnings,
  }
end

return Report
