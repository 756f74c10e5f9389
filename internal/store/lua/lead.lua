-- Takes, keeps or gives up the lead among the processes that could sweep.
--   KEYS[1] wl:{.lead}:n   ARGV[3] process   ARGV[4] lease (ms), 0 gives the lead up
-- Returns {number of the lead or 0 when another has it, process that leads or ''}. The number grows
-- with each change of the lead, so a late step of an earlier leader can be told.
--   wl:{.lead}:holder  string  process that leads
--   wl:{.lead}:number  string  number of the last lead
local holder = redis.call('GET', base .. 'holder')
if holder and holder ~= ARGV[3] then return {0, holder} end
if ARGV[4] == '0' then
  redis.call('DEL', base .. 'holder')
  return {0, ''}
end
if not holder then redis.call('INCR', base .. 'number') end
redis.call('SET', base .. 'holder', ARGV[3], 'PX', ARGV[4])
return {tonumber(redis.call('GET', base .. 'number')), ARGV[3]}
