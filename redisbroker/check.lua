-- Returns, of each stream in KEYS, the id of its last entry ('' where it has none) and its
-- time to live in ms.
local out = {}
for _, stream in ipairs(KEYS) do
  -- One key that is no stream must not hide the others.
  local reply = redis.pcall('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  local tail = not reply.err and reply[1]
  out[#out + 1] = tail and tail[1] or ''
  out[#out + 1] = redis.call('PTTL', stream)
end
return out
