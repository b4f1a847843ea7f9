-- Read which nodes are live and which revision each api has applied, both at one moment.
--
-- KEYS  1 nodes  2 lease prefix  3 revisions
-- Gives {live nodes as JSON, node ids and their revisions in turn}
local live, nodes = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #nodes, 2 do
  if redis.call('EXISTS', KEYS[2] .. nodes[i]) == 1 then live[#live + 1] = nodes[i + 1] end
end
return {live, redis.call('HGETALL', KEYS[3])}
