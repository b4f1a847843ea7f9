-- Take a shard for a node, when nobody owns it or its owner's lease is gone.
--
-- KEYS  1 placement  2 lease prefix  3 revision of the placement
-- ARGV  1 <uuid>:<shard>  2 node id  3 a fence that the new one must be above
-- Gives the fence, or nil while a live other owns the shard or when the node's own lease is gone
if redis.call('EXISTS', KEYS[2] .. ARGV[2]) == 0 then return false end
local fence, placed = tonumber(ARGV[3]), redis.call('HGET', KEYS[1], ARGV[1])
if placed then
  local owner = cjson.decode(placed)
  if owner.node == ARGV[2] and owner.fence > fence then return string.format('%.0f', owner.fence) end
  if owner.node ~= '' and owner.node ~= ARGV[2] and redis.call('EXISTS', KEYS[2] .. owner.node) == 1 then
    return false
  end
  fence = math.max(fence, owner.fence)
end
local text = string.format('%.0f', fence + 1)
redis.call('HSET', KEYS[1], ARGV[1], '{"node":' .. cjson.encode(ARGV[2]) .. ',"fence":' .. text .. '}')
redis.call('INCR', KEYS[3])
return text
