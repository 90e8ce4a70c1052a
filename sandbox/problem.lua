--- The error answers of the platform: one place for their shape.
local core = require("fiks.core")

local M = {}

local phrases = {
  [400] = "Bad Request",
  [401] = "Unauthorized",
  [403] = "Forbidden",
  [404] = "Not Found",
  [405] = "Method Not Allowed",
  [409] = "Conflict",
  [411] = "Length Required",
  [415] = "Unsupported Media Type",
  [422] = "Unprocessable Entity",
  [429] = "Too Many Requests",
  [500] = "Internal Server Error",
  [502] = "Bad Gateway",
  [503] = "Service Unavailable",
  [504] = "Gateway Timeout",
}

--- The reason phrase that goes with a status.
function M.phrase(status)
  return phrases[status] or "Error"
end

--- Fiks's ErrorMessage. `code` and `details` only where a machine-readable code exists.
function M.fiks(request, status, message, code, details)
  return {
    status = status,
    json = {
      timestamp = (core.now()),
      status = status,
      error = M.phrase(status),
      errorId = core.uuid(),
      path = request.path,
      originalPath = request.path,
      message = message,
      errorCode = code,
      errorJson = details,
    },
  }
end

--- A status with nothing in the body.
function M.bare(status)
  return { status = status, body = "" }
end

local function hex(bytes)
  return (bytes:gsub(".", function(c)
    return string.format("%02x", c:byte())
  end))
end

--- The error body of a token endpoint. `mp` is Maskinporten's code, nil when it has none; the
--- ID-porten provider of 2018 had no codes and a correlation id instead of a trace id.
function M.oauth(issuer, failure)
  local text
  if issuer.name == "maskinporten" then
    text = string.format("%s (trace_id: %s)", failure.description, hex(core.random(16)))
  else
    text = string.format("%s (correlation id: %s)", failure.description, core.uuid())
  end
  local members = {
    '"error":' .. core.json_encode(failure.error),
    '"error_description":' .. core.json_encode(text),
  }
  if failure.mp and issuer.name == "maskinporten" then
    local uri = issuer.issuer .. "errors/" .. failure.mp
    -- The real one escapes its slashes; clients have to cope.
    members[#members + 1] = '"error_uri":"' .. uri:gsub("/", "\\/") .. '"'
  end
  return {
    status = failure.status or 400,
    body = "{" .. table.concat(members, ",") .. "}",
    content_type = "application/json",
    headers = { ["Cache-Control"] = "no-store" },
  }
end

return M
