-- Stands before append.lua and purge.lua.
--
-- An entry is ours by its fields; the broker reads it alike. Numbers are exact up to the most one.
local most = 9007199254740991
local function numberOf(entry)
  local fields = {}
  for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
  local n = tonumber(string.match(fields.n or '', '^[1-9]%d*$'))
  local producer, k = string.match(fields.s or '', '^([%w_-]+):([1-9]%d*)$')
  if n and n <= most and producer and #producer <= 64 and string.match(fields.p or '', '^%d+%-%d+$') then
    return n, producer, k
  end
end

