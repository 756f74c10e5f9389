-- Keeps what a worker says of itself.
--   KEYS[1] wl:{.workers}:n   ARGV[3] worker's id   ARGV[4] what it says, as JSON
redis.call('HSET', base .. 'said', ARGV[3], ARGV[4])
return 1
