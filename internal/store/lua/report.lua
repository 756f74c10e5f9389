-- Writes what an attempt reports while it runs: progress, log lines, a checkpoint.
--   KEYS[1] record   ARGV[3] attempt number   ARGV[4] '1' when progress follows
--   ARGV[5] done  ARGV[6] total  ARGV[7] message   ARGV[8] checkpoint or ''
--   ARGV[9...] log lines as JSON
-- Returns 1, or 0 when the attempt is no longer the task's current one (nothing is written).
local key = record(id)
local state, number, kind = unpack(redis.call('HMGET', key, 's', 'n', 'k'))
if state ~= 'active' or number ~= ARGV[3] then return 0 end
if ARGV[4] == '1' then
  redis.call('HSET', key, 'pd', ARGV[5], 'pt', ARGV[6], 'pm', ARGV[7])
  redis.call('HINCRBY', key, 'v', 1)
  announce(id, kind, state, 't')
end
if ARGV[8] ~= '' then redis.call('SET', base .. 'k:' .. id, ARGV[8]) end
if #ARGV > 8 then
  local lines = base .. 'l:' .. id
  for i = 9, #ARGV do redis.call('RPUSH', lines, ARGV[i]) end
  redis.call('LTRIM', lines, -@lines@, -1)
  redis.call('HINCRBY', key, 'ln', #ARGV - 8)
  announce(id, kind, state, 'l')
end
return 1
