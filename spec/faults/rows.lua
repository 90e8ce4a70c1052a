--- What can go wrong between a call and its answer, and what becomes of the call: the data of
--- faults_spec.lua and of the tables in docs/faults.md, which `M.document` writes.
--
-- A row: [1] what happens, in the words of the docs; `server` who makes it happen, and how, one of
--   at           an address where it is so
--   path         of the server at `at` or behind `filter`; default "/liten"
--   filter       a rule of nftables, for a port of its own ("%d") in front of haproxy
--   certificate  what openssl s_server shows, with further `options`; `http`: asked in plain text
--   raw          an answer byte by byte, which openssl s_server gives
--   stub         WireMock's answers: one each, the last for good
--   script       an answer of spec/support/endpoint.py
-- `call` is a function of spec/support/faults/calls.lua (default "get"), `limits` the option
-- `timeouts` of the client, `with` more options.
--
-- What is expected: `kind` ("ok": an answer) and `code`; `status`; `tries`; `retryable`,
-- `uncertain`, `retry_after_ms` of the error; `says`, a pattern of its message; the time, from
-- `from_ms` to `to_ms`, which is what is promised: the spec adds what a busy machine may take.
-- `after` is the time as the docs have it, with what the limits are by default.

local M = {}

local SECTIONS = {
  { "reach", "Names and connections" },
  { "proxy", "Proxies" },
  { "tls", "TLS" },
  { "phase", "Connections that end or stop" },
  { "status", "Answers that say \"not now\"" },
  { "answer", "Answers that are no use" },
  { "stream", "Downloads" },
  { "token", "The token endpoint" },
}

M.rows = {}

for _, section in ipairs(SECTIONS) do
  section.rows = require("spec.faults.rows." .. section[1])
  for _, row in ipairs(section.rows) do
    row.name, row[1] = row[1], nil
    row.call = row.call or "get"
    row.tries = row.tries or 1
    row.retryable, row.uncertain = row.retryable or false, row.uncertain or false
    row.from_ms = row.from_ms or 0
    M.rows[#M.rows + 1] = row
    row.number = #M.rows
  end
end

local function line(row)
  local what = row.kind == "ok" and "an answer"
    or ("`%s`/`%s`"):format(row.kind, row.code)
  local flags = (row.retryable and "retryable" or "")
    .. (row.retryable and row.uncertain and ", " or "") .. (row.uncertain and "uncertain" or "")
  return ("| %s | %s | %d | %s | %s | %s |"):format(row.name, what, row.tries, flags, row.after,
    row.server)
end

--- The tables of docs/faults.md, from the first heading to the end.
---@return string
function M.document()
  local lines = {}
  for _, section in ipairs(SECTIONS) do
    lines[#lines + 1] = ("\n## %s\n\n| what happens | what the call gives | tries | flags | after "
      .. "| made by |\n|---|---|---|---|---|---|"):format(section[2])
    for _, row in ipairs(section.rows) do
      lines[#lines + 1] = line(row)
    end
  end
  return table.concat(lines, "\n"):sub(2) .. "\n"
end

return M
