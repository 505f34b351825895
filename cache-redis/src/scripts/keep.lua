-- Lets generations outlive the entries under them. Writes only when one would not.
-- KEYS generations; ARGV milliseconds that they must still have, and get ('' for ever)
for _, generation in ipairs(KEYS) do
  local left = redis.call('PTTL', generation)
  if left >= 0 then
    if ARGV[1] == '' then
      redis.call('PERSIST', generation)
    elseif left < tonumber(ARGV[1]) then
      redis.call('PEXPIRE', generation, ARGV[2])
    end
  end
end
return 1
