"""What has changed, for operators, as server-sent events: one query a tick for all who look, none while nobody does.

An event says only that its topic (workers, queue, jobs) differs from before; the page then fetches its fragment, by
the same route and under the same limits as ever. The id of an event is how all topics stand, so a browser that comes
back, to any replica, is told what it has missed.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from api_service.http.responses import digest
from shared.database import AWAY, Pool
from shared.jobs.dispatch import WORKER_SEEN_S
from shared.observation.logs import get_logger

log = get_logger(__name__)

TOPICS: Final = ("workers", "queue", "jobs")
_RECONNECT_MS: Final = 1_000
_HEARTBEAT_S: Final = 15.0
# Active jobs, the newest job and the newest end: each by an index, so that a million ended jobs cost nothing.
_LOOK: Final = f"""
SELECT
    (SELECT jsonb_agg(jsonb_build_array(id, running, max_jobs, draining, drain_requested, stopped_at,
        seen_at > now() - {WORKER_SEEN_S} * interval '1 second') ORDER BY id)::text
        FROM worker WHERE seen_at > now() - interval '1 day') AS workers,
    (SELECT concat_ws(',', count(*), count(*) FILTER (WHERE j.status = 'running'), max(j.updated_at),
        max(ps.updated_at)) FROM job j LEFT JOIN processing_status ps ON ps.job_id = j.id
        WHERE j.status IN ('queued', 'running')) AS active,
    (SELECT concat_ws(',', (SELECT id FROM job ORDER BY id DESC LIMIT 1),
        (SELECT max(finished_at) FROM job WHERE finished_at IS NOT NULL))) AS newest,
    (SELECT concat_ws(',', reason, paused_at) FROM queue_pause) AS pause
"""  # noqa: S608  (the part is a constant)


class Pulse:
    """Looks every tick while somebody listens, and tells all who do."""

    def __init__(self, pool: Pool, *, tick_s: float) -> None:
        self._pool = pool
        self._tick_s = tick_s
        self._state: tuple[str, ...] | None = None
        self._listeners = 0
        self._wanted = asyncio.Event()
        self._news = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        """Look until cancelled; a database that is away is looked at again."""
        while True:
            await self._wanted.wait()
            while self._listeners:
                try:
                    await self._look()
                except AWAY as error:
                    log.warning("what changed is not looked at, trying again", reason=repr(error))
                await asyncio.sleep(self._tick_s)
            self._wanted.clear()
            self._state = None  # it is stale for whoever comes next

    async def stream(self, known: str) -> AsyncIterator[bytes]:
        """Events from now on until the service stops; `known` is the id of the last that was seen, or empty."""
        yield b"retry: %d\n\n" % _RECONNECT_MS
        seen = tuple(known.split("."))
        self._listeners += 1
        self._wanted.set()
        try:
            while not self._stopping:
                if self._state is not None and self._state != seen:
                    before, seen = seen, self._state
                    yield _events(before, seen)
                elif not await self._wait():
                    yield b": still here\n\n"
        finally:
            self._listeners -= 1

    def stop(self) -> None:
        """Send everyone home."""
        self._stopping = True
        self._news.set()

    async def _look(self) -> None:
        row = await self._pool.fetchrow(_LOOK)
        assert row is not None  # it has no FROM
        jobs = f"{row['active']}|{row['newest']}"
        told = (row["workers"], f"{row['workers']}|{jobs}|{row['pause']}", jobs)
        state = tuple(digest(str(each).encode())[:12] for each in told)
        if state != self._state:
            self._state = state
            self._news.set()
            self._news = asyncio.Event()

    async def _wait(self) -> bool:
        """Until there is news; False where there was none for a while."""
        try:
            async with asyncio.timeout(_HEARTBEAT_S):
                await self._news.wait()
        except TimeoutError:
            return False
        return True


def _events(before: tuple[str, ...], state: tuple[str, ...]) -> bytes:
    """One event for each topic that differs; all of them where what was seen cannot be read."""
    old = before if len(before) == len(state) else ("",) * len(state)
    changed = [topic for topic, was, now in zip(TOPICS, old, state, strict=True) if was != now]
    last = ".".join(state)
    return b"".join(
        b"event: %b\nid: %b\ndata: %b\n\n" % (t.encode(), last.encode(), t.encode()) for t in changed
    )
