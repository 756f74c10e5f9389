-- Renews the leases of attempts that a worker holds.
--   KEYS[1] wl:{<queue>}:n   ARGV[3] lease (ms)
--   ARGV[4...] id, attempt number, and '1' when its handler goes on past its end, in turn
-- Returns id and 'lost' for each attempt that is no longer the task's current one, and id
-- and 'cancel' for each whose task was asked to stop.
local reply = {}
local till = int(clock() + tonumber(ARGV[3]))
for i = 4, #ARGV, 3 do
  local task = ARGV[i]
  local r = load(task)
  if r.s ~= 'active' or r.n ~= ARGV[i + 1] then
    reply[#reply + 1] = task
    reply[#reply + 1] = 'lost'
  else
    join('lease', till, task)
    if ARGV[i + 2] == '1' and not r.ov then
      redis.call('HSET', record(task), 'ov', 1, 'v', int(r.v + 1))
      announce(task, r.k, r.s, 't')
    end
    if r.cr then
      reply[#reply + 1] = task
      reply[#reply + 1] = 'cancel'
    end
  end
end
settle()
return reply
