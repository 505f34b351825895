-- Appends events to a stream, each with the id of the one before it, so that readers notice what is
-- gone between two; and drops what is too old.
-- KEYS: the stream. ARGV: how many entries to keep, for how many milliseconds; then origin, name and
-- payload of each event, the name empty for "some are missing".
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local after = last[1] and last[1][1] or '0-0'
for i = 3, #ARGV, 3 do
  after = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*',
    'after', after, 'origin', ARGV[i], 'event', ARGV[i + 1], 'payload', ARGV[i + 2])
end
local now = redis.call('TIME')
local oldest = now[1] * 1000 - ARGV[2]
if oldest > 0 then
  redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', oldest))
end
