-- Removes a final task with everything that belongs to it.
--   KEYS[1] record
-- Returns 'deleted', 'missing', or the state that forbids it.
local state = redis.call('HGET', record(id), 's')
if not state then return 'missing' end
if not final(state) then return state end
erase(id)
return 'deleted'
