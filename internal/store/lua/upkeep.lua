-- Does what time alone demands, at most ARGV[3] tasks of each sort a call.
--   KEYS[1] wl:{<queue>}:n   ARGV[4] how often a task may lose its worker   ARGV[5] error for more, as JSON
--   ARGV[6] error of a lost attempt, as JSON   ARGV[7] lease (ms)
-- Returns {released, expired, lost, ms until the next one is due or -1, 1 when a sort was cut short,
-- how many ids stand in the line, now (ms)}.
local limit = tonumber(ARGV[3])
local now = clock()
local function passed(name)
  return redis.call('ZRANGEBYSCORE', base .. name, '-inf', int(now), 'LIMIT', 0, limit)
end

-- Those whose start deadline passed come first: they must not be released any more.
local over = {}
local expired = passed('expire')
for _, task in ipairs(expired) do
  local r = load(task)
  over[task] = true
  if r.s == 'scheduled' or r.s == 'pending' then
    finish(task, r, 'expired', now)
  else
    leave('expire', task)
  end
end

local due = passed('due')
for _, task in ipairs(due) do
  if not over[task] then
    local r = load(task)
    leave('due', task)
    if r.s == 'scheduled' or r.s == 'retrying' then
      move(task, r, 'pending')
      carry(task, r.k, now, pushes)
    end
  end
end

-- When nobody kept the queue for half a lease, Redis was away or nobody was there. Workers could not
-- say how their attempts ended, and get as long again before one counts as lost. A grace is followed
-- by a look at the leases, however late that comes.
local half = tonumber(ARGV[7]) / 2
local kept, grace = string.match(redis.call('GET', base .. 'kept') or '', '^(%d+) (%d+)$')
local silent, till = now - tonumber(kept or now), tonumber(grace or 0)
if till > 0 and now >= till then
  till = 0
elseif till == 0 and silent > half then
  till = now + half
end
if not kept or silent >= 500 or int(till) ~= grace then redis.call('SET', base .. 'kept', int(now) .. ' ' .. int(till)) end
local lost = till > 0 and {} or passed('lease')
for _, task in ipairs(lost) do
  local n = redis.call('HGET', record(task), 'n') or ''
  local r = load(task, 'a' .. n)
  if r.s == 'active' then
    local times = tonumber(r.lo or 0) + 1
    local field, value = 'a' .. n, ended(r.extra, now, 'lost', ARGV[6])
    if r.cr then
      finish(task, r, 'canceled', now, field, value, 'lo', int(times))
    elseif times >= tonumber(ARGV[4]) then
      finish(task, r, 'failed', now, field, value, 'lo', int(times), 'er', ARGV[5])
    else
      if r.ov then redis.call('HDEL', record(task), 'ov') end
      leave('lease', task)
      move(task, r, 'pending', field, value, 'lo', int(times), 'er', ARGV[6], 'r', int(now))
      carry(task, r.k, now, fronts)
    end
  else
    leave('lease', task)
  end
end
settle()

local next_due = redis.call('ZRANGE', base .. 'due', 0, 0, 'WITHSCORES')[2]
local wait = -1
if next_due then wait = math.max(0, tonumber(next_due) - now) end
local cut = (#due == limit or #expired == limit or #lost == limit) and 1 or 0
return {#due, #expired, #lost, wait, cut, redis.call('LLEN', asynq .. 'pending'), now}
