-- Hands out permits of one rate to one process (GCRA: the key holds the time at
-- which everything that was handed out will have been earned).
-- KEYS   1 the rate of one client
-- ARGV   1 how long a permit takes to earn, us; 2 how many may be had at once;
--        3 owed: permits used already, which are charged in any case; 4 need: the least
--        that is of use; 5 want: the most that is asked for
-- RESULT {granted, left after that, us until need could be had (0: it was), us until all could be}
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local owed, need, want = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local earned = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + owed * interval
-- What is less than a millionth of a permit is rounding.
local free = burst - math.ceil((earned - now) / interval - 0.000001)
local granted, wait = 0, 0
if free >= need then
  granted = math.max(math.min(want, free), 0)
  earned = earned + granted * interval
else
  wait = math.max(earned - now + need * interval - burst * interval, 0)
end
local all = earned - now
if all > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', earned), 'PX', math.ceil(all / 1000))
end
return {granted, math.max(free - granted, 0), math.ceil(wait), math.ceil(all)}
