-- Takes the next task of the queue off asynq's line and starts an attempt at it.
-- Ids whose record no longer waits (canceled, deleted, expired, carried twice) are dropped on the way.
--   KEYS[1] wl:{<queue>}:n   ARGV[3] worker's id   ARGV[4] lease (ms)
-- Returns nil when nothing waits or asynq's pause key is set, else {id, now (ms), checkpoint or
-- false, the record's fields and values...}.
if redis.call('EXISTS', asynq .. 'paused') == 1 then return nil end
for _ = 1, 100 do
  local task = redis.call('RPOP', asynq .. 'pending')
  if not task then return nil end
  redis.call('DEL', asynq .. 't:' .. task)
  local key = record(task)
  local kind, state, started, expires = unpack(redis.call('HMGET', key, 'k', 's', 'st', 'x'))
  if state == 'pending' then
    local now = clock()
    if expires and not started and tonumber(expires) <= now then
      finish(task, kind, state, 'expired', now)
    else
      local number = redis.call('HINCRBY', key, 'n', 1)
      redis.call('HSET', key, 'a' .. number, ARGV[3] .. '|' .. int(now) .. '|||')
      redis.call('HDEL', key, 'a' .. (number - @attempts@), 'pd', 'pt', 'pm')
      redis.call('HSETNX', key, 'st', int(now))
      redis.call('ZREM', base .. 'expire', task)
      redis.call('ZADD', base .. 'lease', int(now + tonumber(ARGV[4])), task)
      move(task, kind, state, 'active')
      local reply = redis.call('HGETALL', key)
      table.insert(reply, 1, redis.call('GET', base .. 'k:' .. task))
      table.insert(reply, 1, int(now))
      table.insert(reply, 1, task)
      return reply
    end
  end
end
-- A hundred stale ids in a row: tell the caller to ask again at once.
return {''}
