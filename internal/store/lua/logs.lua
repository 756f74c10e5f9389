-- Reads log lines.
--   KEYS[1] record   ARGV[3] after this sequence number   ARGV[4] how many at most
-- Returns nil when there is no such task, else {lines ever written, sequence number of the first line returned, lines...}.
local written = redis.call('HGET', record(id), 'ln')
if not written then
  if redis.call('EXISTS', record(id)) == 0 then return nil end
  return {0, 1}
end
local lines = base .. 'l:' .. id
local kept, many = redis.call('LLEN', lines), tonumber(ARGV[4])
local dropped = tonumber(written) - kept
local from = math.min(math.max(tonumber(ARGV[3]) - dropped, 0), kept)
local reply = {}
if many > 0 then reply = redis.call('LRANGE', lines, from, from + many - 1) end
table.insert(reply, 1, dropped + from + 1)
table.insert(reply, 1, tonumber(written))
return reply
