-- Close a shard for ever, even one that was never opened. What is left of it expires after a day.
--
-- KEYS  1 {shard}:meta
local KEPT_S = 86400
redis.call('EXPIRE', KEYS[1], KEPT_S)  -- first, because a Redis without memory refuses HSET as a script's first write
redis.call('HSET', KEYS[1], 'state', 'closed')
redis.call('EXPIRE', KEYS[1], KEPT_S)
return {'ok'}
