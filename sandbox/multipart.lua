--- Takes a multipart/form-data body apart (RFC 7578), strictly.
local M = {}

local function parameter(text, name)
  return text:match(name .. '="([^"]*)"') or text:match(name .. "=([^%s;]+)")
end

-- "Name: value" lines as a table by lower-case name, or nil.
local function parse_headers(text)
  local headers = {}
  for line in text:gmatch("[^\r\n]+") do
    local name, value = line:match("^([^:%s]+):%s*(.-)%s*$")
    if not name then
      return nil
    end
    headers[name:lower()] = value
  end
  return headers
end

local function parse_part(body, first, last)
  local head_end, body_start = body:find("\r\n\r\n", first, true)
  if not head_end or body_start > last + 4 then
    return nil
  end
  local headers = parse_headers(body:sub(first, head_end - 1))
  local disposition = headers and headers["content-disposition"]
  if not disposition or not disposition:lower():find("^form%-data") then
    return nil
  end
  return {
    name = parameter(disposition:gsub('filename%*?="[^"]*"', ""), "name"),
    filename = parameter(disposition, "filename"),
    content_type = headers["content-type"],
    data = body:sub(body_start + 1, last),
  }
end

--- The parts in their order as { name, filename, content_type, data }, or nil and what is wrong.
function M.parse(content_type, body)
  if not content_type or not content_type:lower():find("^multipart/form%-data") then
    return nil, "Content-Type må være multipart/form-data"
  end
  local boundary = parameter(content_type, "boundary")
  if not boundary or boundary == "" then
    return nil, "boundary mangler"
  end
  local delimiter = "--" .. boundary
  if body:sub(1, #delimiter) ~= delimiter then
    return nil, "kroppen begynner ikke med boundary"
  end
  local parts, position = {}, #delimiter + 1
  while body:sub(position, position + 1) == "\r\n" do
    local next_start, next_end = body:find("\r\n" .. delimiter, position + 2, true)
    if not next_start then
      return nil, "siste boundary mangler"
    end
    local part = parse_part(body, position + 2, next_start - 1)
    if not part or not part.name then
      return nil, "del " .. #parts + 1 .. " har ugyldige headere"
    end
    parts[#parts + 1] = part
    position = next_end + 1
  end
  if body:sub(position, position + 1) ~= "--" then
    return nil, "siste boundary mangler"
  end
  return parts
end

return M
