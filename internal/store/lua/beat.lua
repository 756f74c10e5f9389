-- Keeps what a worker or another process says of itself.
--   KEYS[1] wl:{.workers}:n or wl:{.processes}:n   ARGV[3] its id   ARGV[4] what it says, as JSON
redis.call('HSET', base .. 'said', ARGV[3], ARGV[4])
return 1
