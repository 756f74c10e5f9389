-- Puts right what stands beside records and does not agree with them. The record is the truth.
--   KEYS[1] wl:{<queue>}:n   ARGV[3] number of the lead   ARGV[4] lease (ms)
--   ARGV[5] <kind>:<state> of the index in which the ids were found, or ''
--   ARGV[6] '' or a time (ms): asynq does not carry those of the ids that wait since before it
--   ARGV[7...] ids
-- Returns {1, put in line again, put on the clock, given a lease, put into or out of an index}, or
-- {0} when a later leader was here: then nothing is changed.
local fence = tonumber(redis.call('GET', base .. 'fence') or 0)
if fence > tonumber(ARGV[3]) then return {0} end
if fence < tonumber(ARGV[3]) then redis.call('SET', base .. 'fence', ARGV[3]) end
local now, found, since = clock(), ARGV[5], tonumber(ARGV[6])
local carried, timed, leased, indexed = 0, 0, 0, 0

local function add(name, at, task)
  return redis.call('ZADD', base .. name, 'NX', at, task)
end

-- Takes the id from wherever asynq or a tool of its put it.
local function reclaim(task)
  for _, name in ipairs({'archived', 'scheduled', 'retry', 'completed', 'lease'}) do
    redis.call('ZREM', asynq .. name, task)
  end
  redis.call('LREM', asynq .. 'active', 0, task)
  redis.call('DEL', asynq .. 't:' .. task)
end

local function in_index(task, r)
  local own = r.s and r.k .. ':' .. r.s
  if found ~= '' and found ~= own then
    indexed = indexed + redis.call('ZREM', base .. 'i:' .. found, task)
  end
  if own and redis.call('ZADD', base .. 'i:' .. own, 'NX', 0, task) == 1 then
    indexed = indexed + 1
    redis.call('HSET', base .. 'n', own, redis.call('ZCARD', base .. 'i:' .. own))
  end
end

for i = 7, #ARGV do
  local task = ARGV[i]
  local r = load(task, 'r')
  in_index(task, r)
  if since and (not r.s or r.s ~= 'pending') then reclaim(task) end
  if r.s == 'pending' then
    if since and tonumber(r.extra) < since then
      reclaim(task)
      carry(task, r.k, now, pushes, true)
      carried = carried + 1
    end
  elseif r.s == 'active' then
    leased = leased + add('lease', int(now + tonumber(ARGV[4])), task)
  elseif r.s == 'scheduled' or r.s == 'retrying' then
    timed = timed + add('due', r.extra, task)
  elseif r.s then
    timed = timed + add('done', redis.call('HGET', record(task), 'f') or int(now), task)
  end
  if r.x and not r.st and (r.s == 'scheduled' or r.s == 'pending') then timed = timed + add('expire', r.x, task) end
end
if found ~= '' then redis.call('HSET', base .. 'n', found, redis.call('ZCARD', base .. 'i:' .. found)) end
settle()
return {1, carried, timed, leased, indexed}
