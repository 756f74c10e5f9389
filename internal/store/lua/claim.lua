-- Takes the next tasks of the queue off asynq's line and starts an attempt at each.
-- Ids whose record no longer waits (canceled, deleted, expired, carried twice) are dropped on the way.
--   KEYS[1] wl:{<queue>}:n   ARGV[3] worker's id   ARGV[4] lease (ms)   ARGV[5] how many at most
--   ARGV[6] token of this call: sent again it gets the same answer, so a lost reply loses nothing
--   ARGV[7...] ids to leave in the line: this worker still runs an earlier attempt of theirs
-- Returns {now (ms), '1' when the line may hold more, then for each task: {id, number of the attempt,
-- checkpoint or nil, {fields and values of the record as it was just before}}}. asynq's pause key
-- stops the queue.
local worker, lease, many, token = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local taken = base .. 'take:' .. worker
local now = clock()
local at, till = int(now), int(now + lease)
local reply, got = {at, '0'}, {}

-- Reads a record as it is in Redis, and by the fields that the prelude needs.
local function read(task)
  local flat, r = redis.call('HGETALL', record(task)), {}
  for i = 1, #flat, 2 do r[flat[i]] = flat[i + 1] end
  return r, flat
end

local function give(task, number, flat)
  join('lease', till, task)
  got[#got + 1] = task
  reply[#reply + 1] = {task, number, number > 1 and redis.call('GET', base .. 'k:' .. task), flat}
end

local function begin(task, r, flat)
  local number = tonumber(r.n or 0) + 1
  local n = int(number)
  if r.pd or number > @attempts@ then
    local old = int(number - @attempts@)
    redis.call('HDEL', record(task), 'pd', 'pt', 'pm', 'a' .. old, 'w' .. old)
  end
  if r.st then
    move(task, r, 'active', 'n', n, 'w' .. n, worker, 'a' .. n, at .. '|||')
  else
    if r.x then leave('expire', task) end
    move(task, r, 'active', 'n', n, 'w' .. n, worker, 'a' .. n, at .. '|||', 'st', at)
  end
  give(task, number, flat)
end

local kept = redis.call('GET', taken)
if kept and string.sub(kept, 1, #token + 1) == token .. ' ' then
  for task in string.gmatch(string.sub(kept, #token + 2), '%S+') do
    local r, flat = read(task)
    if r.s == 'active' and r['w' .. r.n] == worker then give(task, tonumber(r.n), flat) end
  end
  redis.call('PEXPIRE', taken, lease)
  reply[2] = '1'
  settle()
  return reply
end

if redis.call('EXISTS', asynq .. 'paused') == 1 then return reply end
local left, back = {}, {}
for i = 7, #ARGV do left[ARGV[i]] = true end
local looked = 0
while #got < many and looked < many + 100 do
  local tasks = redis.call('RPOP', asynq .. 'pending', many - #got)
  if not tasks or #tasks == 0 then break end
  looked = looked + #tasks
  for _, task in ipairs(tasks) do
    if left[task] then
      back[#back + 1] = task
    else
      local r, flat = read(task)
      drops[#drops + 1] = asynq .. 't:' .. task
      if r.s == 'pending' and r.x and not r.st and tonumber(r.x) <= now then
        finish(task, r, 'expired', now)
      elseif r.s == 'pending' then
        begin(task, r, flat)
      end
    end
  end
end
if #back > 0 then redis.call('LPUSH', asynq .. 'pending', unpack(back)) end
if #got == many or looked >= many + 100 then reply[2] = '1' end
if #got > 0 then redis.call('SET', taken, token .. ' ' .. table.concat(got, ' '), 'PX', lease) end
settle()
return reply
