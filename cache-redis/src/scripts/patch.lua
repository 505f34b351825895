-- Changes bytes of an entry in place, if it is still the one that was seen, and its time to live.
-- KEYS[1] slot; ARGV identity, milliseconds ('' for ever), then place and bytes of each change
local slot = KEYS[1]
if redis.pcall('GETRANGE', slot, 4, 19) ~= ARGV[1] then return 0 end
for i = 3, #ARGV, 2 do redis.call('SETRANGE', slot, ARGV[i], ARGV[i + 1]) end
if ARGV[2] == '' then
  redis.call('PERSIST', slot)
else
  redis.call('PEXPIRE', slot, ARGV[2])
end
return 1
