-- Give a node's lease up.
--
-- KEYS  1 nodes  2 newest incarnations by <role>/<name>  3 lease prefix
-- ARGV  1 node id  2 <role>/<name>
redis.call('DEL', KEYS[3] .. ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('HGET', KEYS[2], ARGV[2]) == ARGV[1] then redis.call('HDEL', KEYS[2], ARGV[2]) end
return {'ok'}
