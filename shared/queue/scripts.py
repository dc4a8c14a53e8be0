"""The Lua that the API and the workers share: where a job stands in the queue, and who is woken for it.

Time is Redis's own, so the clocks of the machines need not agree. `PRELUDE` heads every script of the queue.
"""

from typing import Final

from shared.queue.names import HOLDER_PREFIX, JOB_PREFIX, TRIES_PREFIX

ENVELOPE_TTL_MS: Final = 30 * 86_400_000  # rubbish of an abandoned queue goes away; a backlog of weeks stays

PRELUDE: Final = f"""
local JOB, HOLDER, TRIES, TTL = '{JOB_PREFIX}', '{HOLDER_PREFIX}', '{TRIES_PREFIX}', {ENVELOPE_TTL_MS}
local call = redis.call
local queue, wake, workers, deferred, again = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local held = queue .. ':held:'
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

-- Put a job where it belongs: by rank once it is due, by time until then. Where it stands earlier already, it stays.
local function place(id, due, rank)
  if due > now then
    if call('ZADD', queue, 'LT', 'CH', due, id) == 1 and rank > 0 then
      call('ZADD', deferred, due, rank .. ':' .. id)
    end
  else
    call('ZADD', queue, 'LT', due - rank, id)
  end
end

-- Wake as many workers as have something to do; a token that nobody needs any more is taken away.
-- `busy`: how many of the due jobs are known to be running in stock workers.
local function bell(busy)
  local due = call('ZCOUNT', queue, '-inf', now) - (busy or 0)
  if due <= 0 then call('DEL', wake) return 0 end
  for _ = call('LLEN', wake) + 1, math.min(due, call('ZCARD', workers)) do call('RPUSH', wake, '1') end
  return due
end
"""

# ARGV: groups of id, due in ms or '', rank, envelope. Returns how many were not in the queue.
#
# A ring is obeyed whatever state its job is in:
#   running   the ring is noted, and obeyed when that run ends
#   waiting   the earlier of the two places counts
#   forgotten (its holder is gone, or its place is) it is queued
# Only a job of a stock worker cannot be noted: its holder's name is '1', and its end takes all traces along.
RING: Final = (
    PRELUDE
    + """
local added = 0
for i = 1, #ARGV, 4 do
  local id, due, rank = ARGV[i], tonumber(ARGV[i + 1]) or now, tonumber(ARGV[i + 2])
  local holder = call('GET', HOLDER .. id)
  if holder and call('HEXISTS', held .. holder, id) == 1 then
    call('HSET', again, id, string.format('%d:%d', due, rank))
    call('SET', JOB .. id, ARGV[i + 3], 'PX', TTL)
  elseif holder ~= '1' then
    if holder then call('DEL', HOLDER .. id) end
    local fresh = call('SET', JOB .. id, ARGV[i + 3], 'PX', TTL, 'NX')
    if fresh or holder or not call('ZSCORE', queue, id) then added = added + 1 end
    place(id, due, rank)
  end
end
bell()
return added
"""
)
