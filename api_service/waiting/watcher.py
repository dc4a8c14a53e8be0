"""One reader of jobs for all who wait: long polls and event streams cost one query a tick together, not each."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from api_service.waiting.queue_line import QueueLine, Standing
from shared.database import AWAY, Pool
from shared.jobs.repository import JobRepository
from shared.observation.logs import get_logger
from shared.records import JobRecord

log = get_logger(__name__)


class _Topic:
    """A job that somebody watches: as it was last read, and a bell that is replaced whenever it has rung."""

    def __init__(self) -> None:
        self.watchers = 0
        self.version = 0
        self.record: JobRecord | None = None
        self.standing: Standing | None = None
        self.news = asyncio.Event()

    def publish(self, record: JobRecord | None, standing: Standing | None) -> None:
        self.record, self.standing = record, standing
        self.version += 1
        self.news.set()
        self.news = asyncio.Event()


class Watch:
    """One reader's view of a job."""

    def __init__(self, topic: _Topic, stopping: asyncio.Event) -> None:
        self._topic = topic
        self._stopping = stopping
        self._seen = topic.version

    async def news(self, timeout_s: float) -> bool:
        """Wait until the job was read anew and had changed; False after `timeout_s`, and when the service stops.

        What `record` shows then may be what the caller knew already, since the first reading counts as news.
        """
        if self._topic.version == self._seen and not self._stopping.is_set():
            try:
                async with asyncio.timeout(timeout_s):
                    await self._topic.news.wait()
            except TimeoutError:
                return False
        changed = self._topic.version != self._seen
        self._seen = self._topic.version
        return changed and not self._stopping.is_set()

    @property
    def record(self) -> JobRecord | None:
        """The job as it was last read; None when it was deleted, and before there was news."""
        return self._topic.record


class JobWatcher:
    """Reads all watched jobs in one query a tick, and the queue's order while one waits; else it rests."""

    def __init__(self, pool: Pool, line: QueueLine, *, tick_s: float) -> None:
        self._jobs = JobRepository(pool)
        self._line = line
        self._tick_s = tick_s
        self._topics: dict[UUID, _Topic] = {}
        self._wanted = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def stopping(self) -> bool:
        """Whether the service stops, so that nobody should wait any more."""
        return self._stopping.is_set()

    @contextmanager
    def watch(self, job_id: UUID) -> Iterator[Watch]:
        """Watch a job for as long as the context is open."""
        topic = self._topics.setdefault(job_id, _Topic())
        topic.watchers += 1
        self._wanted.set()
        try:
            yield Watch(topic, self._stopping)
        finally:
            topic.watchers -= 1
            if not topic.watchers:
                del self._topics[job_id]

    async def run(self) -> None:
        """Read every tick until cancelled; a database that is away is tried again."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while self._topics:
                try:
                    await self.tick()
                except AWAY as error:
                    log.warning("watched jobs not read, trying again", reason=repr(error))
                await asyncio.sleep(self._tick_s)

    async def tick(self) -> None:
        """Read all watched jobs once and tell those whose job, or place in the queue, has changed."""
        watched = dict(self._topics)
        found = {job.id: job for job in await self._jobs.many(list(watched))}
        for job_id, topic in watched.items():
            record = found.get(job_id)
            standing = await self._line.standing(record) if record else None
            if not topic.version or (record, standing) != (topic.record, topic.standing):
                topic.publish(record, standing)

    def stop(self) -> None:
        """Send everyone who waits home, now and from now on."""
        self._stopping.set()
        for topic in self._topics.values():
            topic.news.set()
