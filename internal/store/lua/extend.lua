-- Renews the leases of attempts that a worker holds.
--   KEYS[1] wl:{<queue>}:n   ARGV[3] lease (ms)   ARGV[4...] id and attempt number in turn
-- Returns id and 'lost' for each attempt that is no longer the task's current one, and id
-- and 'cancel' for each whose task was asked to stop.
local reply = {}
local till = int(clock() + tonumber(ARGV[3]))
for i = 4, #ARGV, 2 do
  local task = ARGV[i]
  local state, number, cancel = unpack(redis.call('HMGET', record(task), 's', 'n', 'cr'))
  if state ~= 'active' or number ~= ARGV[i + 1] then
    table.insert(reply, task)
    table.insert(reply, 'lost')
  else
    redis.call('ZADD', base .. 'lease', till, task)
    if cancel then
      table.insert(reply, task)
      table.insert(reply, 'cancel')
    end
  end
end
return reply
