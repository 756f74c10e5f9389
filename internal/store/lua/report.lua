-- Writes what an attempt reports while it runs: progress, log lines, a checkpoint.
--   KEYS[1] record   ARGV[3] attempt number   ARGV[4] which report of the attempt this is: one that
--   was written already is not written again; 0 writes each time   ARGV[5] '1' when progress follows
--   ARGV[6] done  ARGV[7] total  ARGV[8] message   ARGV[9] checkpoint or ''
--   ARGV[10...] log lines as JSON
-- Returns 1, or 0 when the attempt is no longer the task's current one (nothing is written).
local key = record(id)
local r = load(id)
if r.s ~= 'active' or r.n ~= ARGV[3] then return 0 end
local this = ARGV[3] .. '.' .. ARGV[4]
if ARGV[4] ~= '0' and r.rp == this then return 1 end
redis.call('HSET', key, 'rp', this)
if ARGV[5] == '1' then
  redis.call('HSET', key, 'pd', ARGV[6], 'pt', ARGV[7], 'pm', ARGV[8], 'v', int(r.v + 1))
  announce(id, r.k, r.s, 't')
end
if ARGV[9] ~= '' then redis.call('SET', base .. 'k:' .. id, ARGV[9]) end
if #ARGV > 9 then
  local lines = base .. 'l:' .. id
  for i = 10, #ARGV do redis.call('RPUSH', lines, ARGV[i]) end
  redis.call('LTRIM', lines, -@lines@, -1)
  redis.call('HINCRBY', key, 'ln', #ARGV - 9)
  announce(id, r.k, r.s, 'l')
end
settle()
return 1
