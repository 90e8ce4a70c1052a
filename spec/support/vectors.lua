--- The published test vectors, when they are there: in FIKS_VECTORS, or beside the project.

local M = {}

M.folder = (os.getenv("FIKS_VECTORS") or "../shared/protocol/data") .. "/"

--- The bytes of a vector, or nil.
---@param name string such as "svarinn/efm/somdalen.p12"
---@return string?
function M.read(name)
  local file = io.open(M.folder .. name, "rb")
  local data = file and file:read("*a")
  if file then
    file:close()
  end
  return data
end

return M
