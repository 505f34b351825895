-- Begins the generations that are missing, or that are nothing of ours, and reads all.
-- KEYS generations; ARGV milliseconds that a new one lives ('' for ever), then a new one for each
local current = {}
for i, key in ipairs(KEYS) do
  local generation = redis.pcall('GET', key)
  if type(generation) ~= 'string' or #generation ~= 16 then
    generation = ARGV[i + 1]
    if ARGV[1] == '' then
      redis.call('SET', key, generation)
    else
      redis.call('SET', key, generation, 'PX', ARGV[1])
    end
  end
  current[i] = generation
end
return current
