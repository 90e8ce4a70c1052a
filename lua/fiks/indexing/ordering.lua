--- Parents before children: which message goes in which batch.

local M = {}

-- How many parents stand above message i, within the call; nil in a cycle. Iterative, since a chain
-- may be as long as the call.
local function level_of(i, parents, levels)
  local chain, seen = {}, {}
  while i and levels[i] == nil do
    if seen[i] then
      return nil
    end
    seen[i] = true
    chain[#chain + 1] = i
    i = parents[i]
  end
  local level = i and levels[i] or -1
  for step = #chain, 1, -1 do
    level = level + 1
    levels[chain[step]] = level
  end
  return level
end

local function find_parents(contract, messages, place)
  local parents = {}
  for i, message in ipairs(messages) do
    local id = contract.parent(message)
    parents[i] = id and place[id]
  end
  return parents
end

--- Reports messages that are their own parent, directly or in a ring.
---@param report fiks.Report
---@param contract fiks.IndexContract
---@param messages table[]
---@param place table<string, integer> id -> index
function M.check(report, contract, messages, place)
  local parents, levels = find_parents(contract, messages, place), {}
  for i, message in ipairs(messages) do
    if parents[i] and not level_of(i, parents, levels) then
      report:begin(i, message[contract.id])
      report:problem("parent", parents[i] == i and "is its own parent"
        or "has parents that form a ring")
    end
  end
end

--- Splits the messages into batches, in their order but for this: a message is in a later batch
--- than its parent when both are in the call.
---@param contract fiks.IndexContract
---@param messages table[] checked
---@param place table<string, integer>
---@param size integer
---@return table[][]
function M.batches(contract, messages, place, size)
  local parents, levels = find_parents(contract, messages, place), {}
  local by_level, deepest = {}, -1
  for i, message in ipairs(messages) do
    local level = level_of(i, parents, levels)
    by_level[level] = by_level[level] or {}
    table.insert(by_level[level], message)
    deepest = math.max(deepest, level)
  end
  local batches = {}
  for level = 0, deepest do
    for i, message in ipairs(by_level[level]) do
      if (i - 1) % size == 0 then
        batches[#batches + 1] = {}
      end
      table.insert(batches[#batches], message)
    end
  end
  return batches
end

return M
