-- Replace a collection's record, if it is still the one that the caller read.
--
-- KEYS  1 catalog  2 revision  3 change stream
-- ARGV  1 uuid  2 record read  3 new record  4 most changes kept
-- Gives {"ok", revision}, or {"moved"}
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return {'moved'} end

redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
local revision = string.format('%.0f', redis.call('INCR', KEYS[2]))
local at = table.concat(redis.call('TIME'), '.')
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], revision .. '-0', 'change', 'update', 'uuid', ARGV[1], 'at', at)
return {'ok', revision}
