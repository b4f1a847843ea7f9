-- Give a collection another name. A name is a pointer: aliases, shards and positions stay what they are.
--
-- KEYS  1 catalog  2 names  3 aliases  4 revision  5 change stream
-- ARGV  1 uuid  2 name that it has  3 name that it gets  4 record read  5 new record  6 most changes kept
-- Gives {"ok", revision}, or {"exists"} (another has the name), {"alias"} (an alias has it), {"moved"} (read again)
local holder = redis.call('HGET', KEYS[2], ARGV[3])
if holder == ARGV[1] then return {'ok', redis.call('GET', KEYS[4])} end  -- the same call again, after a lost answer
if holder then return {'exists'} end
if redis.call('HEXISTS', KEYS[3], ARGV[3]) == 1 then return {'alias'} end
if redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[1] then return {'moved'} end
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[4] then return {'moved'} end

redis.call('HSET', KEYS[1], ARGV[1], ARGV[5])
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[3], ARGV[1])
local revision = string.format('%.0f', redis.call('INCR', KEYS[4]))
local at = table.concat(redis.call('TIME'), '.')
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[6], revision .. '-0', 'change', 'rename', 'uuid', ARGV[1], 'at', at)
return {'ok', revision}
