-- Does what time alone demands, at most ARGV[3] tasks of each sort a call.
--   KEYS[1] wl:{<queue>}:n   ARGV[4] how often a task may lose its worker   ARGV[5] error for more, as JSON
--   ARGV[6] error of a lost attempt, as JSON
-- Returns {released, expired, lost, ms until the next one is due or -1, 1 when a sort was cut short}.
local limit = tonumber(ARGV[3])
local now = clock()
local function passed(name)
  return redis.call('ZRANGEBYSCORE', base .. name, '-inf', int(now), 'LIMIT', 0, limit)
end

local due = passed('due')
for _, task in ipairs(due) do
  redis.call('ZREM', base .. 'due', task)
  local state, kind = unpack(redis.call('HMGET', record(task), 's', 'k'))
  if state == 'scheduled' or state == 'retrying' then
    move(task, kind, state, 'pending')
    carry(task, kind, now)
  end
end

local expired = passed('expire')
for _, task in ipairs(expired) do
  redis.call('ZREM', base .. 'expire', task)
  local state, kind = unpack(redis.call('HMGET', record(task), 's', 'k'))
  if state == 'scheduled' or state == 'pending' then finish(task, kind, state, 'expired', now) end
end

local lost = passed('lease')
for _, task in ipairs(lost) do
  redis.call('ZREM', base .. 'lease', task)
  local key = record(task)
  local state, kind, number, cancel = unpack(redis.call('HMGET', key, 's', 'k', 'n', 'cr'))
  if state == 'active' then
    end_attempt(task, number, now, 'lost', ARGV[6])
    local times = redis.call('HINCRBY', key, 'lo', 1)
    if cancel then
      finish(task, kind, state, 'canceled', now)
    elseif times >= tonumber(ARGV[4]) then
      redis.call('HSET', key, 'er', ARGV[5])
      finish(task, kind, state, 'failed', now)
    else
      redis.call('HSET', key, 'er', ARGV[6], 'r', int(now))
      move(task, kind, state, 'pending')
      carry(task, kind, now, true)
    end
  end
end

local next_due = redis.call('ZRANGE', base .. 'due', 0, 0, 'WITHSCORES')[2]
local wait = -1
if next_due then wait = math.max(0, tonumber(next_due) - now) end
local cut = (#due == limit or #expired == limit or #lost == limit) and 1 or 0
return {#due, #expired, #lost, wait, cut}
