-- Changes bytes of an entry in place, if it is still the one that was seen, and its time to live.
-- KEYS[1] slot; ARGV identity, milliseconds ('' for ever), then place and bytes of each change
local slot = KEYS[1]
if redis.pcall('GETRANGE', slot, 4, 19) ~= ARGV[1] then return 0 end
for i = 3, #ARGV, 2 do redis.call('SETRANGE', slot, ARGV[i], ARGV[i + 1]) end
if ARGV[2] == '' then
  redis.call('PERSIST', slot)
else
  -- Not before a lease that lies on it ends; who reads the entry looks at its own time.
  local lives = tonumber(ARGV[2])
  local ends = struct.unpack('>I8', redis.call('GETRANGE', slot, 36, 43))
  local time = redis.call('TIME')
  local left = ends - time[1] * 1000 - math.floor(time[2] / 1000)
  if left > lives and left <= 600000 then lives = left end
  redis.call('PEXPIRE', slot, lives)
end
return 1
