-- Read the whole catalog at one revision.
--
-- KEYS  1 catalog  2 names  3 aliases  4 revision  5 cluster id  6 change stream
-- Gives revision, records, names, aliases, cluster id, mark (see changes.lua) of the revision's change, '' without one
local revision = redis.call('GET', KEYS[4]) or '0'
local entry = redis.call('XREVRANGE', KEYS[6], '+', '-', 'COUNT', 1)[1]
local mark = entry and entry[1] == revision .. '-0' and table.concat(entry[2], ' ') or ''
return {revision, redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]),
  redis.call('GET', KEYS[5]) or '', mark}
