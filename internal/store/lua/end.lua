-- Ends attempts. For each in turn, from ARGV[3] on:
--   id, attempt number, its outcome, 'final', 'retry' or 'release' (what follows), wait before the
--   next attempt (ms), error as JSON or '', result or '', summary
-- Returns for each, in turn: 1 when it was written, now or by an earlier try whose reply was lost,
-- 0 when the attempt is no longer the current one (nothing is written); and the task's state.
-- A task that was asked to stop ends as canceled however the attempt ended. An attempt that counts
-- as lost while no other has begun, and nobody retried the task by hand, was not lost after all: its
-- end is taken. One that counts as lost and is released has a worker that lives and could not reach
-- Redis: that is not charged against the task.
local now = clock()

local function back_in_line(task, r, ...)
  leave('lease', task)
  move(task, r, 'pending', 'r', int(now), ...)
  carry(task, r.k, now, fronts)
  return 1, 'pending'
end

local function close(task, number, outcome, follows, delay, failure, result, summary)
  local r = load(task, 'a' .. number)
  if not r.s then return 0, 'deleted' end
  local had = string.match(r.extra or '||lost|', '^[^|]*|[^|]*|([^|]*)|')
  local resumed = r.s == 'pending' and r.n == number and had == 'lost' and r.lo and outcome ~= 'released'
  if outcome == 'released' and had == 'lost' and tonumber(r.lo or 0) > 0 and not final(r.s) then
    redis.call('HSET', record(task), 'a' .. number, ended(r.extra, now, outcome, failure), 'lo', int(r.lo - 1))
    return 1, r.s
  end
  if not resumed and (r.s ~= 'active' or r.n ~= number) then
    return had == outcome and 1 or 0, r.s
  end
  local changed = {'a' .. number, ended(r.extra, now, outcome, failure)}
  local function set(name, value)
    local n = #changed
    changed[n + 1], changed[n + 2] = name, value
  end
  if resumed then set('lo', int(tonumber(r.lo) - 1)) end
  if outcome == 'failed' then set('us', int(tonumber(r.us or 0) + 1)) end
  if failure ~= '' then set('er', failure) end
  if result ~= '' then set('res', result) end
  if summary ~= '' then set('sum', summary) end

  if r.cr or outcome == 'canceled' then
    finish(task, r, 'canceled', now, unpack(changed))
    return 1, 'canceled'
  end
  if follows == 'final' then
    local to = outcome == 'succeeded' and 'succeeded' or 'failed'
    if to == 'succeeded' and number ~= '1' then redis.call('HDEL', record(task), 'er') end
    finish(task, r, to, now, unpack(changed))
    return 1, to
  end
  if r.ov then redis.call('HDEL', record(task), 'ov') end
  if follows == 'release' then return back_in_line(task, r, unpack(changed)) end
  local at = now + tonumber(delay)
  leave('lease', task)
  move(task, r, 'retrying', 'r', int(at), unpack(changed))
  wait_until(task, at)
  return 1, 'retrying'
end

local reply = {}
for i = 3, #ARGV, 8 do
  local written, state = close(unpack(ARGV, i, i + 7))
  reply[#reply + 1] = written
  reply[#reply + 1] = state
end
settle()
return reply
