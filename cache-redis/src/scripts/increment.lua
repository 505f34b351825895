-- Adds to a number in place, if its entry is still the one that was seen.
-- KEYS[1] slot; ARGV identity, place of the number, its width in bytes, its type for BITFIELD, the
-- place in bits for BITFIELD, what is added
local slot, at, width = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.pcall('GETRANGE', slot, 4, 19) ~= ARGV[1] then return { 'changed' } end
local sum = redis.call('BITFIELD', slot, 'OVERFLOW', 'FAIL', 'INCRBY', ARGV[4], ARGV[5], ARGV[6])
if not sum[1] then return { 'overflow' } end
-- Lua's own numbers are not exact beyond 53 bits; the bytes are.
local number = redis.call('GETRANGE', slot, at, at + width - 1)
local complement = {}
for i = 1, width do complement[i] = string.char(255 - string.byte(number, i)) end
redis.call('SETRANGE', slot, at + width, table.concat(complement))
return { 'to', number }
