-- Returns, of each stream in KEYS, the id of its last entry ('' where it has none) and its
-- time to live in ms.
local out = {}
for _, stream in ipairs(KEYS) do
  local tail = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  out[#out + 1] = tail and tail[1] or ''
  out[#out + 1] = redis.call('PTTL', stream)
end
return out
