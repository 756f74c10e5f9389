-- Removes a final task with everything that belongs to it.
--   KEYS[1] record   ARGV[3] token of this call: sent again it gets the same answer
-- Returns 'deleted', 'missing', or the state that forbids it.
local gone = base .. 'gone:' .. id
local state = redis.call('HGET', record(id), 's')
if not state then return redis.call('GET', gone) == ARGV[3] and 'deleted' or 'missing' end
if not final(state) then return state end
erase(id)
redis.call('SET', gone, ARGV[3], 'PX', 60000)
settle()
return 'deleted'
