-- Stores a producer's batch and publishes it.
--
-- KEYS  stream, meta; or stream alone, and meta as the last of ARGV, at a node that their
--       slot is on its way to: it serves no script that declares two keys while one is missing
-- ARGV  channel, PUBLISH or SPUBLISH, producer, after, a fresh epoch, history TTL in ms,
--       lines and bytes to keep, meta TTL in s, producers' TTL in s, producers to keep,
--       then number and record of each line
-- Returns 1, the producer's number, lines stored, duplicates, and to who gave stream alone the
-- frames, for those who follow the channel where the slot was; or 0 and the producer's
-- number where the batch claims more than is stored. Then nothing was written.

local stream, meta = KEYS[1], KEYS[2] or table.remove(ARGV)
local channel, publish, producer = ARGV[1], ARGV[2], ARGV[3]
local after, fresh = tonumber(ARGV[4]), ARGV[5]
local ttl, keepLines, keepBytes = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local metaTTL, producerTTL, keepProducers = ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11])
local firstLine = 12

local function digits(n) return string.format('%.0f', n) end

local function split(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local time = redis.call('TIME')
local now = tonumber(time[1])
local known = redis.call('HMGET', meta, 'e', 'n', 'l', 'f', 'p:' .. producer)
local epoch, n, last = known[1], tonumber(known[2] or '0') or 0, known[3]
local foreign, mark = known[4] == '1', known[5]
local tail = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
tail = tail and tail[1]
local taken = {} -- producers' numbers taken back from the entries

local function takeBack(entry)
  local number, name, k = numberOf(entry)
  if not number then
    foreign = true
    return
  end
  n, last = math.max(n, number), entry[1]
  taken[name] = k .. ' ' .. digits(math.floor(split(entry[1]) / 1000))
end

-- A number that cannot be counted on is none: the numbering begins anew.
if not (n >= 0 and n <= most) then epoch, n, last = false, 0, false end
if not epoch and tail then
  local from = '-'
  repeat
    local page = redis.call('XRANGE', stream, from, '+', 'COUNT', 500)
    for _, entry in ipairs(page) do
      takeBack(entry)
      from = '(' .. entry[1]
    end
  until #page < 500
  mark = taken[producer]
end
if tail and tail ~= last then foreign = true end

local stored = 0
if mark then
  local k, seen = string.match(mark, '^(%d+) (%d+)$')
  if k and now - tonumber(seen) <= producerTTL then stored = tonumber(k) end
end
-- The number of a producer that was forgotten may stand in the newest entries yet: then its
-- claim holds, and what it sends again is not stored twice.
local function numberInEntries()
  local upTo = '+'
  for _ = 1, 10 do
    local page = redis.call('XREVRANGE', stream, upTo, '-', 'COUNT', 100)
    for _, entry in ipairs(page) do
      for i = 1, #entry[2], 2 do
        local name, k = string.match(entry[2][i] == 's' and entry[2][i + 1] or '', '^([%w_-]+):(%d+)$')
        if name == producer then return tonumber(k) end
      end
      upTo = '(' .. entry[1]
    end
    if #page < 100 then break end
  end
  return 0
end

if after > stored and stored == 0 and epoch then stored = numberInEntries() end
if after > stored then return {0, digits(stored)} end

-- An entry must come after the newest that viewers have seen, also when the stream is
-- gone and the clock went back.
local function placeFor()
  if tail or not last then return '*' end
  local ms, seq = split(last)
  if ms >= now * 1000 + math.floor(tonumber(time[2]) / 1000) then
    return digits(ms) .. '-' .. digits(seq + 1)
  end
  return '*'
end

-- A new producer's first line looks after a sample of the others, so that it takes no longer
-- however many there are: where one of 16 has been silent too long, they are forgotten as fast
-- as new ones come. Of too many, the two that have been silent the longest are forgotten, too.
-- Without the right to look they stay.
local function forgetProducers()
  local size = redis.call('HLEN', meta)
  if size <= 64 then return end
  local some, alive = redis.pcall('HRANDFIELD', meta, 16, 'WITHVALUES'), {}
  for i = 1, #some, 2 do
    local seen = string.sub(some[i], 1, 2) == 'p:' and tonumber(string.match(some[i + 1], ' (%d+)$'))
    if seen and now - seen > producerTTL then
      redis.call('HDEL', meta, some[i])
      size = size - 1
    elseif seen and some[i] ~= 'p:' .. producer then
      alive[#alive + 1] = {seen, some[i]}
    end
  end
  table.sort(alive, function(a, b) return a[1] < b[1] end)
  for i = 1, math.min(2, size - keepProducers, #alive) do redis.call('HDEL', meta, alive[i][2]) end
end

local prev = tail or (not foreign and last) or '0-0'
local frames, bytes, duplicates, before = {}, 0, 0, n
for i = firstLine, #ARGV, 2 do
  local k, record = tonumber(ARGV[i]), ARGV[i + 1]
  if k <= stored then
    duplicates = duplicates + 1
  else
    n = n + 1
    local source = producer .. ':' .. ARGV[i]
    local id = redis.call('XADD', stream, placeFor(), 'data', record, 'n', digits(n), 'p', prev, 's', source)
    local rest = record == '{}' and '}' or ',' .. string.sub(record, 2)
    frames[#frames + 1] = '{"_ll":"1 ' .. (epoch or fresh) .. '.' .. digits(n) .. '.' .. id .. ' ' .. prev .. ' ' .. source .. '"' .. rest
    prev, tail, last, stored, bytes = id, id, id, k, bytes + #record
  end
end
if #frames == 0 then
  if stored > 0 and epoch then
    redis.call('HSET', meta, 'p:' .. producer, digits(stored) .. ' ' .. time[1])
  end
  return {1, digits(stored), 0, duplicates}
end

redis.call('XTRIM', stream, 'MAXLEN', '~', digits(keepLines))
-- Weighing the whole stream takes time: now and then will do, for a batch is bounded.
if bytes >= 32768 or math.floor(before / 32) ~= math.floor(n / 32) then
  for _ = 1, 8 do
    local size = redis.call('MEMORY', 'USAGE', stream, 'SAMPLES', 0)
    local length = redis.call('XLEN', stream)
    if not size or size <= keepBytes or length <= #frames then break end
    local keep = math.max(math.floor(length * keepBytes / size), #frames)
    if redis.call('XTRIM', stream, 'MAXLEN', '~', digits(keep)) == 0 then break end
  end
end
redis.call('PEXPIRE', stream, ttl)

local fields = {'e', epoch or fresh, 'n', digits(n), 'l', last}
if foreign then
  fields[#fields + 1] = 'f'
  fields[#fields + 1] = '1'
end
for name, value in pairs(taken) do
  fields[#fields + 1] = 'p:' .. name
  fields[#fields + 1] = value
end
fields[#fields + 1] = 'p:' .. producer
fields[#fields + 1] = digits(stored) .. ' ' .. time[1]
for i = 1, #fields, 1000 do
  redis.call('HSET', meta, unpack(fields, i, math.min(i + 999, #fields)))
end
if not mark then forgetProducers() end
redis.call('EXPIRE', meta, metaTTL)

-- What is stored is acknowledged, whether or not it can be published.
for _, frame in ipairs(frames) do redis.pcall(publish, channel, frame) end
return {1, digits(stored), #frames, duplicates, not KEYS[2] and frames or nil}
