-- Lets a task run now. One that waits for its time stops waiting. A final one gets a new series
-- of attempts; history and attempt numbers go on.
-- Its start deadline no longer holds: whoever retries wants it to run. The same work submitted
-- meanwhile joins it, unless a fresher run has the cache key.
--   KEYS[1] record   ARGV[3] total deadline, ms from now
-- Returns {'retried'}, {'missing'}, {'state', state} when it is pending or active, or
-- {'unique', id} when another task holds its unique key now.
local key = record(id)
local state, kind, unique, cache = unpack(redis.call('HMGET', key, 's', 'k', 'u', 'ck'))
if not state then return {'missing'} end
local now = clock()
if state == 'scheduled' or state == 'retrying' then
  redis.call('ZREM', base .. 'due', id)
  redis.call('HSET', key, 'r', int(now))
  move(id, kind, state, 'pending')
  carry(id, kind, now)
  return {'retried'}
end
if not final(state) then return {'state', state} end
if unique then
  local name = base .. 'u:' .. unique
  local holder = redis.call('GET', name)
  if holder and holder ~= id then return {'unique', holder} end
  redis.call('SET', name, id)
end
if cache then redis.call('SET', base .. 'c:' .. cache, id, 'NX') end
redis.call('ZREM', base .. 'done', id)
redis.call('HDEL', key, 'us', 'lo', 'er', 'res', 'sum', 'f', 'x', 'pd', 'pt', 'pm')
redis.call('HSET', key, 'r', int(now), 'd', int(now + tonumber(ARGV[3])))
move(id, kind, state, 'pending')
carry(id, kind, now)
return {'retried'}
