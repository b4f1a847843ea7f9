-- Take a lease that nobody holds, or renew one's own.
--
-- KEYS  1 lease  2 its fence
-- ARGV  1 token  2 time to live in ms
-- Gives the fence, or nil while another holds it
local FENCE_KEPT_S = 604800
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return false end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local fence = holder and tonumber(redis.call('GET', KEYS[2]) or '1') or redis.call('INCR', KEYS[2])
redis.call('EXPIRE', KEYS[2], FENCE_KEPT_S)
return string.format('%.0f', fence)
