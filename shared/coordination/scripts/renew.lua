-- Renew a lease that is still held.
--
-- KEYS  1 lease
-- ARGV  1 token  2 time to live in ms
-- Gives 1, or 0 when it expired or another holds it
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
