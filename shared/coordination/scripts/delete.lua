-- Remove a collection and the aliases that point to it. Its record is kept for a day, so that workers can collect.
--
-- KEYS  1 catalog  2 names  3 aliases  4 revision  5 change stream  6 deleted  7 times of deletion
-- ARGV  1 name  2 most changes kept  3 seconds that a deleted record is kept
-- Gives {"ok", uuid} or {"absent"}
local uuid = redis.call('HGET', KEYS[2], ARGV[1])
if not uuid then return {'absent'} end

local record = redis.call('HGET', KEYS[1], uuid)
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], uuid)
local aliases = redis.call('HGETALL', KEYS[3])
for i = 1, #aliases, 2 do
  if aliases[i + 1] == uuid then redis.call('HDEL', KEYS[3], aliases[i]) end
end
local now = tonumber(redis.call('TIME')[1])
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[7], '-inf', string.format('(%.0f', now - tonumber(ARGV[3])))) do
  redis.call('HDEL', KEYS[6], old)
  redis.call('ZREM', KEYS[7], old)
end
if record then
  redis.call('HSET', KEYS[6], uuid, record)
  redis.call('ZADD', KEYS[7], string.format('%.0f', now), uuid)
end
local revision = string.format('%.0f-0', redis.call('INCR', KEYS[4]))
local at = table.concat(redis.call('TIME'), '.')
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[2], revision, 'change', 'delete', 'uuid', uuid, 'at', at)
return {'ok', uuid}
