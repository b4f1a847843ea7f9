-- Return the nodes whose lease is live, as JSON.
--
-- KEYS  1 nodes  2 lease prefix
local live, nodes = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #nodes, 2 do
  if redis.call('EXISTS', KEYS[2] .. nodes[i]) == 1 then live[#live + 1] = nodes[i + 1] end
end
return live
