-- Returns, of each stream in KEYS, how many entries it has and the id of the last ('' where
-- it has none).
local out = {}
for _, stream in ipairs(KEYS) do
  -- One key that is no stream must not hide the others.
  local length = redis.pcall('XLEN', stream)
  local reply = redis.pcall('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  local tail = type(length) == 'number' and not reply.err and reply[1]
  out[#out + 1] = tail and length or 0
  out[#out + 1] = tail and tail[1] or ''
end
return out
