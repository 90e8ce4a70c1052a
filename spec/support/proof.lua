--- For specs of the rows of a table: what is proven by a C test is named, and must be there.

local M = {}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

--- The C tests named exist; `make test` runs them. "test_key: some_test, another_test"
function M.in_c(...)
  for _, line in ipairs { ... } do
    local program, names = line:match("^(test_[%w_]+): (.+)$")
    if not program then
      error("not \"test_program: names\": " .. line, 2)
    end
    local source = read(("csrc/test/%s.c"):format(program))
    for name in names:gmatch("[%w_]+") do
      if not source:find(("\nTEST(%s)\n"):format(name), 1, true) then
        error(("csrc/test/%s.c has no TEST(%s)"):format(program, name), 2)
      end
    end
  end
  return true
end

--- The source says this, word for word.
function M.in_source(path, text)
  if not read(path):find(text, 1, true) then
    error(("%s does not hold \"%s\""):format(path, text), 2)
  end
  return true
end

M.read = read

return M
