-- Tells the leader whether to publish the period that it is now, and notes that it has.
--   KEYS[1] wl:{.lead}:n   ARGV[3] number of the lead   ARGV[4] length of a period (ms)
--   ARGV[5] '' to ask, or the start (ms) of the period that was published
-- Returns the start (ms) of the period to publish, or 0 when it is published or another leads.
-- When it notes: 1, or 0 when another leads.
--   wl:{.lead}:period  string  start of the last period that was published
-- It is noted after publication, so a leader that dies in between leaves the period to the next
-- one: it may be seen twice, and not never.
if redis.call('GET', base .. 'number') ~= ARGV[3] then return 0 end
if ARGV[5] ~= '' then
  redis.call('SET', base .. 'period', ARGV[5])
  return 1
end
local now, length = clock(), tonumber(ARGV[4])
local start = int(now - now % length)
if redis.call('GET', base .. 'period') == start then return 0 end
return tonumber(start)
