"""The Lua by which a worker holds jobs: join, turn, leave. Each is atomic; together they are the lease.

A worker has one lease, an entry in the workers' sorted set that ends a few seconds ahead; renewing it is one
ZADD however many jobs run. Its jobs are parked: listed in its `held` hash with the score to give back, their
in-progress keys name it, and their own scores lie a century ahead, out of sight of every poll. When a lease
has ended, any worker's turn empties the dead one's hash, and its jobs are due again.

The hash is the fence: what is not in it is not this worker's to end.
"""

from typing import Final

from shared.queue.scripts import PRELUDE

_LEASE: Final = (
    PRELUDE
    + """
local CENTURY = 3153600000000

-- Renew our lease. If for most of a lease nobody renewed any, then Redis was out of reach rather than every
-- worker dead: all of them get half a lease to come back before their jobs are given away.
local function renew(wid, lease)
  local newest = call('ZREVRANGE', workers, 0, 0, 'WITHSCORES')[2]
  if newest and tonumber(newest) < now + lease * 0.2 then
    for _, w in ipairs(call('ZRANGE', workers, 0, -1)) do call('ZADD', workers, now + lease / 2, w) end
  end
  call('ZADD', workers, now + lease, wid)
end

local function take(wid, id, score)
  call('SET', HOLDER .. id, wid)
  call('ZADD', queue, now + CENTURY, id)
  call('HSET', held .. wid, id, score)
end

-- Let go of a job. Returns whether it was still ours, and the place that a ring asked for meanwhile, if one did.
-- A ring in another lane took our name off it: what that ring wrote stays, and nothing of the job stays here.
local function let_go(wid, id)
  call('HDEL', held .. wid, id)
  local note = call('HGET', again, id)
  if note then call('HDEL', again, id) end
  if call('GET', HOLDER .. id) ~= wid then
    call('ZREM', queue, id)
    return false
  end
  call('DEL', HOLDER .. id)
  if not note then return true end
  local due, rank = string.match(note, '^(%-?%d+):(%d+)$')
  return true, tonumber(due), tonumber(rank)
end

-- Give a job back to where it stood, as if it had never been taken.
local function give_back(wid, id, score)
  local ours, due, rank = let_go(wid, id)
  if ours then call('ZADD', queue, 'LT', score, id) end
  if due then place(id, due, rank) end
end

local function count_try(id)
  call('INCR', TRIES .. id)
  call('PEXPIRE', TRIES .. id, TTL)
end

-- Take the jobs from a worker that left or died, no more than `most` at once: 10,000 take a tenth of a second.
local function empty(wid, crashed, most)
  local jobs = call('HGETALL', held .. wid)
  for i = 1, math.min(#jobs, 2 * most), 2 do
    if crashed and call('GET', HOLDER .. jobs[i]) == wid then count_try(jobs[i]) end
    give_back(wid, jobs[i], jobs[i + 1])
  end
  if #jobs <= 2 * most then call('ZREM', workers, wid) end
  return #jobs / 2
end
"""
)

# ARGV: worker id, lease in ms, then groups of id, score, envelope, state: what this worker believes it holds,
# and whether it is `running` or how it ended (see TURN).
# Registers the worker and makes both sides agree, after a start, a lost reply, or lost data.
# Returns the ids that are not this worker's any more.
JOIN: Final = (
    _LEASE
    + """
local wid, believed, lost = ARGV[1], {}, {}
renew(wid, tonumber(ARGV[2]))
for i = 3, #ARGV, 4 do believed[ARGV[i]] = true end
local jobs = call('HGETALL', held .. wid)
for i = 1, #jobs, 2 do
  if not believed[jobs[i]] then give_back(wid, jobs[i], jobs[i + 1]) end  -- claimed, but the reply was lost
end
for i = 3, #ARGV, 4 do
  local id, state = ARGV[i], ARGV[i + 3]
  if call('HEXISTS', held .. wid, id) == 0 then
    local score = tonumber(call('ZSCORE', queue, id) or '')
    if call('EXISTS', HOLDER .. id) == 1 or state == 'done' or (score and (score > now or state ~= 'running')) then
      lost[#lost + 1] = id  -- another worker has it or put it off, or Redis knew its end: that reply was lost
    else
      call('SET', JOB .. id, ARGV[i + 2], 'PX', TTL, 'NX')  -- gone if Redis lost its data: put back
      take(wid, id, ARGV[i + 1])
    end
  end
end
bell()
return lost
"""
)

# ARGV: worker id, lease in ms, how many jobs are wanted, then groups of id, how, ms, rank: the runs that ended.
#   done    for good
#   back    handed over: the job stands where it stood, and this was no try
#   retry   due again in `ms`; this was a try
#   later   due again in `ms`; this was no try
# Returns nil for an unknown worker, else {ms until the next deferred job or -1, jobs that are left due,
# jobs that are held, {ids that were not ours to end}, {{id, score, envelope or nil, tries}, ...}}.
TURN: Final = (
    _LEASE
    + """
local wid, want = ARGV[1], tonumber(ARGV[3])
if not call('ZSCORE', workers, wid) then return false end
renew(wid, tonumber(ARGV[2]))
for _, dead in ipairs(call('ZRANGEBYSCORE', workers, '-inf', now, 'LIMIT', 0, 8)) do empty(dead, true, 1000) end

for _, entry in ipairs(call('ZRANGEBYSCORE', deferred, '-inf', now, 'LIMIT', 0, 1000)) do
  local rank, id = string.match(entry, '^(%d+):(.*)$')
  local due = call('ZSCORE', deferred, entry)
  if call('ZSCORE', queue, id) == due then call('ZADD', queue, due - rank, id) end
  call('ZREM', deferred, entry)
end

local fenced = {}
for i = 4, #ARGV, 4 do
  local id, how, ms, rank = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local score = call('HGET', held .. wid, id)
  if not score then
    fenced[#fenced + 1] = id
  elseif how == 'back' then
    give_back(wid, id, score)
  else
    local ours, due, rung_rank = let_go(wid, id)
    if ours and how == 'retry' then count_try(id) end
    if ours and how ~= 'done' then
      place(id, now + ms, rank)
    elseif ours then
      call('DEL', TRIES .. id)
      if not due then
        call('DEL', JOB .. id)
        call('ZREM', queue, id)
      end
    end
    if due then place(id, due, rung_rank) end
  end
end

-- Claim from the head. No more than a fair share at once, so that one worker does not take what its idle
-- neighbours were woken for; it comes back at once while there is more. The jobs of stock workers stay in
-- their place while they run: they are stepped over.
local jobs, from = {}, 0
want = math.min(want, math.ceil(call('ZCOUNT', queue, '-inf', now) / call('ZCARD', workers)))
while want > 0 and from < 10000 do
  local page = call('ZRANGEBYSCORE', queue, '-inf', now, 'WITHSCORES', 'LIMIT', from, math.max(want, from))
  for i = 1, #page, 2 do
    local id, score = page[i], page[i + 1]
    if call('EXISTS', HOLDER .. id) == 1 then
      from = from + 1
    elseif want > 0 then
      take(wid, id, score)
      local found = call('MGET', JOB .. id, TRIES .. id)
      jobs[#jobs + 1] = {id, score, found[1], tonumber(found[2] or 0)}
      want = want - 1
    end
  end
  if #page == 0 then break end
end

local left, wait = bell(from), -1
local head = call('ZRANGEBYSCORE', queue, '(' .. now, now + 86400000, 'WITHSCORES', 'LIMIT', 0, 1)
if head[2] then wait = head[2] - now end
return {wait, left, call('HLEN', held .. wid), fenced, jobs}
"""
)

# ARGV: worker id. Gives back everything that is still held, and says goodbye. Returns how many that was.
LEAVE: Final = (
    _LEASE
    + """
local given_back = empty(ARGV[1], false, math.huge)
bell()
return given_back
"""
)
