--- Bodies of client:request that do not pass as one string: files, and functions of the program.
--
-- The core asks for bytes and offers bytes through channels; a waiter returns when a call has
-- something to say, and `serve` then runs the program's functions in the coroutine that makes the
-- call. So they may yield and make calls, and what they raise is raised where the call was made.

local core = require "fiks.core"
local Error = require "fiks.error"
local options = require "fiks.options"

---@class fiks.Stream
local Stream = {}
Stream.__index = Stream

local M = {}

---@alias fiks.Body
---| string # the bytes
---| fun(): string?, any # the next bytes; nil at the end; nil and an error to give up
---| { file: string } # read as it is sent
---| fiks.Reader # a function that can begin anew, or whose length is known

---@class fiks.Reader
---@field read fun(): string?, any
---@field rewind (fun(): any)? back to the beginning, for another try
---@field length integer? bytes in all; sent in chunks, when absent

---@alias fiks.Into
---| string # a new file, complete or not there
---| { file: string, replace: boolean? }
---| fun(chunk: string): boolean?, any # false, or nil and an error, to give up

---@class fiks.Progress
---@field sent integer bytes of the body, in this try
---@field sent_total integer? when it is known
---@field received integer
---@field received_total integer?

local function is_file(value, names)
  if type(value) ~= "table" or type(value.file) ~= "string" then
    return false
  end
  for name in pairs(value) do
    if not names[name] then
      return false
    end
  end
  return true
end

local function reader(value, what, level)
  if type(value) == "function" then
    return { read = value }
  end
  options.check(value, { "read", "rewind", "length" }, what, level + 1)
  local length = value.length
  if type(value.read) ~= "function" or (value.rewind and type(value.rewind) ~= "function") then
    error(what .. ": read, and rewind if given, must be functions", level + 1)
  elseif length and (type(length) ~= "number" or length < 0 or length ~= math.floor(length)) then
    error(what .. ": length must be a whole number of bytes", level + 1)
  end
  return value
end

--- A body that is no string: the core's source of it.
---@param value any
---@param what string for errors
---@param level integer as for `error`, seen from the calling function
---@return userdata? source
---@return fiks.Error? err
function Stream:source(value, what, level)
  if type(value) ~= "function" and type(value) ~= "table" then
    error(("%s must be a string, a function, or a table such as { file = path }, not a %s"):format(
      what, type(value)), level + 1)
  end
  if is_file(value, { file = true }) then
    return core.file_source(value.file)
  end
  local given = reader(value, what, level + 1)
  local channel = core.channel(given.length, given.rewind ~= nil)
  table.insert(self.feeders, { channel = channel, read = given.read, rewind = given.rewind })
  return channel:source()
end

--- Where the answer goes, when not into memory: the core's sink.
---@param value fiks.Into
---@param what string for errors
---@param level integer as for `error`, seen from the calling function
---@return userdata? sink
---@return fiks.Error? err
function Stream:sink(value, what, level)
  if type(value) == "string" then
    return core.file_sink(value)
  elseif is_file(value, { file = true, replace = true }) then
    return core.file_sink(value.file, value.replace == true)
  elseif type(value) ~= "function" then
    error(what .. " must be a path, { file = path, replace = true } or a function, not a "
      .. type(value), level + 1)
  end
  self.taker = { channel = core.channel(), take = value }
  return self.taker.channel:sink()
end

local function gave_up(self, call, what, why)
  self.failure = Error.new { kind = "cancelled", code = what,
    message = ("the function that %s gave up%s"):format(
      ({ body = "gives the body", into = "takes the answer", progress = "follows the progress" })
      [what], why ~= nil and ": " .. tostring(why) or ""),
    cause = Error.is(why) and why or nil }
  call:cancel()
end

local function feed(self, call, feeder)
  local round = feeder.channel:want()
  if not round then
    return
  end
  if feeder.round and round ~= feeder.round then
    feeder.rewind()
  end
  feeder.round = round
  local bytes, why
  repeat
    bytes, why = feeder.read()
  until bytes ~= ""
  if bytes == nil and why ~= nil then
    return gave_up(self, call, "body", why)
  elseif bytes ~= nil and type(bytes) ~= "string" then
    error("the function that gives the body returned a " .. type(bytes)
      .. ": a string, or nil at the end", 0)
  end
  feeder.channel:give(round, bytes)
  call:resume()
end

local function take(self, call)
  local bytes, waits = self.taker.channel:take()
  if waits then
    call:resume()
  end
  if bytes == "" then
    return
  end
  local more, why = self.taker.take(bytes)
  if more == false or (more == nil and why ~= nil) then
    gave_up(self, call, "into", why)
  end
end

--- Runs the program's functions when a call has something to say.
---@param call fiks.core.Call
function Stream:serve(call)
  if self.failure then
    return
  end
  for _, feeder in ipairs(self.feeders) do
    feed(self, call, feeder)
  end
  if self.taker and not self.failure then
    take(self, call)
  end
  if self.progress and not self.failure and self.progress(call:progress()) == false then
    gave_up(self, call, "progress")
  end
end

--- Hands over what came last, when the call has ended well.
---@param call fiks.core.Call
---@return fiks.Error? failure of one of the functions: the call's outcome then
function Stream:finish(call)
  if self.taker and not self.failure then
    take(self, call)
  end
  if self.progress and not self.failure and self.progress(call:progress()) == false then
    gave_up(self, call, "progress")
  end
  return self.failure
end

---@return fiks.Stream
function M.new()
  return setmetatable({ feeders = {} }, Stream)
end

local function parts_of(stream, parts, level)
  local copies = {}
  for index, part in ipairs(parts) do
    local copy = {}
    for name, value in pairs(part) do
      copy[name] = value
    end
    if part.data ~= nil and type(part.data) ~= "string" then
      local source, err = stream:source(part.data,
        ("client:request: data of part %d"):format(index), level + 1)
      if not source then
        return nil, err
      end
      copy.data, copy.source = nil, source
    end
    copies[index] = copy
  end
  return copies
end

--- Replaces `body`, `into`, `parts` and `progress` of a request by what the core takes.
---@param spec table
---@param level integer as for `error`, seen from the calling function
---@return true? ok
---@return fiks.Error? err
function M.prepare(spec, level)
  local stream, err = M.new(), nil
  if spec.body ~= nil and type(spec.body) ~= "string" then
    spec.source, err = stream:source(spec.body, "client:request: body", level + 1)
    spec.body = nil
  end
  if not err and spec.parts then
    spec.parts, err = parts_of(stream, spec.parts, level + 1)
  end
  if not err and spec.into ~= nil then
    spec.sink, err = stream:sink(spec.into, "client:request: into", level + 1)
    spec.into = nil
  end
  if err then
    return nil, err
  end
  if spec.progress ~= nil then
    if type(spec.progress) ~= "function" then
      error("client:request: progress must be a function, not a " .. type(spec.progress), level + 1)
    end
    stream.progress, spec.progress = spec.progress, true
  end
  if stream.progress or stream.taker or stream.feeders[1] then
    spec.stream = stream
  end
  return true
end

return M
