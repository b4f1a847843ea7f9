-- Take a node's lease; an older incarnation of the same role and name loses its own. Nodes that died are forgotten.
--
-- KEYS  1 nodes  2 newest incarnations by <role>/<name>  3 lease prefix
-- ARGV  1 node id  2 <role>/<name>  3 node as JSON  4 time to live in ms
local older = redis.call('HGET', KEYS[2], ARGV[2])
if older and older ~= ARGV[1] then
  redis.call('DEL', KEYS[3] .. older)
  redis.call('HDEL', KEYS[1], older)
end
for _, node in ipairs(redis.call('HKEYS', KEYS[1])) do
  if redis.call('EXISTS', KEYS[3] .. node) == 0 then redis.call('HDEL', KEYS[1], node) end
end
local names = redis.call('HGETALL', KEYS[2])
for i = 1, #names, 2 do
  if redis.call('HEXISTS', KEYS[1], names[i + 1]) == 0 then redis.call('HDEL', KEYS[2], names[i]) end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[1])
redis.call('SET', KEYS[3] .. ARGV[1], '1', 'PX', ARGV[4])
return {'ok'}
