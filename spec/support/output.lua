-- busted output for tools/run_tests.sh: what failed, what was skipped, and a countable last line.
-- Only absent test vectors may be skipped (`pending("vectors: <file>")`); any other skip fails.

return function()
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base"()
  local progress = os.getenv("FIKS_TEST_PROGRESS")
  local verbose = os.getenv("FIKS_TEST_VERBOSE") == "1"

  local function may_skip(pending)
    local name, message = pending.element.name, pending.message
    return (type(name) == "string" and name:find("^vectors: ") ~= nil)
      or (type(message) == "string" and message:find("vectors: ", 1, true) ~= nil)
  end

  local function text(message)
    if type(message) == "string" then return message end
    if message == nil then return "(no message)" end
    local mt = getmetatable(message)
    if type(mt) == "table" and mt.__tostring then return tostring(message) end
    return require("pl.pretty").write(message)
  end

  local function describe(label, failure)
    local trace = failure.element.trace or failure.trace or {}
    local where = ""
    if trace.short_src then where = ("%s:%d: "):format(trace.short_src, trace.currentline or 0) end
    io.write("FAIL ", where, failure.name, "\n")
    io.write("  ", label, (text(failure.message):gsub("\n", "\n  ")), "\n")
    if failure.trace and failure.trace.traceback then
      io.write("  ", (failure.trace.traceback:gsub("\n", "\n  ")), "\n")
    end
  end

  -- Names the test that runs, so that a crash can be told from its file.
  function handler.test_start(element)
    local name = handler.getFullName(element)
    if verbose then io.stderr:write("  ", name, "\n") end
    if progress then
      local file = io.open(progress, "w")
      if file then
        file:write(name, "\n")
        file:close()
      end
    end
    return nil, true
  end

  function handler.suite_end()
    local failed, skipped = 0, 0
    for _, failure in ipairs(handler.failures) do
      failed = failed + 1
      describe("", failure)
    end
    for _, failure in ipairs(handler.errors) do
      failed = failed + 1
      describe("error: ", failure)
    end
    for _, pending in ipairs(handler.pendings) do
      if may_skip(pending) then
        skipped = skipped + 1
        local why = type(pending.message) == "string" and ": " .. pending.message or ""
        io.write("SKIP ", pending.name, why, "\n")
      else
        failed = failed + 1
        io.write("FAIL ", pending.name, "\n  skipped, and not for absent vectors\n")
      end
    end
    io.write(("# busted: %d passed, %d failed, %d skipped\n"):format(
      handler.successesCount, failed, skipped))
    io.flush()
    return nil, true
  end

  busted.subscribe({ "test", "start" }, handler.test_start)
  busted.subscribe({ "suite", "end" }, handler.suite_end)
  return handler
end
