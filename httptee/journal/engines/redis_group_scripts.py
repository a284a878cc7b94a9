"""The scripts of a group of readers: `redis_scripts` has the names of the keys, and why some begin with a DEL."""

# KEYS: about, groups, members, grace, then the owner and the group's hash of each partition. ARGV: partitions, group,
# token, lease in ms, then for each partition 1 if it is held. Returns the share of this member, the partitions that it
# owns now, and those of them that it goes on with although the server knows nothing of the group any more: then all
# have the time of a lease for that, before anybody takes what seems to be free.
KEEP = """
redis.call('DEL', KEYS[1] .. ':')
local partitions = redis.call('HGET', KEYS[1], 'partitions')
if not partitions then
    redis.call('HSET', KEYS[1], 'partitions', ARGV[1])
elseif partitions ~= ARGV[1] then
    return {-tonumber(partitions), {}, {}}
end
redis.call('SADD', KEYS[2], ARGV[2])
local time = redis.call('TIME')
local now, token, lease = time[1] * 1000 + math.floor(time[2] / 1000), ARGV[3], tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
redis.call('ZADD', KEYS[3], now + lease, token)
local members, rank = redis.call('ZRANGE', KEYS[3], 0, -1), 0
table.sort(members)
for i, member in ipairs(members) do if member == token then rank = i - 1 end end
local count = tonumber(ARGV[1])
local share = math.floor(count / #members)
if rank < count % #members then share = share + 1 end
local owned, revived, free = {}, {}, {}
for partition = 0, count - 1 do
    local owner, hash = KEYS[5 + 2 * partition], KEYS[6 + 2 * partition]
    local there, held = redis.call('GET', owner), ARGV[5 + partition] == '1'
    if held and not there and redis.call('EXISTS', hash) == 0 then
        revived[#revived + 1] = partition
        redis.call('HSET', hash, 'taken', token, 'low', '0-0')
        redis.call('SET', KEYS[4], '1', 'PX', lease)
    end
    if (there == token or not there) and redis.call('HGET', hash, 'taken') == token then
        redis.call('SET', owner, token, 'PX', lease)
        owned[#owned + 1] = partition
    elseif not there and not held then
        free[#free + 1] = partition
    end
end
if redis.call('EXISTS', KEYS[4]) == 1 then free = {} end
for i = 0, #free - 1 do
    if #owned >= share then break end
    -- Each begins elsewhere, so that those that join at once take different ones.
    local partition = free[(i + rank * math.max(1, math.floor(#free / #members))) % #free + 1]
    redis.call('SET', KEYS[5 + 2 * partition], token, 'PX', lease)
    redis.call('HSET', KEYS[6 + 2 * partition], 'taken', token)
    owned[#owned + 1] = partition
end
return {share, owned, revived}
"""

# KEYS: the members, then the owner and the group's hash of each partition that is given back. ARGV: token, 1 if the
# member leaves altogether. Returns nothing.
RELEASE = """
redis.call('DEL', KEYS[1] .. ':')
if ARGV[2] == '1' then redis.call('ZREM', KEYS[1], ARGV[1]) end
for i = 2, #KEYS, 2 do
    if redis.call('HGET', KEYS[i + 1], 'taken') == ARGV[1] then
        redis.call('DEL', KEYS[i])
        redis.call('HDEL', KEYS[i + 1], 'taken')
    end
end
return 0
"""

# KEYS: the group's hash of the partition, marks, done, state, stream, gone, groups. ARGV: topic's prefix, partition.
# Returns low, marks, done. A group that is new here begins with what the others have left in the stream.
BEGIN = """
redis.call('DEL', KEYS[1] .. ':')
local low = redis.call('HGET', KEYS[1], 'low')
if not low then
    low = '0-0'
    redis.call('HSET', KEYS[1], 'low', low)
    local gone = redis.call('HGETALL', KEYS[6])
    for i = 1, #gone, 2 do redis.call('HSET', KEYS[2], gone[i], gone[i + 1]) end
    for _, other in ipairs(redis.call('SMEMBERS', KEYS[7])) do
        local done = redis.call('HGETALL', ARGV[1] .. ':g:' .. other .. ':' .. ARGV[2] .. ':done')
        for i = 1, #done, 2 do
            if #redis.call('XRANGE', KEYS[5], done[i], done[i]) == 0 then
                redis.call('HSET', KEYS[3], done[i], done[i + 1])
            end
        end
    end
end
return {low, redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3])}
"""

# KEYS: the group's hash of the partition, marks, done, state, stream, gone, groups. ARGV: token, topic's prefix,
# partition, 1 to keep what is settled, low or empty, the place after it, 1 and the state or 0 and nothing; how many
# marks, then writer and mark of each; how many done, then place and mark of each; then the places that low has passed.
# Returns 0 if the partition is not the token's, and -1 if the server knows nothing of the group any more.
SETTLE = """
redis.call('DEL', KEYS[1] .. ':')
if redis.call('HGET', KEYS[1], 'taken') ~= ARGV[1] then return -1 + redis.call('EXISTS', KEYS[1]) end
local low, at = ARGV[5], 9
if ARGV[7] == '1' then redis.call('SET', KEYS[4], ARGV[8]) end
local groups = redis.call('SMEMBERS', KEYS[7])
local marks = {}
for i = 1, tonumber(ARGV[at]) do
    redis.call('HSET', KEYS[2], ARGV[at + 1], ARGV[at + 2])
    marks[#marks + 1], marks[#marks + 2] = ARGV[at + 1], ARGV[at + 2]
    at = at + 2
end
at = at + 1
local single = #groups == 1 and ARGV[4] ~= '1'
for i = 1, tonumber(ARGV[at]) do
    redis.call('HSET', KEYS[3], ARGV[at + 1], ARGV[at + 2])
    if single then redis.call('XDEL', KEYS[5], ARGV[at + 1]) end
    at = at + 2
end
for i = at + 1, #ARGV do redis.call('HDEL', KEYS[3], ARGV[i]) end
if low == '' then return 1 end
redis.call('HSET', KEYS[1], 'low', low)
if ARGV[4] == '1' then return 1 end
local function behind(a, b)
    local ams, aseq = string.match(a, '(%d+)-(%d+)')
    local bms, bseq = string.match(b, '(%d+)-(%d+)')
    if ams ~= bms then return tonumber(ams) < tonumber(bms) end
    return tonumber(aseq) < tonumber(bseq)
end
local lowest, after = low, ARGV[6]
if not single then
    for _, group in ipairs(groups) do
        local key = ARGV[2] .. ':g:' .. group .. ':' .. ARGV[3]
        local other = redis.call('HGET', key, 'low')
        if not other or other == '0-0' then return 1 end
        if behind(other, lowest) then
            lowest, marks = other, redis.call('HGETALL', key .. ':marks')
            local ms, seq = string.match(other, '(%d+)-(%d+)')
            after = ms .. '-' .. string.format('%.0f', tonumber(seq) + 1)
        end
    end
    if lowest == low then marks = redis.call('HGETALL', KEYS[2]) end
end
redis.call('XTRIM', KEYS[5], 'MINID', after)
local function number(mark) return mark and tonumber(string.match(mark, '^%d+')) or 0 end
for i = 1, #marks, 2 do
    -- `trim` may have removed more by now.
    if number(marks[i + 1]) > number(redis.call('HGET', KEYS[6], marks[i])) then
        redis.call('HSET', KEYS[6], marks[i], marks[i + 1])
    end
end
return 1
"""

# KEYS: stream, last, the group's hash of the partition, marks, done. ARGV: the place after the position, the position.
# Returns 'more', or 'behind' where the stream was made anew below the position: then the group begins with it from the
# start, and knows by the numbers what it has had. Or else returns the marks of `last`.
END = """
if redis.call('EXISTS', KEYS[1]) == 1 then
    local info = redis.call('XINFO', 'STREAM', KEYS[1])
    for i = 1, #info, 2 do
        if info[i] == 'last-generated-id' then
            local ms, seq = string.match(info[i + 1], '(%d+)-(%d+)')
            local pms, pseq = string.match(ARGV[2], '(%d+)-(%d+)')
            ms, seq, pms, pseq = tonumber(ms), tonumber(seq), tonumber(pms), tonumber(pseq)
            if ms < pms or (ms == pms and seq < pseq) then
                redis.call('DEL', KEYS[5])
                redis.call('HSET', KEYS[3], 'low', '0-0')
                return 'behind'
            end
        end
    end
    if #redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', 1) > 0 then return 'more' end
end
return redis.call('HGETALL', KEYS[2])
"""

# KEYS: stream, last, gone, groups, about. ARGV: the topic's prefix, partition, how many ms a writer may be silent.
# Forgets writers that were silent for so long, if every group has settled all of theirs. Returns how many.
FORGET = """
redis.call('DEL', KEYS[1] .. ':')
local groups, forgotten = redis.call('SMEMBERS', KEYS[4]), 0
local time = redis.call('TIME')
local before = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[3])
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if #groups == 0 or (first and tonumber(string.match(first[1], '^%d+')) < before) then return 0 end
local last = redis.call('HGETALL', KEYS[2])
for i = 1, #last, 2 do
    local number, stamp = string.match(last[i + 1], '^(%d+):(%d+)$')
    local settled = tonumber(stamp) / 1000000 < before
    for _, group in ipairs(groups) do
        local marks = ARGV[1] .. ':g:' .. group .. ':' .. ARGV[2] .. ':marks'
        local mark = settled and redis.call('HGET', marks, last[i])
        settled = mark and tonumber(string.match(mark, '^%d+')) >= tonumber(number)
    end
    if settled then
        redis.call('HDEL', KEYS[2], last[i])
        redis.call('HDEL', KEYS[3], last[i])
        for _, group in ipairs(groups) do
            redis.call('HDEL', ARGV[1] .. ':g:' .. group .. ':' .. ARGV[2] .. ':marks', last[i])
        end
        redis.call('HSET', KEYS[5], 'forgets', '1')
        forgotten = forgotten + 1
    end
end
return forgotten
"""
