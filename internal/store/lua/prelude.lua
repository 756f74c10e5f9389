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
--   asynq:{q}:t:<id>               hash    asynq's message (asynq 0.26 rdb.go enqueueCmd)
--   asynq:{q}:pending              list    asynq's line: pushed left, popped right
--
-- Fields of the record: k kind, s state, i input, sub subject, sum summary, po policy,
-- tg tags (JSON array), u unique key, tp traceparent, ck cache key, cf cache time (ms),
-- c created, r run at, st started, f finished, x start deadline, d total deadline (all ms),
-- v version, n last attempt's number, us attempts used, lo attempts lost, cr cancel requested,
-- pd pt pm progress, res result, er error (JSON), ln log lines ever written,
-- a<n> attempt n as worker|start|end|outcome|error.
local queue, id = ARGV[1], ARGV[2]
local base = 'wl:{' .. queue .. '}:'
local asynq = 'asynq:{' .. queue .. '}:'

local function record(task) return base .. 't:' .. task end

local function int(n) return string.format('%.0f', n) end

-- Redis's clock is the only one: those of workers and clients may be wrong.
local function clock()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function final(state)
  return state == 'succeeded' or state == 'failed' or state == 'canceled' or state == 'expired'
end

local function tags_of(task)
  local json = redis.call('HGET', record(task), 'tg')
  if json then return cjson.decode(json) end
  return {}
end

local function unindex(task, kind, state, tags)
  local key = base .. 'i:' .. kind .. ':' .. state
  redis.call('ZREM', key, task)
  for _, tag in ipairs(tags) do redis.call('ZREM', key .. ':' .. tag, task) end
  redis.call('HINCRBY', base .. 'n', kind .. ':' .. state, -1)
end

local function index(task, kind, state, tags)
  local key = base .. 'i:' .. kind .. ':' .. state
  redis.call('ZADD', key, 0, task)
  for _, tag in ipairs(tags) do redis.call('ZADD', key .. ':' .. tag, 0, task) end
  redis.call('HINCRBY', base .. 'n', kind .. ':' .. state, 1)
end

local function announce(task, kind, state, what)
  redis.call('XADD', base .. 'ev', 'MAXLEN', '~', '@events@', '*', 'i', task, 'k', kind, 's', state, 'e', what)
end

-- Hands the id to asynq: its message is protobuf (asynq.proto TaskMessage: type 1,
-- payload 2, id 3, queue 4) and ends in the constant part that Go made. An id that
-- asynq still carries is not pushed twice. Idle workers hear of the first of a line;
-- whoever is busy looks again by itself.
local function carry(task, kind, now, front)
  local key = asynq .. 't:' .. task
  if redis.call('EXISTS', key) == 1 then return end
  local function field(tag, value) return string.char(tag * 8 + 2, #value) .. value end
  local message = field(1, kind) .. field(2, task) .. field(3, task) .. field(4, queue) .. '@message@'
  redis.call('HSET', key, 'msg', message, 'state', 'pending', 'pending_since', int(now) .. '000000')
  local length = redis.call(front and 'RPUSH' or 'LPUSH', asynq .. 'pending', task)
  if length == 1 then redis.call('PUBLISH', base .. 'wake', 'pending') end
end

-- Puts the id on the clock, and tells those who watch it when it is the next one due.
local function wait_until(task, at)
  redis.call('ZADD', base .. 'due', int(at), task)
  if redis.call('ZRANGE', base .. 'due', 0, 0)[1] == task then
    redis.call('PUBLISH', base .. 'wake', 'due')
  end
end

-- Moves the record to another state: index, counts, version, event.
local function move(task, kind, from, to)
  local tags = tags_of(task)
  unindex(task, kind, from, tags)
  index(task, kind, to, tags)
  redis.call('HSET', record(task), 's', to)
  redis.call('HINCRBY', record(task), 'v', 1)
  announce(task, kind, to, 't')
end

local function release_key(name, key, task)
  local full = base .. name .. ':' .. key
  if redis.call('GET', full) == task then redis.call('DEL', full) end
end

-- Ends the task: what holds only while it waits or runs is let go.
local function finish(task, kind, from, to, now)
  local key = record(task)
  local unique, cache, cache_for = unpack(redis.call('HMGET', key, 'u', 'ck', 'cf'))
  redis.call('HSET', key, 'f', int(now))
  redis.call('HDEL', key, 'cr')
  redis.call('DEL', base .. 'k:' .. task)
  redis.call('ZREM', base .. 'due', task)
  redis.call('ZREM', base .. 'expire', task)
  redis.call('ZREM', base .. 'lease', task)
  redis.call('ZADD', base .. 'done', int(now), task)
  if unique then release_key('u', unique, task) end
  if cache then
    local holder = redis.call('GET', base .. 'c:' .. cache)
    if to ~= 'succeeded' or tonumber(cache_for) < 1 then
      release_key('c', cache, task)
    elseif not holder or holder == task then -- else a fresher run has it
      redis.call('SET', base .. 'c:' .. cache, task, 'PX', cache_for)
    end
  end
  move(task, kind, from, to)
end

-- Removes every trace of a final task.
local function erase(task)
  local key = record(task)
  local kind, state, cache = unpack(redis.call('HMGET', key, 'k', 's', 'ck'))
  redis.call('ZREM', base .. 'done', task)
  if not kind then return end
  unindex(task, kind, state, tags_of(task))
  if cache then release_key('c', cache, task) end
  redis.call('UNLINK', key, base .. 'l:' .. task, base .. 'k:' .. task)
  announce(task, kind, 'deleted', 't')
end

-- Writes the end of the attempt that runs. start and worker stay as claim wrote them.
local function end_attempt(task, number, now, outcome, failure)
  local key, field = record(task), 'a' .. number
  local begun = redis.call('HGET', key, field) or '||'
  local worker, start = string.match(begun, '^([^|]*)|([^|]*)|')
  redis.call('HSET', key, field, worker .. '|' .. start .. '|' .. int(now) .. '|' .. outcome .. '|' .. failure)
end
