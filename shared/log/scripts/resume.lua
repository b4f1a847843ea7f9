-- Append a `resume` entry at a position beyond every known one, after Redis came back without its newest entries.
-- The entry names its own position, so the caller computes it and this script checks that the head has not moved.
--
-- KEYS  1 {shard}:meta   2 {shard}:wal
-- ARGV  1 fence   2 head that the caller saw   3 position of the entry   4 operation bytes
-- Gives {"ok", position}, or {"missing"}, {"closed"}, {"fence", fence in force}, {"moved", head}
local ENTRY_BYTES = 64

local meta = redis.call('HMGET', KEYS[1], 'state', 'fence', 'head', 'bytes', 'floor', 'waker')
if not meta[1] then return {'missing'} end
if meta[1] ~= 'open' then return {'closed'} end
if tonumber(ARGV[1]) < tonumber(meta[2]) then return {'fence', meta[2]} end
if meta[3] ~= ARGV[2] or tonumber(meta[5]) >= tonumber(ARGV[3]) then return {'moved', meta[3]} end

local bytes = string.format('%.0f', tonumber(meta[4]) + #ARGV[4] + ENTRY_BYTES)
redis.call('XADD', KEYS[2], ARGV[3] .. '-0', 'o', ARGV[4], 'b', bytes)
redis.call('HSET', KEYS[1], 'head', ARGV[3], 'bytes', bytes, 'floor', '0')
if meta[6] then
  redis.call('HDEL', KEYS[1], 'waker')
  redis.call('PUBLISH', meta[6], KEYS[1])
end
return {'ok', ARGV[3]}
