"""A job's changes as server-sent events and as long polls, both fed by the one watcher (F42)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from api_service.access.callers import Caller
from api_service.http.responses import etag
from api_service.jobs import Jobs
from api_service.waiting.job_views import JobViews
from api_service.waiting.watcher import JobWatcher, Watch
from shared.errors import NotFoundError
from shared.records import JobRecord

RECONNECT_MS: Final = 1_000
_HEARTBEAT_S: Final = 15.0  # proxies close what is silent for a minute or less


class JobEvents:
    """Follows one job for one caller."""

    def __init__(self, jobs: Jobs, views: JobViews, watcher: JobWatcher) -> None:
        self._jobs = jobs
        self._views = views
        self._watcher = watcher

    async def content(self, job: JobRecord) -> bytes:
        """The job as it is sent."""
        return (await self._views.one(job)).model_dump_json().encode()

    async def seen(self, job: JobRecord, last_event_id: str) -> bool:
        """Whether the last event that a client saw told of the job as it stands."""
        return event_id(await self.content(job)) == last_event_id

    async def wait(self, caller: Caller, job_id: UUID, known: str | None, seconds: float) -> JobRecord:
        """The job once its tag is not `known` any more; without `known`, once it has ended.

        After `seconds`, or when the service stops, the job as it stands. NotFoundError, also when it is deleted.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        with self._watcher.watch(job_id) as watch:  # before the first look, so that nothing falls between
            job = await self._jobs.get(caller, job_id)
            while not job.terminal and (known is None or etag(await self.content(job)) == known):
                left = deadline - loop.time()
                if left <= 0 or not await watch.news(left):
                    break
                job = _alive(watch)
        return job

    async def stream(self, job: JobRecord, known: str) -> AsyncIterator[bytes]:
        """Events from now on until the job ends or the service stops; `known` is the last id that was seen."""
        yield f"retry: {RECONNECT_MS}\n\n".encode()
        with self._watcher.watch(job.id) as watch:
            while True:
                content = await self.content(job)
                tag = event_id(content)
                if tag != known:
                    known = tag
                    yield b"event: job\nid: %b\ndata: %b\n\n" % (tag.encode(), content)
                if job.terminal:
                    return
                while not await watch.news(_HEARTBEAT_S):
                    if self._watcher.stopping:
                        return
                    yield b": still here\n\n"
                if watch.record is None:
                    yield b"event: gone\ndata: {}\n\n"
                    return
                job = watch.record


def event_id(content: bytes) -> str:
    """The id of the event with this content: the same on every replica, so that any can go on."""
    return etag(content).strip('"')


def _alive(watch: Watch) -> JobRecord:
    if watch.record is None:
        raise NotFoundError
    return watch.record
