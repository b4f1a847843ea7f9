-- Create or replace a job's status, and drop the oldest jobs of the collection beyond a number.
--
-- KEYS  1 jobs  2 order
-- ARGV  1 job id  2 job as JSON  3 most jobs kept
local KEPT_S = 604800
if redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) == 1 then redis.call('RPUSH', KEYS[2], ARGV[1]) end
while redis.call('LLEN', KEYS[2]) > tonumber(ARGV[3]) do
  redis.call('HDEL', KEYS[1], redis.call('LPOP', KEYS[2]))
end
redis.call('EXPIRE', KEYS[1], KEPT_S)
redis.call('EXPIRE', KEYS[2], KEPT_S)
return {'ok'}
