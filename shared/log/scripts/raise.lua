-- Raise the schema generation, so that appends validated under an older one are refused.
--
-- KEYS  1 {shard}:meta
-- ARGV  1 schema generation
-- Gives {"ok"}, or {"missing"}, {"closed"}
local meta = redis.call('HMGET', KEYS[1], 'state', 'generation')
if not meta[1] then return {'missing'} end
if meta[1] ~= 'open' then return {'closed'} end
if tonumber(meta[2]) < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'generation', ARGV[1]) end
return {'ok'}
