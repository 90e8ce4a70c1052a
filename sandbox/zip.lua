--- Writes zip archives the way SvarUt's do: deflated, sizes and CRC only in a data descriptor and
--- the central directory, names flagged as UTF-8.
local bit = require("bit")
local ffi = require("ffi")

ffi.cdef([[
typedef struct {
  const uint8_t *next_in; unsigned avail_in; unsigned long total_in;
  uint8_t *next_out; unsigned avail_out; unsigned long total_out;
  const char *msg; void *state; void *zalloc; void *zfree; void *opaque;
  int data_type; unsigned long adler; unsigned long reserved;
} sandbox_z_stream;
int deflateInit2_(sandbox_z_stream *strm, int level, int method, int windowBits, int memLevel,
                  int strategy, const char *version, int stream_size);
int deflate(sandbox_z_stream *strm, int flush);
int deflateEnd(sandbox_z_stream *strm);
unsigned long deflateBound(sandbox_z_stream *strm, unsigned long sourceLen);
unsigned long crc32(unsigned long crc, const uint8_t *buf, unsigned len);
const char *zlibVersion(void);
]])

local M = {}

local DEFLATED, LEVEL, RAW, MEMORY, FINISH, STREAM_END = 8, 6, -15, 8, 4, 1
-- Bit 3: data descriptor follows. Bit 11: the name is UTF-8.
local FLAGS = 0x0808
-- 2 January 2018, 12:00: an archive of the same files is the same bytes.
local DOS_TIME, DOS_DATE = 0x6000, 0x4c22

local library

local function zlib()
  library = library or ffi.load("libz.so.1")
  return library
end

local function raw_deflate(data)
  local z = zlib()
  local stream = ffi.new("sandbox_z_stream")
  local status = z.deflateInit2_(stream, LEVEL, DEFLATED, RAW, MEMORY, 0, z.zlibVersion(),
    ffi.sizeof(stream))
  assert(status == 0, "deflateInit2 failed")
  local room = z.deflateBound(stream, #data)
  local out = ffi.new("uint8_t[?]", tonumber(room))
  stream.next_in, stream.avail_in = ffi.cast("const uint8_t *", data), #data
  stream.next_out, stream.avail_out = out, room
  status = z.deflate(stream, FINISH)
  local bytes = tonumber(stream.total_out)
  z.deflateEnd(stream)
  assert(status == STREAM_END, "deflate failed")
  return ffi.string(out, bytes)
end

local function u16(value)
  return string.char(bit.band(value, 255), bit.band(bit.rshift(value, 8), 255))
end

local function u32(value)
  local low = value % 65536
  return u16(low) .. u16((value - low) / 65536)
end

--- An archive of { { name, data }, ... }, in that order.
function M.write(files)
  local parts, directory, offset = {}, {}, 0
  for index, file in ipairs(files) do
    local packed = raw_deflate(file.data)
    local crc = tonumber(zlib().crc32(0, ffi.cast("const uint8_t *", file.data), #file.data))
    local common = u16(20) .. u16(FLAGS) .. u16(DEFLATED) .. u16(DOS_TIME) .. u16(DOS_DATE)
    local sizes = u32(crc) .. u32(#packed) .. u32(#file.data)
    local entry = "PK\3\4" .. common .. u32(0) .. u32(0) .. u32(0) .. u16(#file.name) .. u16(0)
      .. file.name .. packed .. "PK\7\8" .. sizes
    parts[index] = entry
    directory[index] = "PK\1\2" .. u16(20) .. common .. sizes .. u16(#file.name) .. u16(0) .. u16(0)
      .. u16(0) .. u16(0) .. u32(0) .. u32(offset) .. file.name
    offset = offset + #entry
  end
  local central = table.concat(directory)
  return table.concat(parts) .. central .. "PK\5\6" .. u16(0) .. u16(0) .. u16(#files)
    .. u16(#files) .. u32(#central) .. u32(offset) .. u16(0)
end

return M
