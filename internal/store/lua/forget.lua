-- Takes a queue off the list of queues, and notes when, in one step: whoever looks after queues
-- looks at it again.
--   KEYS[1] wl:queues   KEYS[2] wl:{wl:queues}:gone, of the same slot   ARGV[1] the queue
--   wl:{wl:queues}:gone  zset  queues that were taken off the list lately, by when (ms)
local t = redis.call('TIME')
redis.call('ZADD', KEYS[2], string.format('%d', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)), ARGV[1])
return redis.call('SREM', KEYS[1], ARGV[1])
