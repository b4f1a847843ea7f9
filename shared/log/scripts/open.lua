-- Create or update a shard of the log. Generation and fence only grow.
--
-- KEYS  1 {shard}:meta
-- ARGV  1 schema generation   2 fence, 0 from an api that creates the shard   3 capacity in bytes
--       4 the leader's position: while the head is behind it, appends are refused until a resume
-- A leader reads the log itself until it rests again, so whoever was to be woken is not any more.
-- Gives {"ok"}, or {"closed"}, {"fence", fence in force}
local meta = redis.call('HMGET', KEYS[1], 'state', 'generation', 'fence', 'head', 'floor')
if meta[1] == 'closed' then return {'closed'} end
local generation, fence, known = tonumber(meta[2] or '0'), tonumber(meta[3] or '0'), tonumber(meta[5] or '0')
if tonumber(ARGV[2]) ~= 0 and tonumber(ARGV[2]) < fence then return {'fence', meta[3]} end

local function larger(a, b) return string.format('%.0f', math.max(a, tonumber(b))) end
redis.call('HSET', KEYS[1], 'state', 'open', 'generation', larger(generation, ARGV[1]),
  'fence', larger(fence, ARGV[2]), 'capacity', ARGV[3], 'floor', larger(known, ARGV[4]))
if tonumber(ARGV[2]) ~= 0 then redis.call('HDEL', KEYS[1], 'waker') end
if not meta[4] then
  redis.call('HSET', KEYS[1], 'head', '0', 'bytes', '0', 'trimmed', '0', 'first', '1')
end
return {'ok'}
