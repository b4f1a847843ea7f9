-- Create or replace a job's status, and drop the oldest jobs of the collection beyond a number.
-- A job of a deleted collection is not written: nobody would remove it.
--
-- KEYS  1 jobs  2 order  3 deleted collections
-- ARGV  1 job id  2 job as JSON  3 most jobs kept  4 uuid of the collection
local KEPT_S = 604800
if redis.call('HEXISTS', KEYS[3], ARGV[4]) == 1 then return {'ok'} end
if redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) == 1 then redis.call('RPUSH', KEYS[2], ARGV[1]) end
while redis.call('LLEN', KEYS[2]) > tonumber(ARGV[3]) do
  redis.call('HDEL', KEYS[1], redis.call('LPOP', KEYS[2]))
end
redis.call('EXPIRE', KEYS[1], KEPT_S)
redis.call('EXPIRE', KEYS[2], KEPT_S)
return {'ok'}
