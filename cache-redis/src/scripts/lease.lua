-- Takes a lease on one slot. The layout of a slot is documented in larder-core's `slot` module.
-- KEYS[1] slot
-- ARGV    token, milliseconds, identity that is expected ('' for no entry, '*' for anything), claim
local slot, token, lasts, expected, claim = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local none = string.rep('\0', 16)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = token .. struct.pack('>I8', now + lasts)

local head = redis.pcall('GETRANGE', slot, 0, 44)
if type(head) ~= 'string' or #head < 45 or string.sub(head, 1, 4) ~= 'LRD2' then
  -- Nothing, or nothing of ours (another type of key included).
  if expected ~= '*' and expected ~= '' then return { 'changed' } end
  redis.call('SET', slot, 'LRD2' .. none .. lease .. '\0', 'PX', lasts)
  return { token, '' }
end

local held = string.sub(head, 21, 36)
local identity = ''
if string.byte(head, 45) == 1 then identity = string.sub(head, 5, 20) end
-- Asked a second time: the first answer did not arrive, or a script beside this one was missing.
if held == token then return { token, identity } end
if expected ~= '*' and identity ~= expected then return { 'changed' } end
local ends = struct.unpack('>I8', string.sub(head, 37, 44))
-- An end that no lease of ours could have is no reason to wait for it.
local is_live = held ~= none and ends > now and ends - now <= math.max(10 * lasts, 60000)
if claim ~= 'replacing' and is_live then
  -- The last bit of a token says that it is its holder's own, the last two that it yields to a lock.
  local is_own = string.byte(held, 16) % 2 == 1
  local yields = string.byte(held, 16) % 4 == 2
  if claim == 'exclusive' or is_own then
    if not yields then return { 'held' } end
  else
    return { held, identity }
  end
end
redis.call('SETRANGE', slot, 20, lease)
local left = redis.call('PTTL', slot)
if left >= 0 and left < lasts then redis.call('PEXPIRE', slot, lasts) end
return { token, identity }
