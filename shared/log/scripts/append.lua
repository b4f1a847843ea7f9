-- Append a batch of operations, or refuse it: the only way into a shard's log.
-- All checks come before the first write, because Lua does not roll back.
--
-- KEYS  1 {shard}:meta             hash: state, generation, fence, head, floor, bytes, trimmed, first, capacity, and
--                                `waker`, the channel of a reader that is to be woken by the next append
--       2 {shard}:wal              stream: entry <position>-0, `o` operation, `b` cumulative bytes through this entry
--       3 {shard}:producer:<id>    hash of 256 places: sequence % 256 -> "<sequence>:<first position>"; and `last`
-- ARGV  1 schema generation, empty for an internal entry; a newer one is in force from then on, because the catalog
--         knew it before: so a change whose author died before it could raise the generation here blocks nobody
--       2 fence, empty for a client's entry
--       3 the highest position that the caller knows
--       4 sequence of the producer, 0 for none
--       5.. operation bytes
-- Gives {"ok", first position} or {refusal, details}:
--       forgotten    the sequence is not above the last one and not among those remembered
--       missing      never opened; behind when the caller knows a position
--       closed
--       fence        the fence in force
--       behind       the head; what the caller knows is kept as `floor`, for the leader to resume beyond
--       generation   the generation in force, which is newer
--       full         bytes waiting, capacity
local ENTRY_BYTES = 64        -- what Redis needs for an entry beside its operation, about
local SEQUENCES = 256
local PRODUCER_TTL_S = 3600

local generation, fence, known, sequence = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local place

if sequence > 0 then
  place = string.format('%.0f', sequence % SEQUENCES)
  local remembered = redis.call('HMGET', KEYS[3], place, 'last')
  if remembered[1] then
    local of, first = string.match(remembered[1], '^(%d+):(%d+)$')
    if tonumber(of) == sequence then return {'ok', first} end
  end
  if remembered[2] and tonumber(remembered[2]) >= sequence then return {'forgotten'} end
end

local meta = redis.call('HMGET', KEYS[1],
  'state', 'generation', 'fence', 'head', 'floor', 'bytes', 'trimmed', 'capacity', 'waker')
if not meta[1] then
  if known > 0 then return {'behind', '0'} end
  return {'missing'}
end
if meta[1] ~= 'open' then return {'closed'} end
if fence ~= '' and tonumber(fence) < tonumber(meta[3]) then return {'fence', meta[3]} end
local head, floor = tonumber(meta[4]), tonumber(meta[5])
if head < known or head < floor then
  if known > floor then redis.call('HSET', KEYS[1], 'floor', ARGV[3]) end
  return {'behind', meta[4]}
end
local bytes = tonumber(meta[6])
if generation ~= '' then
  if tonumber(generation) < tonumber(meta[2]) then return {'generation', meta[2]} end
  local waiting = bytes - tonumber(meta[7])
  if waiting >= tonumber(meta[8]) then return {'full', string.format('%.0f', waiting), meta[8]} end
end

local first = string.format('%.0f', head + 1)
for i = 5, #ARGV do
  head = head + 1
  bytes = bytes + #ARGV[i] + ENTRY_BYTES
  redis.call('XADD', KEYS[2], string.format('%.0f-0', head), 'o', ARGV[i], 'b', string.format('%.0f', bytes))
end
redis.call('HSET', KEYS[1], 'head', string.format('%.0f', head), 'bytes', string.format('%.0f', bytes),
  'generation', generation ~= '' and generation or meta[2])
if meta[9] then
  redis.call('HDEL', KEYS[1], 'waker')
  redis.call('PUBLISH', meta[9], KEYS[1])
end
if sequence > 0 then
  redis.call('HSET', KEYS[3], place, ARGV[4] .. ':' .. first, 'last', ARGV[4])
  redis.call('EXPIRE', KEYS[3], PRODUCER_TTL_S)
end
return {'ok', first}
