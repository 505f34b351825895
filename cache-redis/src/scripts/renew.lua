-- Lets a lease last longer, if it is still there.
-- KEYS[1] slot; ARGV token, milliseconds
local slot, token, lasts = KEYS[1], ARGV[1], tonumber(ARGV[2])
local held = redis.pcall('GETRANGE', slot, 20, 35)
if held ~= token then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SETRANGE', slot, 36, struct.pack('>I8', now + lasts))
local left = redis.call('PTTL', slot)
if left >= 0 and left < lasts then redis.call('PEXPIRE', slot, lasts) end
return 1
