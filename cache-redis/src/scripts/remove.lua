-- Removes an entry, if it is still the one that was seen. A lease that lies on it stays.
-- KEYS[1] slot; ARGV identity
local slot = KEYS[1]
if redis.pcall('GETRANGE', slot, 4, 19) ~= ARGV[1] then return 0 end
local lease = redis.call('GETRANGE', slot, 20, 43)
if string.sub(lease, 1, 16) == string.rep('\0', 16) then return redis.call('UNLINK', slot) end
local time = redis.call('TIME')
local left = struct.unpack('>I8', string.sub(lease, 17)) - time[1] * 1000 - math.floor(time[2] / 1000)
if left <= 0 then return redis.call('UNLINK', slot) end
redis.call('SET', slot, 'LRD2' .. string.rep('\0', 16) .. lease .. '\0', 'PX', left)
return 1
