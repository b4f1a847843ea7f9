-- Return the storage figures of all nodes that were heard of lately, and forget the silent ones.
--
-- KEYS  1 {shoal}:storage   set of node names; figures are in {shoal}:storage:<node>
local figures = {}
for _, node in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local one = redis.call('GET', KEYS[1] .. ':' .. node)
  if one then
    figures[#figures + 1] = one
  else
    redis.call('SREM', KEYS[1], node)
  end
end
return figures
