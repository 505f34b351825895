-- Appends records to a stream, each with the id of the one before it, so that readers notice what is
-- gone between two; and drops what is too old.
-- KEYS: the stream. ARGV: how many entries to keep, for how many milliseconds; then of each record how
-- many arguments follow for it, and its fields.
local last = redis.pcall('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local after = last[1] and last[1][1] or '0-0'
-- Something else at the key, or an entry behind which there is no place: nothing could be appended any
-- more. The stream begins anew, and readers are told that they missed something.
if last.err or after == '18446744073709551615-18446744073709551615' then
  redis.call('DEL', KEYS[1])
  after = redis.call('XADD', KEYS[1], '*', 'after', '0-0', 'gap', '1')
end
local i = 3
while i <= #ARGV do
  local fields = tonumber(ARGV[i])
  after = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*',
    'after', after, unpack(ARGV, i + 1, i + fields))
  i = i + 1 + fields
end
local now = redis.call('TIME')
local oldest = now[1] * 1000 - ARGV[2]
if oldest > 0 then
  redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', oldest))
end
