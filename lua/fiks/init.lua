--- lua-fiks: a client for KS Fiks, the platform on which Norwegian municipalities exchange cases
--- and messages.
--
--     local fiks = require "fiks"
--     local client = fiks.check(fiks.new { environment = "test", ... })
--
-- Routine failures are `nil, err` with `err` of class fiks.Error; misuse raises. Requiring this
-- module does nothing: no network, no files, no environment.

local Client = require "fiks.client"
local core = require "fiks.core"
local loop = require "fiks.wait.loop"
local log = require "fiks.log"
local tasks = require "fiks.wait.coroutine"

local M = {}

M._VERSION = core.version

--- JSON null, for the few fields where it differs from "absent".
M.null = core.null

--- Marks a table as a JSON array (needed for empty ones only) and returns it.
M.array = core.array

--- Runs functions side by side and returns their results under their keys: values, errors.
M.all = tasks.all

--- Runs f(item, index) for every item, some at a time: values, errors by index.
M.map = tasks.map

--- Runs a function as a task, in which fiks.spawn works.
M.run = tasks.run

--- Starts one more task beside the running one; inside fiks.all, fiks.map or fiks.run.
M.spawn = tasks.spawn

--- At most so many connections to one host at once, in this process; 0 (the default): any number.
--- Calls beyond that wait their turn, within their deadlines. HTTP/2 needs one for many calls.
---@param per_host integer
---@return true
function M.connections_per_host(per_host)
  if type(per_host) ~= "number" or per_host < 0 or per_host > 1e6
    or per_host ~= math.floor(per_host) then
    error("fiks.connections_per_host takes a whole number from 0 to 1000000", 2)
  end
  return assert(core.engine_connections(per_host))
end

--- Makes calls wait by an event loop (luv, cqueues ...) instead of blocking: see fiks.wait.loop.
M.engine = loop.open

--- What this process did so far: see docs/observability.md.
---@return fiks.Metrics
function M.metrics()
  return core.metrics()
end

--- The same in Prometheus' text format, for an HTTP answer of type `text/plain; version=0.0.4`.
---@return string? text
---@return fiks.Error? err
function M.metrics_text()
  return core.metrics_text()
end
--- Gives log lines to a function: see fiks.log.
M.log = log.set

--- A random UUID, for message ids.
---@return string
function M.uuid()
  return core.uuid()
end

--- Makes a client. An unknown option raises; a wrong value gives nil and an error.
---@param options fiks.Options
---@return fiks.Client? client
---@return fiks.Error? err
function M.new(options)
  local client, err = Client.new(options, 2)
  log.deliver()
  return client, err
end

--- Returns its arguments, or raises `tostring(err)` as a plain string when the first is nil or
--- false. Unlike with `assert`, the text survives hosts that lose error objects.
---@generic T
---@param value T?
---@param err any
---@param ... any
---@return T value
function M.check(value, err, ...)
  if not value then
    error(err == nil and "fiks.check: nil" or tostring(err), 2)
  end
  return value, err, ...
end

return M
