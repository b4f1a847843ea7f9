-- Register a new collection.
--
-- KEYS  1 catalog  2 names  3 aliases  4 revision  5 change stream
-- ARGV  1 uuid  2 name  3 record  4 most changes kept
-- Gives {"ok"}, or {"exists"}, {"alias"}
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then
  if redis.call('HGET', KEYS[2], ARGV[2]) == ARGV[1] then return {'ok'} end  -- the same call again, after a lost answer
  return {'exists'}
end
if redis.call('HEXISTS', KEYS[3], ARGV[2]) == 1 then return {'alias'} end

redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[1])
local revision = string.format('%.0f-0', redis.call('INCR', KEYS[4]))
local at = table.concat(redis.call('TIME'), '.')
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[4], revision, 'change', 'create', 'uuid', ARGV[1], 'at', at)
return {'ok'}
