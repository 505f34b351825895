-- Puts a new generation in the place of the one that was seen, and gives the one that is there then.
-- KEYS[1] generation; ARGV the one that was seen ('' for none), the new one, milliseconds that it
-- lives ('' for ever)
local current = redis.pcall('GET', KEYS[1])
if type(current) ~= 'string' or #current ~= 16 then current = '' end
if current ~= ARGV[1] then return current end
if ARGV[3] == '' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return ARGV[2]
