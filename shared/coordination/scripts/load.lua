-- Read the whole catalog at one revision.
--
-- KEYS  1 catalog  2 names  3 aliases  4 revision  5 cluster id
return {redis.call('GET', KEYS[4]) or '0', redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]),
  redis.call('HGETALL', KEYS[3]), redis.call('GET', KEYS[5]) or ''}
