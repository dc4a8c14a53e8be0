"""Sends a batch of recordings and watches what becomes of them, with few requests."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from client.aio import AsyncClient
from client.errors import ClientError, NotFoundError
from client.load_test.samples import Sample
from client.models import Job, Order
from shared.lifecycle import JobStatus

_LOOK_S: Final = 2.0  # between two looks at the list
_AT_ONCE: Final = 8  # requests that clean up


@dataclass(slots=True)
class Standing:
    """How many are where now."""

    tasks: int
    sent: int = 0
    refused: int = 0
    waiting: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0

    @property
    def ended(self) -> int:
        """Of which there is nothing more to come."""
        return self.succeeded + self.failed + self.refused


@dataclass(slots=True)
class _Task:
    n: int
    session_id: UUID
    upload: float
    job: Job


@dataclass(slots=True)
class LoadTest:
    """A batch of the same recording, `tasks` times; `concurrency` uploads at once."""

    client: AsyncClient
    recording: Path
    order: Order
    tasks: int
    concurrency: int
    on_change: Callable[[Standing], None]
    standing: Standing = field(init=False)
    _sent: dict[UUID, _Task] = field(default_factory=dict)
    _refused: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.standing = Standing(self.tasks)

    async def run(self) -> None:
        """Send all, and return when all have ended; interrupted, `samples` tells of those that had."""
        places = asyncio.Semaphore(self.concurrency)
        batch = str(uuid4())
        async with asyncio.TaskGroup() as tasks:
            sending = [tasks.create_task(self._send(n, batch, places)) for n in range(1, self.tasks + 1)]
            while not all(each.done() for each in sending) or self.standing.waiting + self.standing.running:
                await asyncio.sleep(_LOOK_S)
                await self._look()

    def samples(self) -> list[Sample]:
        """What is known so far, in the order of sending."""
        return sorted([*self._refused, *map(_sample, self._sent.values())], key=lambda each: each.n)

    async def clean_up(self) -> None:
        """Erase the sessions; a job that still waits or runs is cancelled by it."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def erase(task: _Task) -> None:
            async with places:
                try:
                    await self.client.sessions.delete(task.session_id)
                except NotFoundError:
                    return

        await asyncio.gather(*(erase(task) for task in self._sent.values()))

    async def _send(self, n: int, batch: str, places: asyncio.Semaphore) -> None:
        title = f"Load test {n} of {self.tasks}"
        order = self.order.model_copy(update={"title": title, "metadata": {"load_test": batch}})
        async with places:
            began = time.perf_counter()
            try:
                made = await self.client.sessions.submit(self.recording, order)
            except ClientError as error:
                code = getattr(error, "problem_code", None) or error.code
                self._refused.append(Sample(n, error=str(code)))
                self.standing.refused += 1
            else:
                upload = time.perf_counter() - began
                self._sent[made.job.id] = _Task(n, made.session.id, upload, made.job)
                self.standing.sent += 1
                self.standing.waiting += 1
        self.on_change(self.standing)

    async def _look(self) -> None:
        """Read the list of jobs as far back as the oldest one of ours that has not ended."""
        open_ = [job_id for job_id, task in self._sent.items() if not task.job.is_over]
        if not open_:
            return
        oldest = min(open_)
        async for job in self.client.jobs.list():
            if job.id in self._sent:
                self._sent[job.id].job = job
            if job.id <= oldest:
                break
        self._count()
        self.on_change(self.standing)

    def _count(self) -> None:
        statuses = [task.job.status for task in self._sent.values()]
        self.standing.waiting = statuses.count(JobStatus.QUEUED)
        self.standing.running = statuses.count(JobStatus.RUNNING)
        self.standing.succeeded = statuses.count(JobStatus.SUCCEEDED)
        self.standing.failed = statuses.count(JobStatus.FAILED) + statuses.count(JobStatus.CANCELLED)


def _sample(task: _Task) -> Sample:
    job = task.job
    started, finished = job.started_at, job.finished_at
    return Sample(
        n=task.n,
        upload=task.upload,
        wait=_seconds(job.created_at, started),
        run=_seconds(started, finished) if job.is_over else None,
        began=job.created_at - timedelta(seconds=task.upload),
        ended=finished or datetime.now(UTC),
        status=str(job.status),
        error=job.error.code if job.error else None,
        audio_s=(job.audio_duration_ms or 0) / 1_000,
    )


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return max((end - start).total_seconds(), 0.0) if start and end else None
