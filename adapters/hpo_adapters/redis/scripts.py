"""Scripts that a Redis server runs one after the other: everything that changes a journal or the leases on it."""

_LEASES = """
local function now()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function lease(lasts)
    return string.format('%.0f %.0f', now() + lasts, lasts)
end
local function expires(lease)
    return tonumber(string.match(lease, '^%d+'))
end
"""

# Whose turn it is to append is a key that expires, with the name that its writer has for this turn. A list holds one item
# while it is nobody's turn; writers wait for that item in the order in which they came. Both keys may be lost: a turn only
# makes conflicts rare, and APPEND checks what it depends on.
_TURNS = """
local function pass_on(list)
    redis.call('DEL', list)
    redis.call('LPUSH', list, '1')
    redis.call('PEXPIRE', list, 60000)
end
"""

# KEYS: the list, the turn.
QUEUE_UP = _TURNS + "if redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then pass_on(KEYS[1]) end return 0"

# KEYS: the turn, the stream; ARGV: the turn's name, how long it lasts, the first entry to return, and how many. The answer
# is one string with a line for each entry, its id and its event, because a client takes long to read nested arrays.
BEGIN_TURN = """
local whose = redis.call('GET', KEYS[1])
if whose and whose ~= ARGV[1] then return {0} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local lines = redis.call('XRANGE', KEYS[2], ARGV[3], '+', 'COUNT', ARGV[4])
for i, entry in ipairs(lines) do
    local fields = entry[2]
    lines[i] = (#fields == 2 and fields[1] == 'event') and entry[1] .. ' ' .. fields[2] or '?'
end
return {1, table.concat(lines, '\\n')}
"""

# KEYS: the list, the turn; ARGV: the turn's name.
END_TURN = (
    _TURNS
    + """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
pass_on(KEYS[1])
return 1
"""
)

# KEYS: the stream, its leases, the list and the turn; ARGV: the stream's expected length, the beginning of its last event
# as far as that is known, the name of this writer's turn or '', how long leases last, how many workers start trials, how
# many others there are, the number of events that the writer has seen, then both, then events. Only the first write can
# fail, so all or none are done. The answer is -1 and the workers whose leases were renewed; -2 and a worker without a
# lease; or -3, the stream's length and its last entry that the writer has seen, and nothing was done.
APPEND = (
    _LEASES
    + _TURNS
    + """
local length, turn = tonumber(ARGV[1]), ARGV[3]
local function refuse()
    return {-3, redis.call('XLEN', KEYS[1]), redis.call('XRANGE', KEYS[1], ARGV[7] .. '-0', ARGV[7] .. '-0')}
end
local whose = redis.call('GET', KEYS[4])
if whose == turn and turn ~= '' then
    redis.call('DEL', KEYS[4])
    pass_on(KEYS[3])
elseif whose then
    return refuse()
end
if redis.call('XLEN', KEYS[1]) ~= length then return refuse() end
if ARGV[2] ~= '' then
    local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
    if not last[1] or string.sub(last[1][2][2] or '', 1, #ARGV[2]) ~= ARGV[2] then return refuse() end
end
local starting, others = tonumber(ARGV[5]), tonumber(ARGV[6])
for i = 8, 7 + starting do
    if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 0 then return {-2, ARGV[i]} end
end
local answer = {-1}
for i = 8, 7 + starting + others do
    if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 then
        redis.call('HSET', KEYS[2], ARGV[i], lease(ARGV[4]))
        answer[#answer + 1] = ARGV[i]
    end
end
for i = 8 + starting + others, #ARGV do
    redis.call('XADD', KEYS[1], string.format('%.0f-0', length + i - 7 - starting - others), 'event', ARGV[i])
end
return answer
"""
)

# KEYS: the names, a new stream; ARGV: the name, the stream's token, then events.
CREATE = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
for i = 3, #ARGV do
    redis.call('XADD', KEYS[2], string.format('%.0f-0', i - 2), 'event', ARGV[i])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""

# KEYS: the names, the stream, its leases, the list and the turn; ARGV: the name, the stream's token.
DELETE = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
"""


# KEYS: the stream, its leases; ARGV: a worker, how long its lease lasts, for how long old ones are kept.
BEGIN = (
    _LEASES
    + """
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local leases = redis.call('HGETALL', KEYS[2])
for i = 1, #leases, 2 do
    if expires(leases[i + 1]) < now() - ARGV[3] then redis.call('HDEL', KEYS[2], leases[i]) end
end
return redis.call('HSETNX', KEYS[2], ARGV[1], lease(ARGV[2]))
"""
)

# KEYS: leases; ARGV: a worker, how long its lease lasts.
RENEW = (
    _LEASES
    + """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], lease(ARGV[2]))
return 1
"""
)

# KEYS: leases; ARGV: a worker.
END = "return redis.call('HDEL', KEYS[1], ARGV[1])"

# KEYS: leases; ARGV: a worker.
LOOK = (
    _LEASES
    + """
local found = redis.call('HGET', KEYS[1], ARGV[1])
if not found then return {} end
return {expires(found) - now(), tonumber(string.match(found, '%d+$'))}
"""
)

# KEYS: leases; ARGV: a worker.
END_LATE = (
    _LEASES
    + """
local found = redis.call('HGET', KEYS[1], ARGV[1])
if not found or expires(found) >= now() then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
"""
)
