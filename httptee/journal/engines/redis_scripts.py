"""What has to happen at once inside a Redis server, as scripts of Lua. These are of a topic: `redis_group_scripts` are
those of a group.

The keys of a topic T, all with `{T}` in them, so that a cluster keeps them together. P is a partition, G a group:

    {T}:about              hash: `partitions`; `forgets`, there once writers were forgotten
    {T}:P                  stream: w writer, n number, s stamp, p payload
    {T}:P:last             hash: writer -> number:stamp of its last message, whatever became of the stream
    {T}:P:gone             hash: writer -> number:stamp of what was removed because it was settled, or by `trim`
    {T}:groups             set of the groups
    {T}:documents          hash: name -> document
    {T}:aside              stream of what was set aside
    {T}:g:G:members        sorted set: token -> when its lease ends, in ms
    {T}:g:G:grace          there while nobody takes a partition that is free
    {T}:g:G:P:owner        the token of the owner; expires with its lease, and then another may take the partition
    {T}:g:G:P              hash: `taken`, the token of the owner until another takes the partition; `low`, the place up
                           to which all is settled
    {T}:g:G:P:marks        hash: writer -> number:stamp at `low`
    {T}:g:G:P:done         hash: place -> number:stamp:writer of what is settled beyond `low`
    {T}:g:G:P:state        what `save` stored

A server that is full refuses a script at its first command that may need memory, and none once a script has written:
so whatever makes room begins with a DEL of nothing, and `APPEND` does not.
"""

# KEYS: about, then stream, last and gone of each partition. ARGV: partitions; for each message the place of its stream
# in KEYS, its writer, number, stamp, payload. Returns how many were new, or -N where the topic has N partitions.
APPEND = """
local partitions = redis.call('HGET', KEYS[1], 'partitions')
if partitions and partitions ~= ARGV[1] then return -tonumber(partitions) end
local known, added = {}, 0
for i = 2, #ARGV, 5 do
    local at, writer, number = tonumber(ARGV[i]), ARGV[i + 1], tonumber(ARGV[i + 2])
    local slot = at .. ':' .. writer
    if not known[slot] then
        local mark = redis.call('HGET', KEYS[at + 1], writer)
        known[slot] = {at + 1, writer, mark and tonumber(string.match(mark, '^%d+')) or 0, false}
        if not mark and number > 1 and redis.call('HEXISTS', KEYS[1], 'forgets') == 1 then
            -- It was forgotten, and what it wrote before is settled.
            redis.call('HSET', KEYS[at + 2], writer, string.format('%.0f:%s', number - 1, ARGV[i + 3]))
        end
    end
    if number > known[slot][3] then
        redis.call('XADD', KEYS[at], '*', 'w', writer, 'n', ARGV[i + 2], 's', ARGV[i + 3], 'p', ARGV[i + 4])
        known[slot][3], known[slot][4] = number, ARGV[i + 2] .. ':' .. ARGV[i + 3]
        added = added + 1
    end
end
for _, slot in pairs(known) do
    if slot[4] then redis.call('HSET', KEYS[slot[1]], slot[2], slot[4]) end
end
if added > 0 and not partitions then redis.call('HSET', KEYS[1], 'partitions', ARGV[1]) end
return added
"""

# KEYS: groups, then stream, last, gone, marks and done of each partition. ARGV: partitions, 1 if what is settled is
# kept. Returns how many are not settled. With one group, what is in the streams is just that. It is asked many times a
# second, and there is a number for each start of each writer: these are looked at only where they have to be.
DEPTH = """
local depth = 0
if ARGV[2] ~= '1' and redis.call('SCARD', KEYS[1]) < 2 then
    for i = 2, #KEYS, 5 do depth = depth + redis.call('XLEN', KEYS[i]) end
    return depth
end
local function numbers(key)
    local found, pairs = {}, redis.call('HGETALL', key)
    for i = 1, #pairs, 2 do found[pairs[i]] = tonumber(string.match(pairs[i + 1], '^%d+')) end
    return found
end
for i = 0, tonumber(ARGV[1]) - 1 do
    local at = 3 + 5 * i
    local gone, marks = numbers(KEYS[at + 1]), numbers(KEYS[at + 2])
    for writer, number in pairs(numbers(KEYS[at])) do
        local behind = number - math.max(gone[writer] or 0, marks[writer] or 0)
        if behind > 0 then depth = depth + behind end
    end
    depth = depth - redis.call('HLEN', KEYS[at + 3])
end
return math.max(0, depth)
"""

# KEYS: documents. ARGV: name, document. A server that is full takes documents too: they take the place of earlier ones.
PUT = """
redis.call('DEL', KEYS[1] .. ':')
return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
"""

# KEYS: the streams. Returns of each how many bytes of memory it takes, how many messages it has, and its first place.
SIZES = """
local sizes = {}
for i, key in ipairs(KEYS) do
    local first = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
    if first then
        sizes[i] = {redis.call('MEMORY', 'USAGE', key), redis.call('XLEN', key), first[1]}
    else
        sizes[i] = {0, 0, ''}
    end
end
return sizes
"""

# KEYS: stream, gone, groups. ARGV: how many at most; the ms since the epoch before which they came in, or 0; the
# topic's prefix; partition. Removes the oldest. Returns how many; then how many of them a group has not settled, or
# all if there is no group, and the stamps of the first and the last of these.
TRIM = """
redis.call('DEL', KEYS[1] .. ':')
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])
local function place(cursor)
    local ms, seq = string.match(cursor, '(%d+)-(%d+)')
    return tonumber(ms), tonumber(seq)
end
local groups = {}
for _, group in ipairs(redis.call('SMEMBERS', KEYS[3])) do
    local key = ARGV[3] .. ':g:' .. group .. ':' .. ARGV[4]
    local ms, seq = place(redis.call('HGET', key, 'low') or '0-0')
    groups[#groups + 1] = {ms, seq, key .. ':done'}
end
local removed, unread, first, last = 0, 0, '0', '0'
for _, entry in ipairs(entries) do
    local ms, seq = place(entry[1])
    if ARGV[2] ~= '0' and ms >= tonumber(ARGV[2]) then break end
    local open, fields = #groups == 0, {}
    for _, group in ipairs(groups) do
        local settled = ms < group[1] or (ms == group[1] and seq <= group[2])
        if not settled and redis.call('HDEL', group[3], entry[1]) == 0 then open = true end
    end
    for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
    if open then
        if unread == 0 then first = fields['s'] end
        unread, last = unread + 1, fields['s']
    end
    redis.call('XDEL', KEYS[1], entry[1])
    redis.call('HSET', KEYS[2], fields['w'], fields['n'] .. ':' .. fields['s'])
    removed = removed + 1
end
return {removed, unread, first, last}
"""
