-- Ends an attempt.
--   KEYS[1] record   ARGV[3] attempt number   ARGV[4] its outcome
--   ARGV[5] 'final', 'retry' or 'release': what follows
--   ARGV[6] wait before the next attempt (ms)   ARGV[7] error as JSON or ''
--   ARGV[8] result or ''   ARGV[9] summary
-- Returns {1, state} when it was written, now or by an earlier try whose reply was lost,
-- and {0, state} when the attempt is no longer the current one (nothing is written).
-- A task that was asked to stop ends as canceled however the attempt ended.
local key = record(id)
local state, number, kind, cancel = unpack(redis.call('HMGET', key, 's', 'n', 'k', 'cr'))
if not state then return {0, 'deleted'} end
if state ~= 'active' or number ~= ARGV[3] then
  local ended = redis.call('HGET', key, 'a' .. ARGV[3]) or '|||lost|'
  local outcome = string.match(ended, '^[^|]*|[^|]*|[^|]*|([^|]*)|')
  return {outcome == ARGV[4] and 1 or 0, state}
end

local now = clock()
local outcome, follows = ARGV[4], ARGV[5]
end_attempt(id, number, now, outcome, ARGV[7])
if outcome == 'failed' then redis.call('HINCRBY', key, 'us', 1) end
if ARGV[7] ~= '' then redis.call('HSET', key, 'er', ARGV[7]) end
if ARGV[8] ~= '' then redis.call('HSET', key, 'res', ARGV[8], 'sum', ARGV[9]) end

if cancel or outcome == 'canceled' then
  finish(id, kind, state, 'canceled', now)
  return {1, 'canceled'}
end
if follows == 'final' then
  local to = outcome == 'succeeded' and 'succeeded' or 'failed'
  if to == 'succeeded' then redis.call('HDEL', key, 'er') end
  finish(id, kind, state, to, now)
  return {1, to}
end
redis.call('ZREM', base .. 'lease', id)
if follows == 'release' then
  redis.call('HSET', key, 'r', int(now))
  move(id, kind, state, 'pending')
  carry(id, kind, now, true)
  return {1, 'pending'}
end
local at = now + tonumber(ARGV[6])
redis.call('HSET', key, 'r', int(at))
move(id, kind, state, 'retrying')
wait_until(id, at)
return {1, 'retrying'}
