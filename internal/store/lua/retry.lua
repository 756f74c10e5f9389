-- Lets a task run now. One that waits for its time stops waiting. A final one gets a new series
-- of attempts; history and attempt numbers go on.
-- Its start deadline no longer holds: whoever retries wants it to run. The same work submitted
-- meanwhile joins it, unless a fresher run has the cache key.
--   KEYS[1] record   ARGV[3] total deadline, ms from now
--   ARGV[4] token of this call: sent again it gets the same answer
-- Returns {'retried'}, {'missing'}, {'state', state} when it is pending or active, or
-- {'unique', id} when another task holds its unique key now.
local key = record(id)
local r = load(id, 'rt')
if not r.s then return {'missing'} end
if r.extra == ARGV[4] then return {'retried'} end
local now = clock()
if r.s == 'scheduled' or r.s == 'retrying' then
  leave('due', id)
  move(id, r, 'pending', 'r', int(now), 'rt', ARGV[4])
  carry(id, r.k, now, pushes)
  settle()
  return {'retried'}
end
if not final(r.s) then return {'state', r.s} end
if r.u then
  local name = base .. 'u:' .. r.u
  local holder = redis.call('GET', name)
  if holder and holder ~= id then return {'unique', holder} end
  redis.call('SET', name, id)
end
if r.ck then redis.call('SET', base .. 'c:' .. r.ck, id, 'NX') end
leave('done', id)
redis.call('HDEL', key, 'us', 'lo', 'er', 'res', 'sum', 'f', 'x', 'pd', 'pt', 'pm')
move(id, r, 'pending', 'r', int(now), 'd', int(now + tonumber(ARGV[3])), 'rt', ARGV[4])
carry(id, r.k, now, pushes)
settle()
return {'retried'}
