-- Read the heads of several shards at one moment: no append to any of them lies between.
-- The keys have different hash tags, so they must be on one Redis server.
--
-- KEYS  {shard}:meta of each shard
-- Gives for each shard {state, head, floor}; fields of a shard that the log does not know are missing
local heads = {}
for place, key in ipairs(KEYS) do
  local meta = redis.call('HMGET', key, 'state', 'head', 'floor')
  heads[place] = {meta[1] or 'missing', meta[2] or '0', meta[3] or '0'}
end
return heads
