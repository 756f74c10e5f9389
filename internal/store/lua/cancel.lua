-- Calls a task off: at once when it waits, by asking its worker when it runs.
--   KEYS[1] record
-- Returns the state after the call ('active' means asked), or nil when there is no such task.
-- asynq may still carry the id: claim drops it.
local key = record(id)
local state, kind, cancel = unpack(redis.call('HMGET', key, 's', 'k', 'cr'))
if not state or final(state) then return state end
if state == 'active' then
  if not cancel then
    redis.call('HSET', key, 'cr', 1)
    redis.call('HINCRBY', key, 'v', 1)
    announce(id, kind, state, 't')
  end
  redis.call('PUBLISH', base .. 'cancel', id)
  return state
end
finish(id, kind, state, 'canceled', clock())
return 'canceled'
