-- Removes an entry, if it is still the one that was seen.
-- KEYS[1] slot; ARGV identity
if redis.pcall('GETRANGE', KEYS[1], 4, 19) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])
