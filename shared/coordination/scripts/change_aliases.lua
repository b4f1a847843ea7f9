-- Apply alias changes in order, all or none, so that a switch of an alias is never seen half done.
--
-- KEYS  1 names  2 aliases  3 revision  4 change stream
-- ARGV  1 most changes kept, then for each change three values:
--       "create", alias, name of the collection; "delete", alias, ""; "rename", old alias, new alias
-- Gives {"ok", revision, aliases and their uuids in turn}, or {"no collection", name}, {"no alias", alias}, {"exists", name of a collection}
local before, aliases, flat = {}, {}, redis.call('HGETALL', KEYS[2])
for i = 1, #flat, 2 do
  before[flat[i]] = flat[i + 1]
  aliases[flat[i]] = flat[i + 1]
end

for i = 2, #ARGV, 3 do
  local change, one, other = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local fresh = nil
  if change == 'create' then
    local uuid = redis.call('HGET', KEYS[1], other)
    if not uuid then return {'no collection', other} end
    aliases[one], fresh = uuid, one
  elseif change == 'delete' then
    aliases[one] = nil
  else
    local uuid = aliases[one]
    if not uuid then return {'no alias', one} end
    aliases[one] = nil
    aliases[other], fresh = uuid, other
  end
  if fresh and redis.call('HEXISTS', KEYS[1], fresh) == 1 then return {'exists', fresh} end
end

local NAMED_MAX = 1000
local entry = {'change', 'aliases', 'uuid', '', 'at', table.concat(redis.call('TIME'), '.')}
local others = #entry
for alias in pairs(before) do
  if not aliases[alias] then
    redis.call('HDEL', KEYS[2], alias)
    entry[#entry + 1], entry[#entry + 2] = 'alias', alias
  end
end
for alias, uuid in pairs(aliases) do
  if before[alias] ~= uuid then
    redis.call('HSET', KEYS[2], alias, uuid)
    entry[#entry + 1], entry[#entry + 2] = 'alias', alias
  end
end
if #entry > others + 2 * NAMED_MAX then entry = {unpack(entry, 1, others)} end  -- without names: all of them
flat = redis.call('HGETALL', KEYS[2])
local revision = redis.call('INCR', KEYS[3])
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[1], string.format('%.0f-0', revision), unpack(entry))
return {'ok', revision, flat}
