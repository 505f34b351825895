-- Reads a slot and the generations of the scopes that its entry lists.
-- KEYS[1] slot; ARGV what stands before a scope in its generation's key ('' for the slot alone), 'take' to
-- empty the slot
local slot = redis.pcall('GET', KEYS[1])
if ARGV[2] == 'take' then redis.call('UNLINK', KEYS[1]) end
if type(slot) ~= 'string' then return {} end
local read = { slot }
if ARGV[1] == '' then return read end
if #slot < 55 or string.sub(slot, 1, 4) ~= 'LRD2' or string.byte(slot, 45) ~= 1 then return read end
local count, at = struct.unpack('>I2', slot, 54)
local names = {}
for i = 1, count do
  if at + 1 > #slot then return read end
  local len = struct.unpack('>I2', slot, at)
  if at + 1 + len + 16 > #slot or #names >= 4096 then return read end
  names[i] = ARGV[1] .. string.sub(slot, at + 2, at + 1 + len)
  at = at + 2 + len + 16
end
if #names == 0 then return read end
read[2] = redis.call('MGET', unpack(names))
return read
