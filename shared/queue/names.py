"""Every name that the API and the workers meet under in Redis: the queue, the task, and all keys.

The first block is arq's wire format, so a stock arq client or worker may share the queue. The second is what
leases add; those keys stand beside the queue's own and never in its place. The scripts build key names from
these prefixes, so the queue needs one Redis, not a Redis Cluster.
"""

from collections.abc import Iterable
from typing import Final

from arq.constants import in_progress_key_prefix, job_key_prefix, retry_key_prefix

DEFAULT_QUEUE: Final = "transcripts"  # the default of TRANSCRIPTS_QUEUE_NAME
TRANSCRIBE: Final = "transcription.run"  # the task that a ring asks for

JOB_PREFIX: Final = job_key_prefix  # + job id: the envelope
HOLDER_PREFIX: Final = in_progress_key_prefix  # + job id: the id of the worker that holds the job
TRIES_PREFIX: Final = retry_key_prefix  # + job id: how many runs failed or crashed

_HELD: Final = ":held:"


def lane(engines: Iterable[str]) -> str:
    """The lane of the workers that run exactly these engines: they share one queue, and nobody else takes from it."""
    return ",".join(sorted(engines))


def lane_queue(queue: str, lane: str) -> str:
    """The queue of a lane; the empty lane is the queue itself, which stock clients and older workers know."""
    return f"{queue}:lane:{lane}" if lane else queue


def keys(queue: str) -> list[str]:
    """The KEYS of every script for the queue of a lane, in the order that `shared.queue.scripts` names them."""
    return [queue, wake_key(queue), workers_key(queue), deferred_key(queue), again_key(queue)]


def wake_key(queue: str) -> str:
    """A list of tokens on which idle workers block: one token wakes one worker."""
    return f"{queue}:wake"


def workers_key(queue: str) -> str:
    """A sorted set: worker id -> the Redis time in milliseconds at which its lease ends."""
    return f"{queue}:workers"


def deferred_key(queue: str) -> str:
    """A sorted set: `rank:job id` -> due time; gives a deferred job its priority once it is due."""
    return f"{queue}:deferred"


def again_key(queue: str) -> str:
    """A hash: job id -> `due:rank` of a ring that came while the job was running."""
    return f"{queue}:again"


def sweep_key(queue: str) -> str:
    """The id of the worker that sweeps for all in this interval; gone when the interval is over."""
    return f"{queue}:sweep"


def webhooks_key(queue: str) -> str:
    """A list of tokens on which those who deliver webhooks block."""
    return f"{queue}:webhooks"


def orphans_key(queue: str) -> str:
    """The id of the worker that deletes objects without a row in this interval, as above."""
    return f"{queue}:orphans"


def loose_ends_key(queue: str, engines: Iterable[str]) -> str:
    """The id of the worker that stops forgotten operations of these engines in this interval, as above."""
    return f"{queue}:loose-ends:{','.join(sorted(engines))}"


def held_prefix(queue: str) -> str:
    """Before a worker's id: a hash of the jobs it holds, job id -> the score to give back."""
    return f"{queue}{_HELD}"


def limits_prefix(queue: str) -> str:
    """Before the counters of requests that tenants have sent to the API; losing them forgives a minute."""
    return f"{queue}:limits"
