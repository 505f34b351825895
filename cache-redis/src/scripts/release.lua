-- Gives a lease back, if it is still there.
-- KEYS[1] slot; ARGV token
local held = redis.pcall('GETRANGE', KEYS[1], 20, 35)
if held ~= ARGV[1] then return 0 end
if redis.call('GETRANGE', KEYS[1], 44, 44) == '\1' then
  redis.call('SETRANGE', KEYS[1], 20, string.rep('\0', 24))
else
  redis.call('UNLINK', KEYS[1])
end
return 1
