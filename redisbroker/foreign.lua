-- Notes in a channel's meta, where there is one, that another program writes to it.
if redis.call('HEXISTS', KEYS[1], 'e') == 1 then redis.call('HSET', KEYS[1], 'f', '1') end
return 0
