"""Jobs as callers see them: the row, its place in the queue, and when it should end."""

from collections.abc import Iterable

from api_service.waiting.history import History
from api_service.waiting.queue_line import QueueLine
from shared.records import JobRecord
from shared.schemas.jobs import JobResource


class JobViews:
    """Makes resources of rows; what it adds comes from memory, refreshed once a tick or more seldom."""

    def __init__(self, line: QueueLine, history: History) -> None:
        self._line = line
        self._history = history

    async def one(self, job: JobRecord) -> JobResource:
        """The resource of a job."""
        standing = await self._line.standing(job)
        return JobResource.of(
            job,
            queue_position=standing.position,
            held_up=standing.held_up,
            eta=await self._history.eta(job),
        )

    async def many(self, jobs: Iterable[JobRecord]) -> list[JobResource]:
        """The resources of jobs."""
        return [await self.one(job) for job in jobs]
