-- Closes the queue if it holds nothing and nothing happened in it for a while. A submit that comes
-- later is refused until the queue is registered again and opened: see queues.go.
--   KEYS[1] wl:{<queue>}:n   ARGV[3] for how long (ms)   ARGV[4] for how long it stays closed (ms)
-- Returns 1 when it is closed.
local now, last = clock(), redis.call('XREVRANGE', base .. 'ev', '+', '-', 'COUNT', 1)[1]
local since = last and string.match(last[1], '^%d+') or redis.call('GET', base .. 'idle')
if not last and redis.call('EXISTS', base .. 'closed') == 1 then since = 0 end -- its name came back on the list, no task did
if not since then
  redis.call('SET', base .. 'idle', int(now), 'PX', ARGV[4])
  since = now
end
if now - tonumber(since) < tonumber(ARGV[3]) then return 0 end
for _, n in ipairs(redis.call('HVALS', base .. 'n')) do
  if n ~= '0' then return 0 end
end
for _, set in ipairs({'due', 'expire', 'lease', 'done'}) do
  if redis.call('EXISTS', base .. set) == 1 then return 0 end
end
if redis.call('EXISTS', asynq .. 'paused') == 1 then return 0 end
-- Ids of tasks that were canceled while they waited stand in the line until a worker meets them.
local line = redis.call('LRANGE', asynq .. 'pending', 0, 99)
for _, task in ipairs(line) do
  if redis.call('EXISTS', record(task)) == 1 then return 0 end
end
for _, task in ipairs(line) do redis.call('UNLINK', asynq .. 't:' .. task) end
if #line > 0 then redis.call('LTRIM', asynq .. 'pending', #line, -1) end
if redis.call('EXISTS', asynq .. 'pending') == 1 then return 0 end -- the rest goes next time
redis.call('SET', base .. 'closed', '1', 'PX', ARGV[4])
redis.call('UNLINK', base .. 'n', base .. 'ev', base .. 'idle')
for _, name in ipairs({'kept', 'fence'}) do redis.call('PEXPIRE', base .. name, ARGV[4]) end
return 1
