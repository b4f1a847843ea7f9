-- Register collections and aliases that were found on disk, all or none.
--
-- KEYS  1 catalog  2 names  3 aliases  4 revision  5 change stream
-- ARGV  1 most changes kept  2 number of collections, then for each: uuid, name, record
--       and then for each alias: alias, uuid
-- Gives {"ok"}, or {"exists", name, uuid that has it}
local count = tonumber(ARGV[2])
for i = 0, count - 1 do
  local uuid, name = ARGV[3 + 3 * i], ARGV[4 + 3 * i]
  local holder = redis.call('HGET', KEYS[2], name) or redis.call('HGET', KEYS[3], name)
  if holder and holder ~= uuid then return {'exists', name, holder} end
end
local aliases_at = 3 + 3 * count
for i = aliases_at, #ARGV, 2 do
  local holder = redis.call('HGET', KEYS[2], ARGV[i]) or redis.call('HGET', KEYS[3], ARGV[i])
  if holder and holder ~= ARGV[i + 1] then return {'exists', ARGV[i], holder} end
end

for i = 0, count - 1 do
  local uuid, name, record = ARGV[3 + 3 * i], ARGV[4 + 3 * i], ARGV[5 + 3 * i]
  if redis.call('HEXISTS', KEYS[1], uuid) == 0 then
    redis.call('HSET', KEYS[1], uuid, record)
    redis.call('HSET', KEYS[2], name, uuid)
  end
end
for i = aliases_at, #ARGV, 2 do
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
end
local revision = string.format('%.0f-0', redis.call('INCR', KEYS[4]))
local at = table.concat(redis.call('TIME'), '.')
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[1], revision, 'change', 'adopt', 'uuid', '', 'at', at)
return {'ok'}
