-- Replaces one stored secret if it is still as the caller saw it. Stands without the prelude.
--   KEYS[1] wl:secrets   hash: name -> the secret as JSON, its values sealed
--   ARGV[1] name   ARGV[2] what stands there, '' for nothing   ARGV[3] what is to stand there, '' for nothing
--   ARGV[4] how many secrets there may be
-- Returns 'ok', 'changed' when something else stands there, or 'full'.
local now = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if now ~= ARGV[2] then return 'changed' end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
elseif now == '' and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then
  return 'full'
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
return 'ok'
