-- One queue's part of a page, newest first.
--   KEYS[1] wl:{<queue>}:n
--   ARGV[3] upper bound as ZREVRANGEBYLEX takes it   ARGV[4] lower bound
--   ARGV[5] how many   ARGV[6] kinds, ARGV[7] states, ARGV[8] tags, each a JSON array; empty means any
--   ARGV[9] how many ids may be looked at when several tags must all match
-- Returns {id where the look-up stopped early or '', then for each task: id, fields and values in one array}.
-- Sets that could hold a match are those whose count is above zero: kinds times states, however many tasks.
local many = tonumber(ARGV[5])
local function set_of(json)
  local set, any = {}, true
  for _, v in ipairs(cjson.decode(json)) do
    set[v] = true
    any = false
  end
  return set, any
end
local kinds, any_kind = set_of(ARGV[6])
local states, any_state = set_of(ARGV[7])
local tags = cjson.decode(ARGV[8])

local keys = {}
local counts = redis.call('HGETALL', base .. 'n')
for i = 1, #counts, 2 do
  local kind, state = string.match(counts[i], '^(.*):(.-)$')
  if tonumber(counts[i + 1]) > 0 and (any_kind or kinds[kind]) and (any_state or states[state]) then
    local key = base .. 'i:' .. counts[i]
    if #tags > 0 then key = key .. ':' .. tags[1] end
    table.insert(keys, key)
  end
end

-- With one tag or none every id of these sets matches; with more, each is checked.
local budget = many
if #tags > 1 then budget = tonumber(ARGV[9]) end
local ids = {}
for _, key in ipairs(keys) do
  for _, task in ipairs(redis.call('ZREVRANGEBYLEX', key, ARGV[3], ARGV[4], 'LIMIT', 0, budget)) do
    table.insert(ids, task)
  end
end
table.sort(ids, function(a, b) return a > b end)

local function has_all(task)
  local have = {}
  for _, tag in ipairs(cjson.decode(redis.call('HGET', record(task), 'tg') or '[]')) do have[tag] = true end
  for _, tag in ipairs(tags) do
    if not have[tag] then return false end
  end
  return true
end

local reply = {''}
for i, task in ipairs(ids) do
  if #reply > many then break end
  if i > budget then
    reply[1] = ids[i - 1]
    break
  end
  if #tags < 2 or has_all(task) then
    local names = {'k', 's', 'sub', 'sum', 'po', 'tg', 'u', 'c', 'r', 'st', 'f', 'x', 'v', 'n', 'us', 'cr', 'ov', 'pd', 'pt', 'pm', 'er', 'by'}
    local last = redis.call('HGET', record(task), 'n')
    if last then
      for n = math.max(1, tonumber(last) - @listed@ + 1), tonumber(last) do
        table.insert(names, 'a' .. int(n))
        table.insert(names, 'w' .. int(n))
      end
    end
    local values = redis.call('HMGET', record(task), unpack(names))
    local row = {task}
    for n, value in ipairs(values) do
      if value then
        table.insert(row, names[n])
        table.insert(row, value)
      end
    end
    table.insert(reply, row)
  end
end
if #tags > 1 and reply[1] == '' and #reply <= many and #ids == budget then reply[1] = ids[#ids] end
return reply
