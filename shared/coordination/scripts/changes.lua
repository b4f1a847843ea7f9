-- Read what changed in the catalog since a revision, as it is now.
--
-- An entry's mark is all its text. `at`, Redis' microseconds, tells it from one that took its number after Redis came
-- back older; entries of older versions have none. `alias` may come several times, one for each alias that changed; an
-- `aliases` change without any means: all of them.
--
-- KEYS  1 catalog  2 aliases  3 revision  4 cluster id  5 change stream
-- ARGV  1 revision known  2 mark of its change
-- Gives {"ok", revision, cluster id, mark, uuids and records in turn, aliases and uuids in turn, 1 when these are all
--       aliases}, '' for what is gone; or {"gap"}: the stream does not tell all changes
local revision = redis.call('GET', KEYS[3]) or '0'
local count = tonumber(revision) - tonumber(ARGV[1]) + 1
if count < 1 then return {'gap'} end
local entries = redis.call('XRANGE', KEYS[5], ARGV[1] .. '-0', '+', 'COUNT', count + 1)
if #entries ~= count or entries[1][1] ~= ARGV[1] .. '-0' or entries[count][1] ~= revision .. '-0' then
  return {'gap'}
end
if table.concat(entries[1][2], ' ') ~= ARGV[2] then return {'gap'} end

local one_record = {create = true, update = true, rename = true, delete = true}
local uuids, aliases, every_alias = {}, {}, false
for i = 2, count do
  local fields, change, named = entries[i][2], '', false
  for j = 1, #fields, 2 do
    if fields[j] == 'change' then
      change = fields[j + 1]
    elseif fields[j] == 'uuid' and fields[j + 1] ~= '' then
      uuids[fields[j + 1]] = true
    elseif fields[j] == 'alias' then
      aliases[fields[j + 1]], named = true, true
    end
  end
  if change == 'aliases' then
    every_alias = every_alias or not named
  elseif not one_record[change] then
    return {'gap'}
  end
end

local function found(key, fields)
  local flat = {}
  for field in pairs(fields) do
    flat[#flat + 1] = field
    flat[#flat + 1] = redis.call('HGET', key, field) or ''
  end
  return flat
end
return {'ok', revision, redis.call('GET', KEYS[4]) or '', table.concat(entries[count][2], ' '), found(KEYS[1], uuids),
  every_alias and redis.call('HGETALL', KEYS[2]) or found(KEYS[2], aliases), every_alias and 1 or 0}
