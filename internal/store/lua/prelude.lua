-- Stands before every script. One task, one queue, one cluster slot.
--
-- Every script gets
--   KEYS[1]  wl:{<queue>}:t:<id> or wl:{<queue>}:n: routes the call to the queue's slot
--   ARGV[1]  the queue's name
--   ARGV[2]  the task's id; '' for scripts that work on the whole queue
-- and builds the queue's other keys from its name. They share the hash tag, so
-- a cluster finds them in the same slot though they are not declared.
--
--   wl:{q}:t:<id>                  hash    the record
--   wl:{q}:l:<id>                  list    its log lines, oldest first
--   wl:{q}:k:<id>                  string  its checkpoint
--   wl:{q}:i:<kind>:<state>        zset    index, all scores 0: ids sort by time
--   wl:{q}:i:<kind>:<state>:<tag>  zset    the same for one tag
--   wl:{q}:n                       hash    <kind>:<state> -> how many
--   wl:{q}:due                     zset    scheduled and retrying, by the time they may start
--   wl:{q}:expire                  zset    not started yet, by their start deadline
--   wl:{q}:lease                   zset    active, by the time their lease ends
--   wl:{q}:done                    zset    final, by the time they ended
--   wl:{q}:u:<unique key>          string  id that holds it
--   wl:{q}:c:<cache key>           string  id whose result answers it
--   wl:{q}:ev                      stream  what changed
--   wl:{q}:kept                    string  when upkeep was last done, and until when no attempt counts as lost
--   wl:{q}:take:<worker>           string  the worker's last claim: its token and the ids that it got
--   wl:{q}:gone:<id>               string  token of the call that deleted the task, for a minute
--   wl:{q}:fence                   string  highest number of a leader that changed this queue
--   wl:{q}:closed                  string  the queue was forgotten: it takes no task until it is registered again
--   wl:{q}:idle                    string  since when it is known to have had no change, if there is none in ev
--   asynq:{q}:t:<id>               hash    asynq's message (asynq 0.26 rdb.go enqueueCmd)
--   asynq:{q}:pending              list    asynq's line: pushed left, popped right
--
-- Fields of the record: k kind, s state, i input, is whole input, sealed, when i lacks its secrets, sub subject, sum summary,
-- po policy, tg tags (JSON array), u unique key, tp traceparent, by who handed it in, ck cache key, cf cache time (ms),
-- c created, r run at, st started, f finished, x start deadline, d total deadline (all ms),
-- v version, n last attempt's number, us attempts used, lo attempts lost, cr cancel requested,
-- ov overrunning, pd pt pm progress, res result, er error (JSON), ln log lines ever written,
-- rp last report as <attempt>.<its number>, set with each checkpoint, rt token of the last retry by hand,
-- w<n> worker of attempt n, a<n> attempt n as start|end|outcome|error.
-- Redis packs a hash tightly while no value is longer than 64 bytes: keep them short.
local queue, id = ARGV[1], ARGV[2]
local base = 'wl:{' .. queue .. '}:'
local asynq = 'asynq:{' .. queue .. '}:'

local function record(task) return base .. 't:' .. task end

-- Numbers go to Redis as text: it would write a Lua number slowly, as a float.
local texts = {}
local function int(n)
  local text = texts[n]
  if not text then
    text = string.format('%d', n)
    texts[n] = text
  end
  return text
end

-- Redis's clock is the only one: those of workers and clients may be wrong.
local function clock()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function final(state)
  return state == 'succeeded' or state == 'failed' or state == 'canceled' or state == 'expired'
end

-- Reads what the functions below need of a record, and one field more where extra names it.
-- A record that is not there has no s.
local function load(task, extra)
  local v = redis.call('HMGET', record(task), 's', 'k', 'n', 'v', 'tg', 'cr', 'u', 'ck', 'st', 'x', 'us', 'lo', 'ov', 'rp', extra or 's')
  return {s = v[1], k = v[2], n = v[3], v = v[4], tg = v[5], cr = v[6], u = v[7], ck = v[8],
    st = v[9], x = v[10], us = v[11], lo = v[12], ov = v[13], rp = v[14], extra = v[15]}
end

-- What a script changes beside the records is gathered and written by settle, many tasks in one
-- command. A task moves at most once a script, so the order among them does not matter.
--   joins, leaves  sorted set -> what ZADD and ZREM take
--   counts         <kind>:<state> -> by how much
--   drops          keys to remove
--   pushes, fronts ids for the end and for the front of asynq's line
--   told           id -> change to tell, in the order of tellings
local joins, leaves, counts, drops, pushes, fronts = {}, {}, {}, {}, {}, {}
local told, tellings = {}, {}

local function leave(set, task)
  local list = leaves[set]
  if list then list[#list + 1] = task else leaves[set] = {task} end
end

local function join(set, score, task)
  local list = joins[set]
  if list then
    local n = #list
    list[n + 1], list[n + 2] = score, task
  else
    joins[set] = {score, task}
  end
end

local function unindex(task, r)
  local name = r.k .. ':' .. r.s
  leave('i:' .. name, task)
  counts[name] = (counts[name] or 0) - 1
  if r.tg then
    for _, tag in ipairs(cjson.decode(r.tg)) do leave('i:' .. name .. ':' .. tag, task) end
  end
end

local function index(task, r)
  local name = r.k .. ':' .. r.s
  join('i:' .. name, '0', task)
  counts[name] = (counts[name] or 0) + 1
  if r.tg then
    for _, tag in ipairs(cjson.decode(r.tg)) do join('i:' .. name .. ':' .. tag, '0', task) end
  end
end

-- Tells those who watch: what is 't' for the record, 'l' for its log.
local function announce(task, kind, state, what)
  local earlier = told[task]
  if not earlier then
    tellings[#tellings + 1] = task
  elseif string.sub(earlier, -1) ~= what then
    what = 'tl'
  end
  told[task] = kind .. ':' .. state .. ':' .. what
end

-- Hands the id to asynq: its message is protobuf (asynq.proto TaskMessage: type 1,
-- payload 2, id 3, queue 4) and ends in the constant part that Go made. An id that
-- asynq still carries is not pushed twice, unless the caller knows that it is fresh.
local function carry(task, kind, now, where, fresh)
  local key = asynq .. 't:' .. task
  if not fresh and redis.call('EXISTS', key) == 1 then return end
  local long = string.char(#task)
  local message = '\010' .. string.char(#kind) .. kind .. '\018' .. long .. task .. '\026' .. long .. task ..
    '\034' .. string.char(#queue) .. queue .. '@message@'
  redis.call('HSET', key, 'msg', message, 'state', 'pending', 'pending_since', int(now) .. '000000')
  where[#where + 1] = task
end

-- Puts the id on the clock, and tells those who watch it when it is the next one due.
local function wait_until(task, at)
  redis.call('ZADD', base .. 'due', int(at), task)
  if redis.call('ZRANGE', base .. 'due', 0, 0)[1] == task then
    redis.call('PUBLISH', base .. 'wake', 'due')
  end
end

-- Moves the record to another state, with further fields and values in turn.
local function move(task, r, to, ...)
  unindex(task, r)
  r.s = to
  index(task, r)
  redis.call('HSET', record(task), 's', to, 'v', int(r.v + 1), ...)
  announce(task, r.k, to, 't')
end

local function release_key(name, key, task)
  local full = base .. name .. ':' .. key
  if redis.call('GET', full) == task then redis.call('DEL', full) end
end

-- Lets the cache key of a task that ends go, or has its result answer for a while.
local function settle_cache(task, r, to)
  local name = base .. 'c:' .. r.ck
  local lasts = redis.call('HGET', record(task), 'cf')
  if to ~= 'succeeded' or tonumber(lasts) < 1 then return release_key('c', r.ck, task) end
  local holder = redis.call('GET', name)
  if not holder or holder == task then -- else a fresher run has it
    redis.call('SET', name, task, 'PX', lasts)
  end
end

-- Ends the task: what holds only while it waits or runs is let go.
local function finish(task, r, to, now, ...)
  if r.s == 'active' then
    leave('lease', task)
  elseif r.s ~= 'pending' then
    leave('due', task)
  end
  if r.x and not r.st then leave('expire', task) end
  if r.rp then drops[#drops + 1] = base .. 'k:' .. task end
  if r.cr or r.ov then redis.call('HDEL', record(task), 'cr', 'ov') end
  if r.u then release_key('u', r.u, task) end
  if r.ck then settle_cache(task, r, to) end
  local at = int(now)
  join('done', at, task)
  move(task, r, to, 'f', at, ...)
end

-- Removes every trace of a final task.
local function erase(task)
  local r = load(task)
  leave('done', task)
  if not r.s then return end
  unindex(task, r)
  if r.ck then release_key('c', r.ck, task) end
  redis.call('UNLINK', record(task), base .. 'l:' .. task, base .. 'k:' .. task)
  announce(task, r.k, 'deleted', 't')
end

-- Ends attempt number of a record, which held begun, with what the failure says (JSON or '').
local function ended(begun, now, outcome, failure)
  return (string.match(begun or '', '^[^|]*') or '') .. '|' .. int(now) .. '|' .. outcome .. '|' .. failure
end

-- Writes what was gathered. The stream takes a few changes an entry, as <id> <kind>:<state>:<what>.
-- Idle workers hear when a line was empty; whoever is busy looks again by itself.
local function settle()
  for set, tasks in pairs(leaves) do redis.call('ZREM', base .. set, unpack(tasks)) end
  for set, list in pairs(joins) do redis.call('ZADD', base .. set, unpack(list)) end
  for name, by in pairs(counts) do
    if by ~= 0 then redis.call('HINCRBY', base .. 'n', name, by) end
  end
  if #drops > 0 then redis.call('UNLINK', unpack(drops)) end
  local length = 0
  if #pushes > 0 then length = redis.call('LPUSH', asynq .. 'pending', unpack(pushes)) end
  for i = #fronts, 1, -1 do length = redis.call('RPUSH', asynq .. 'pending', fronts[i]) end
  if length > 0 and length == #pushes + #fronts then redis.call('PUBLISH', base .. 'wake', 'pending') end
  for from = 1, #tellings, @told@ do
    local entry = {}
    for i = from, math.min(from + @told@ - 1, #tellings) do
      local n, task = #entry, tellings[i]
      entry[n + 1], entry[n + 2] = task, told[task]
    end
    redis.call('XADD', base .. 'ev', 'MAXLEN', '~', '@events@', '*', unpack(entry))
  end
end
