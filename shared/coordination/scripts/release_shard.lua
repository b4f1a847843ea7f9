-- Give a shard up, if the node owns it. The fence stays.
--
-- KEYS  1 placement  2 revision of the placement
-- ARGV  1 <uuid>:<shard>  2 node id
local placed = redis.call('HGET', KEYS[1], ARGV[1])
if placed then
  local owner = cjson.decode(placed)
  if owner.node == ARGV[2] then
    redis.call('HSET', KEYS[1], ARGV[1], string.format('{"node":"","fence":%.0f}', owner.fence))
    redis.call('INCR', KEYS[2])
  end
end
return {'ok'}
