-- Publish a node's storage figures; they vanish when the node falls silent.
--
-- KEYS  1 {shoal}:storage   set of node names; figures are in {shoal}:storage:<node>
-- ARGV  1 node   2 figures   3 time to live in ms
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('SET', KEYS[1] .. ':' .. ARGV[1], ARGV[2], 'PX', ARGV[3])
return {'ok'}
