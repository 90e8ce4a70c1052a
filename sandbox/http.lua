--- The request and the answer as the sandbox's modules see them. The only file, with `router`'s
--- entry, that talks to nginx.
local core = require("fiks.core")

local M = {}

local Request = {}
Request.__index = Request

local CHUNK_BYTES = 65536

--- A header's value, or nil and "missing" or "repeated".
function Request:header(name)
  local value = self.headers[name:lower()]
  if value == nil then
    return nil, "missing"
  elseif type(value) == "table" then
    return nil, "repeated"
  end
  return value
end

--- A query parameter given exactly once and not empty, or nil.
function Request:query_value(name)
  local value = self.query[name]
  return type(value) == "string" and value ~= "" and value or nil
end

--- The whole body as a string.
function Request:body()
  if self.body_text == nil then
    ngx.req.read_body()
    local text = ngx.req.get_body_data()
    local path = not text and ngx.req.get_body_file()
    if path then
      local file = assert(io.open(path, "rb"))
      text = file:read("*a")
      file:close()
    end
    self.body_text = text or ""
  end
  return self.body_text
end

--- The body as JSON: the value, or nil when it is not readable.
function Request:json()
  local text = self:body()
  if text == "" then
    return nil
  end
  return (core.json_decode(text))
end

--- The body as a form: names to values, a table for repeated ones.
function Request:form()
  local form = ngx.decode_args(self:body(), 0)
  return form or {}
end

--- The request nginx is handling.
function M.request()
  return setmetatable({
    method = ngx.req.get_method(),
    path = ngx.var.uri,
    query = ngx.req.get_uri_args(0),
    headers = setmetatable(ngx.req.get_headers(0), nil),
  }, Request)
end

local function send_file(path)
  local file = assert(io.open(path, "rb"))
  local chunk = file:read(CHUNK_BYTES)
  while chunk do
    -- A client that went away ends the loop; there is nobody to tell.
    if not ngx.print(chunk) or not ngx.flush(true) then
      break
    end
    chunk = file:read(CHUNK_BYTES)
  end
  file:close()
end

local function file_bytes(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:seek("end")
  file:close()
  return bytes
end

--- Sends an answer: { status, json | body | file, content_type, headers }.
function M.send(answer)
  local body = answer.body
  if answer.json ~= nil then
    body = assert(core.json_encode(answer.json))
  end
  ngx.status = answer.status
  for name, value in pairs(answer.headers or {}) do
    ngx.header[name] = value
  end
  if answer.file then
    ngx.header["Content-Type"] = answer.content_type
    ngx.header["Content-Length"] = file_bytes(answer.file)
    return send_file(answer.file)
  end
  body = body or ""
  if body ~= "" then
    ngx.header["Content-Type"] = answer.content_type or "application/json;charset=utf-8"
  end
  ngx.header["Content-Length"] = #body
  ngx.print(body)
end

return M
