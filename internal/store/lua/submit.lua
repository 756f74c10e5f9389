-- Accepts a task: record, index, counts, and asynq's entry or the clock, together.
--   ARGV[3] created (ms)       ARGV[4] kind        ARGV[5] delay (ms), '' when run_at is used
--   ARGV[6] run at (ms) or ''  ARGV[7] start deadline (ms) or ''
--   ARGV[8] total deadline, ms after the start time
--   ARGV[9] unique key or ''   ARGV[10] cache key or ''   ARGV[11] cache time (ms)
--   ARGV[12] '1' to pass over a cached result
--   ARGV[13] tags as JSON or ''  ARGV[14...] further fields of the record, name and value in turn
-- Returns {'created', state, start (ms)} (also when this very id is there already: the
-- reply to an earlier try was lost), or {'unique'|'cached'|'joined', id of the task that holds the key}.
local kind, unique, cache = ARGV[4], ARGV[9], ARGV[10]
local key = record(id)
local present = redis.call('HMGET', key, 's', 'r')
if present[1] then return {'created', present[1], present[2]} end

if unique ~= '' then
  local holder = redis.call('GET', base .. 'u:' .. unique)
  if holder and redis.call('EXISTS', record(holder)) == 1 then return {'unique', holder} end
end
if cache ~= '' and ARGV[12] ~= '1' then
  local holder = redis.call('GET', base .. 'c:' .. cache)
  local state = holder and redis.call('HGET', record(holder), 's')
  if state == 'succeeded' then return {'cached', holder} end
  if state and not final(state) then return {'joined', holder} end
end

local now = clock()
local start = now
if ARGV[5] ~= '' then start = now + tonumber(ARGV[5]) elseif ARGV[6] ~= '' then start = tonumber(ARGV[6]) end
local state = 'pending'
if start > now then state = 'scheduled' else start = now end

redis.call('HSET', key, 'k', kind, 's', state, 'c', ARGV[3], 'r', int(start), 'd', int(start + tonumber(ARGV[8])), 'v', 1,
  unpack(ARGV, 14))
local tags = {}
if ARGV[13] ~= '' then
  redis.call('HSET', key, 'tg', ARGV[13])
  tags = cjson.decode(ARGV[13])
end
if unique ~= '' then
  redis.call('HSET', key, 'u', unique)
  redis.call('SET', base .. 'u:' .. unique, id)
end
if cache ~= '' then
  redis.call('HSET', key, 'ck', cache, 'cf', ARGV[11])
  redis.call('SET', base .. 'c:' .. cache, id)
end
if ARGV[7] ~= '' then
  redis.call('HSET', key, 'x', ARGV[7])
  redis.call('ZADD', base .. 'expire', ARGV[7], id)
end
index(id, kind, state, tags)
if state == 'pending' then carry(id, kind, now) else wait_until(id, start) end
announce(id, kind, state, 't')
return {'created', state, int(start)}
