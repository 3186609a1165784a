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

# KEYS: the stream, its leases; ARGV: the stream's expected length, how long leases last, how many workers start trials,
# how many others there are, then both, then events. Only the first write can fail, so all or none are done.
APPEND = (
    _LEASES
    + """
local length = redis.call('XLEN', KEYS[1])
if length ~= tonumber(ARGV[1]) then return {length} end
local starting, others = tonumber(ARGV[3]), tonumber(ARGV[4])
for i = 5, 4 + starting do
    if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 0 then return {-2, ARGV[i]} end
end
local answer = {-1}
for i = 5, 4 + starting + others do
    if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 then
        redis.call('HSET', KEYS[2], ARGV[i], lease(ARGV[2]))
        answer[#answer + 1] = ARGV[i]
    end
end
for i = 5 + starting + others, #ARGV do
    redis.call('XADD', KEYS[1], string.format('%.0f-0', length + i - 4 - starting - others), 'event', ARGV[i])
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

# KEYS: the names, the stream, its leases; ARGV: the name, the stream's token.
DELETE = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('UNLINK', KEYS[2], KEYS[3])
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
