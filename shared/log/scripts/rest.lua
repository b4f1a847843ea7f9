-- A leader that has read everything stops reading: the next append publishes the shard's meta key on its channel, once.
--
-- KEYS  1 {shard}:meta
-- ARGV  1 fence   2 position through which the leader has read   3 channel
-- Gives {"ok"}, or {"missing"}, {"closed"}, {"fence", fence in force}, {"moved", head} when there is more to read
local meta = redis.call('HMGET', KEYS[1], 'state', 'fence', 'head', 'floor')
if not meta[1] then return {'missing'} end
if meta[1] ~= 'open' then return {'closed'} end
if tonumber(ARGV[1]) ~= tonumber(meta[2]) then return {'fence', meta[2]} end
if tonumber(meta[3]) ~= tonumber(ARGV[2]) or tonumber(meta[4]) > tonumber(ARGV[2]) then return {'moved', meta[3]} end
redis.call('HSET', KEYS[1], 'waker', ARGV[3])
return {'ok'}
