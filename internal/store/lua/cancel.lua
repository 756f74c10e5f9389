-- Calls a task off: at once when it waits, by asking its worker when it runs.
--   KEYS[1] record
-- Returns the state after the call ('active' means asked), or nil when there is no such task.
-- asynq may still carry the id: claim drops it.
local r = load(id)
if not r.s or final(r.s) then return r.s end
if r.s == 'active' then
  if not r.cr then
    redis.call('HSET', record(id), 'cr', 1, 'v', int(r.v + 1))
    announce(id, r.k, r.s, 't')
    settle()
  end
  redis.call('PUBLISH', base .. 'cancel', id)
  return r.s
end
finish(id, r, 'canceled', clock())
settle()
return 'canceled'
