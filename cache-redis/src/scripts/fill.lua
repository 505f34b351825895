-- Stores an entry, if the lease it was loaded under is still there.
-- KEYS[1] slot; ARGV token, entry, milliseconds ('' for ever)
local held = redis.pcall('GETRANGE', KEYS[1], 20, 35)
if held ~= ARGV[1] then return 0 end
if ARGV[3] == '' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
