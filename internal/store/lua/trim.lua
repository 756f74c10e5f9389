-- Removes the oldest final tasks.
--   KEYS[1] wl:{<queue>}:n   ARGV[3] how many at most   ARGV[4] those that ended this many ms ago or more; '' for any
-- Returns how many it removed.
local to = '+inf'
if ARGV[4] ~= '' then to = int(clock() - tonumber(ARGV[4])) end
local old = redis.call('ZRANGEBYSCORE', base .. 'done', '-inf', to, 'LIMIT', 0, ARGV[3])
for _, task in ipairs(old) do erase(task) end
settle()
return #old
