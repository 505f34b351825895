-- Stores an entry, if the lease it was loaded under is still there.
-- KEYS[1] slot; ARGV token, entry, milliseconds ('' for ever)
local held = redis.pcall('GETRANGE', KEYS[1], 20, 35)
if held ~= ARGV[1] then
  -- Asked a second time, this very entry is there already.
  local identity = redis.pcall('GETRANGE', KEYS[1], 4, 19)
  return identity == string.sub(ARGV[2], 5, 20) and 1 or 0
end
if ARGV[3] == '' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
