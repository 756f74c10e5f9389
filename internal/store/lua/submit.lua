-- Accepts tasks of one queue: record, index, counts, and asynq's entry or the clock, together.
-- For each task in turn, from ARGV[3] on:
--   id, created (ms), kind, delay (ms) or '' when run at is used, run at (ms) or '',
--   start deadline (ms) or '', total deadline in ms after the start time, unique key or '',
--   cache key or '', cache time (ms), '1' to pass over a cached result, tags as JSON or '',
--   how many arguments follow: further fields of the record, name and value in turn
-- Returns for each task three values in turn: 'created', state, start (ms) (also when this very id
-- is there already: the reply to an earlier try was lost), or 'unique'|'cached'|'joined', the id of
-- the task that holds the key, ''. Returns {'closed'} and changes nothing when the queue is closed.
local now = clock()

local function holder_of(unique, cache, fresh)
  if unique ~= '' then
    local holder = redis.call('GET', base .. 'u:' .. unique)
    if holder and redis.call('EXISTS', record(holder)) == 1 then return 'unique', holder end
  end
  if cache ~= '' and fresh ~= '1' then
    local holder = redis.call('GET', base .. 'c:' .. cache)
    local state = holder and redis.call('HGET', record(holder), 's')
    if state == 'succeeded' then return 'cached', holder end
    if state and not final(state) then return 'joined', holder end
  end
end

-- Where each task's arguments begin. The ids of a call are new ones, unless it is sent again or an
-- Idempotency-Key is: one look tells that none is there, and that the queue is open.
local places, keys, at = {}, {}, 3
while at <= #ARGV do
  local n = #places + 1
  places[n], keys[n] = at, record(ARGV[at])
  at = at + 13 + tonumber(ARGV[at + 12])
end
local none_there = redis.call('EXISTS', base .. 'closed', unpack(keys)) == 0
if not none_there and redis.call('EXISTS', base .. 'closed') == 1 then return {'closed'} end

local function accept(task, at, key)
  local created, kind, delay, run_at, expires, deadline, unique, cache, cache_for, fresh, tags, more = unpack(ARGV, at, at + 11)
  if not none_there or told[task] then
    local present = redis.call('HMGET', key, 's', 'r')
    if present[1] then return 'created', present[1], present[2] end
  end
  local cause, holder = holder_of(unique, cache, fresh)
  if cause then return cause, holder, '' end

  local start = now
  if delay ~= '' then start = now + tonumber(delay) elseif run_at ~= '' then start = tonumber(run_at) end
  local r = {k = kind, s = 'pending'}
  if start > now then r.s = 'scheduled' else start = now end
  local values = {'k', kind, 's', r.s, 'c', created, 'r', int(start), 'd', int(start + tonumber(deadline)), 'v', '1'}
  for i = at + 12, at + 11 + tonumber(more) do values[#values + 1] = ARGV[i] end
  local function set(name, value)
    local n = #values
    values[n + 1], values[n + 2] = name, value
  end
  if tags ~= '' then
    r.tg = tags
    set('tg', tags)
  end
  if unique ~= '' then
    set('u', unique)
    redis.call('SET', base .. 'u:' .. unique, task)
  end
  if cache ~= '' then
    set('ck', cache)
    set('cf', cache_for)
    redis.call('SET', base .. 'c:' .. cache, task)
  end
  if expires ~= '' then
    set('x', expires)
    join('expire', expires, task)
  end
  redis.call('HSET', key, unpack(values))
  index(task, r)
  if r.s == 'pending' then carry(task, kind, now, pushes, true) else wait_until(task, start) end
  announce(task, kind, r.s, 't')
  return 'created', r.s, int(start)
end

local reply = {}
for i, at in ipairs(places) do
  local n = #reply
  reply[n + 1], reply[n + 2], reply[n + 3] = accept(ARGV[at], at + 1, keys[i])
end
settle()
return reply
