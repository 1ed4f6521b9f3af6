-- Empties a channel's history and leaves its numbering.
--
-- KEYS  stream, meta; or as append.lua takes them
-- ARGV  a producer's name that nobody has, meta TTL in s
--
-- The name becomes meta's x too: by it each gateway knows that what it keeps of the history
-- is not to be shown any more, also where the history itself has gone before.
--
-- Where another program has written, or meta is missing, the numbering cannot tell a later
-- cursor what became of it: an entry without data holds the place. In a history of ours
-- nothing stays.

local stream, meta = KEYS[1], KEYS[2] or table.remove(ARGV)
local function digits(n) return string.format('%.0f', n) end

redis.call('HSET', meta, 'x', ARGV[1])
redis.call('EXPIRE', meta, ARGV[2])
local tail = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
if not tail then return 0 end
local known = redis.call('HMGET', meta, 'e', 'n', 'l', 'f')
if known[1] and known[3] == tail[1] and known[4] ~= '1' then
  return redis.call('XTRIM', stream, 'MAXLEN', 0)
end

local n = tonumber(known[2] or '0') or 0
if not (n >= 0 and n < most) then
  n = 0
  redis.call('HDEL', meta, 'e')
end
n = math.min(math.max(n, numberOf(tail) or 0), most - 1)
local place = redis.call('XADD', stream, '*', 'n', digits(n + 1), 'p', tail[1], 's', ARGV[1] .. ':1')
redis.call('HSET', meta, 'n', digits(n + 1), 'l', place, 'f', '1')
return redis.call('XTRIM', stream, 'MAXLEN', 1)
