-- Remove one step of the oldest entries: through a position, but none beyond a hold.
-- Positions are dense, so a bound on positions bounds the work of an exact XTRIM; `LIMIT` would need an inexact one.
--
-- KEYS  1 {shard}:meta   2 {shard}:wal   3 {shard}:holds   hash: name -> position
-- ARGV  1 fence   2 through   3 most positions in this step
-- Gives {"ok", first position left, through after holds}, or {"missing"}, {"fence", fence in force}
local ENTRY_BYTES = 64

local meta = redis.call('HMGET', KEYS[1], 'state', 'fence', 'head', 'bytes', 'first')
if not meta[3] then return {'missing'} end
if tonumber(ARGV[1]) < tonumber(meta[2]) then return {'fence', meta[2]} end
local first, through = tonumber(meta[5]), math.min(tonumber(ARGV[2]), tonumber(meta[3]))
for _, position in ipairs(redis.call('HVALS', KEYS[3])) do
  through = math.min(through, tonumber(position))
end
if through < first then return {'ok', meta[5], string.format('%.0f', through)} end

local last = math.min(through, first + tonumber(ARGV[3]) - 1)
local left = redis.call('XRANGE', KEYS[2], string.format('%.0f', last + 1), '+', 'COUNT', 1)[1]
local trimmed = meta[4]
first = tonumber(meta[3]) + 1
if left then
  first = tonumber(string.match(left[1], '^(%d+)'))
  trimmed = string.format('%.0f', tonumber(left[2][4]) - #left[2][2] - ENTRY_BYTES)
end
local text = string.format('%.0f', first)
redis.call('XTRIM', KEYS[2], 'MINID', '=', text .. '-0')
redis.call('HSET', KEYS[1], 'first', text, 'trimmed', trimmed)
return {'ok', text, string.format('%.0f', through)}
