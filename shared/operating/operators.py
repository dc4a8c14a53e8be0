"""What operators see and do, across tenants: workers, the queue, every job, its events; pause, drain, requeue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from shared.database import Pool
from shared.errors import NotFoundError
from shared.jobs.dispatch import SERVED, WORKER_SEEN_S
from shared.jobs.repository import SHOWN
from shared.lifecycle import JobStatus
from shared.records import JobRecord, Row

_ALIVE: Final = f"w.stopped_at IS NULL AND w.seen_at > now() - {WORKER_SEEN_S} * interval '1 second'"
_WORKERS: Final = f"""
SELECT w.*, CASE WHEN w.stopped_at IS NOT NULL THEN 'stopped' WHEN NOT ({_ALIVE}) THEN 'lost'
    WHEN w.draining OR w.drain_requested THEN 'draining' ELSE 'running' END AS state,
    coalesce(j.ids, '{{}}') AS job_ids
FROM worker w LEFT JOIN (SELECT worker, array_agg(id ORDER BY id) AS ids FROM job WHERE status = 'running'
    GROUP BY worker) j ON j.worker = w.id
WHERE w.seen_at > now() - interval '1 day' ORDER BY ({_ALIVE}) DESC, w.started_at DESC LIMIT 500
"""  # noqa: S608  (the part is a constant)
# What an autoscaler needs is `due`: jobs that could run now. Deferred and running ones are not work to be taken.
_QUEUE: Final = f"""
WITH active AS (
    SELECT *, status = 'queued' AND next_attempt_at > now() AS deferred FROM job WHERE status IN ('queued', 'running')
), places AS (
    SELECT coalesce(sum(max_jobs), 0) AS places, count(*) AS workers FROM worker w WHERE {_ALIVE} AND NOT draining
)
SELECT p.reason AS pause_reason, p.paused_at, places.places::int, places.workers::int,
    (SELECT count(*) FROM active WHERE status = 'running')::int AS running,
    (SELECT count(*) FROM active WHERE status = 'queued' AND NOT coalesce(deferred, false))::int AS due,
    (SELECT count(*) FROM active WHERE deferred)::int AS deferred,
    (SELECT (extract(epoch FROM now() - min(queued_at)) * 1000)::bigint
        FROM active WHERE status = 'queued' AND NOT coalesce(deferred, false)) AS oldest_due_ms
FROM places LEFT JOIN queue_pause p ON true
"""  # noqa: S608  (the parts are constants)
_LINES: Final = """
SELECT {by} AS name, count(*) FILTER (WHERE status = 'running')::int AS running,
    count(*) FILTER (WHERE status = 'queued')::int AS waiting
FROM job WHERE status IN ('queued', 'running') GROUP BY 1 ORDER BY 3 DESC, 2 DESC, 1 LIMIT 50
"""
MEASURES: Final = ", ".join(
    f"percentile_cont({share}) WITHIN GROUP (ORDER BY {what}) FILTER (WHERE status = 'succeeded')::bigint"
    f" AS {what}_p{share * 100:.0f}_ms"
    for what in ("wait", "run")
    for share in (0.5, 0.95)
)
"""Columns over ended jobs with their `wait` and `run` in milliseconds: what succeeded, at the median and at 95 %."""

_PAST: Final = f"""
SELECT count(*) FILTER (WHERE status = 'succeeded')::int AS succeeded,
    count(*) FILTER (WHERE status = 'failed')::int AS failed,
    count(*) FILTER (WHERE status = 'cancelled')::int AS cancelled,
    {MEASURES}
FROM (SELECT *, extract(epoch FROM started_at - created_at) * 1000 AS wait,
        extract(epoch FROM finished_at - started_at) * 1000 AS run
    FROM job WHERE finished_at > now() - $1 * interval '1 second') ended
"""  # noqa: S608  (the part is a constant)
_JOBS: Final = f"""
SELECT j.*, {SHOWN}, s.duration_ms, s.title,
    (SELECT sum(u.micro_dollars)::bigint FROM usage u WHERE u.job_id = j.id) AS micro_dollars
FROM job j JOIN session s ON s.id = j.session_id LEFT JOIN processing_status ps ON ps.job_id = j.id
WHERE {{where}} ORDER BY j.id DESC LIMIT $1
"""  # noqa: S608  (the part is a constant)
# Only what is asked for stands in the statement: `x IS NULL OR column = x` would hide the column's index from Postgres.
_WANTED: Final = {
    "statuses": "j.status = ANY({})",
    "tenant_id": "j.tenant_id = {}",
    "engine": "j.engine = {}",
    "worker": "j.worker = {}",
    "error_code": "j.error ->> 'code' = {}",
    "created_after": "j.created_at >= {}",
    "deferred": "(j.status = 'queued' AND coalesce(j.next_attempt_at > now(), false)) = {}",
    "session_id": "j.session_id = {}",
    "request_id": "j.request_id = {}",
    "title": "strpos(lower(s.title), lower({})) > 0",
}
_LOOKED_AT: Final = 10_000
"""Of the jobs that match, so many of the newest are put in order or counted: a bound on what a look costs."""

_ORDERED: Final = "SELECT * FROM ({jobs}) found ORDER BY {order}, id DESC LIMIT {limit:d}"
_CODES: Final = """
SELECT code, count(*)::int AS jobs FROM (
    SELECT j.error ->> 'code' AS code FROM job j JOIN session s ON s.id = j.session_id
    WHERE {where} ORDER BY j.id DESC LIMIT $1
) failed WHERE code IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20
"""


class JobSort(StrEnum):
    """What stands first in a list of jobs."""

    NEWEST = "newest"
    WAITED = "waited"  # from being made to its first start, or until now
    RAN = "ran"  # from its first start to its end, or until now
    COST = "cost"
    ATTEMPTS = "attempts"


_ORDERS: Final = {
    JobSort.WAITED: "coalesce(started_at, finished_at, now()) - created_at DESC",
    JobSort.RAN: "coalesce(finished_at, now()) - started_at DESC NULLS LAST",
    JobSort.COST: "micro_dollars DESC NULLS LAST",
    JobSort.ATTEMPTS: "attempt DESC",
}


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs an operator asks for; None and the empty selection mean any."""

    statuses: Sequence[JobStatus] = ()
    tenant_id: str | None = None
    engine: str | None = None
    worker: str | None = None
    error_code: str | None = None
    created_after: datetime | None = None
    deferred: bool | None = None  # whether it waits for the time of its next attempt
    session_id: UUID | None = None
    request_id: str | None = None
    title: str | None = None  # a part of the session's


_OPERATIONS: Final = """
SELECT o.name, o.prefix, o.engine, o.model, o.attempt, p.n AS piece, o.audio_ms, o.expected_micro_dollars, o.outcome,
    o.billed_ms, o.micro_dollars, o.estimated, o.created_at, o.closed_at
FROM operation o LEFT JOIN job_piece p ON p.job_id = o.job_id AND p.operation_prefix = o.prefix
WHERE o.job_id = $1 ORDER BY o.attempt, p.n, o.created_at LIMIT 1000
"""
_COSTS: Final = """
SELECT attempt, engine, model, audio_ms, billed_ms, micro_dollars, estimated, created_at
FROM usage WHERE job_id = $1 ORDER BY attempt LIMIT 1000
"""


@dataclass(frozen=True, slots=True)
class OperatorJob:
    """A job with what only operators see: its tenant is in the record, the session's title, and what it cost."""

    record: JobRecord
    title: str
    micro_dollars: int | None


class Operators:
    """Reads and orders across tenants; who may call them is decided before."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def workers(self) -> list[Row]:
        """The workers seen in the last day, the living first; `state` is running, draining, stopped or lost."""
        return list(await self._pool.fetch(_WORKERS))

    async def queue(self) -> Row:
        """Places, and what is running, due and deferred, now."""
        row = await self._pool.fetchrow(_QUEUE)
        assert row is not None  # an aggregate without GROUP BY has a row
        return row

    async def lines(self, by: str) -> list[Row]:
        """Active jobs by `priority`, `tenant_id` or `engine`, the longest line first."""
        if by not in {"priority", "tenant_id", "engine"}:
            raise ValueError(by)
        return list(await self._pool.fetch(_LINES.format(by=by)))

    async def served(self) -> set[str]:
        """The engines that some living worker takes jobs for."""
        return {row["engine"] for row in await self._pool.fetch(SERVED)}

    async def past(self, seconds: int) -> Row:
        """How the jobs ended that ended in the last `seconds`, and how long they waited and ran."""
        row = await self._pool.fetchrow(_PAST, seconds)
        assert row is not None
        return row

    async def jobs(self, wanted: JobFilter, *, limit: int, before: UUID | None = None) -> list[OperatorJob]:
        """Jobs of all tenants, newest first."""
        where, values = _conditions(wanted, before)
        rows = await self._pool.fetch(_JOBS.format(where=where), limit, *values)
        return [_operator_job(row) for row in rows]

    async def first_jobs(self, wanted: JobFilter, sort: JobSort, *, limit: int) -> list[OperatorJob]:
        """The first jobs in an order of their own, of the 10,000 newest that match."""
        if sort is JobSort.NEWEST:
            return await self.jobs(wanted, limit=limit)
        where, values = _conditions(wanted)
        statement = _ORDERED.format(jobs=_JOBS.format(where=where), order=_ORDERS[sort], limit=limit)
        rows = await self._pool.fetch(statement, _LOOKED_AT, *values)
        return [_operator_job(row) for row in rows]

    async def codes(self, wanted: JobFilter) -> list[Row]:
        """The error codes of the 10,000 newest jobs that match: how many have each."""
        where, values = _conditions(wanted)
        return list(await self._pool.fetch(_CODES.format(where=where), _LOOKED_AT, *values))

    async def job(self, job_id: UUID) -> tuple[OperatorJob, list[Row]]:
        """One job and its events in order; NotFoundError."""
        row = await self._pool.fetchrow(_JOBS.format(where="j.id = $2"), 1, job_id)
        if row is None:
            raise NotFoundError
        events = await self._pool.fetch(
            "SELECT attempt, what, detail, at FROM job_event WHERE job_id = $1 ORDER BY n LIMIT 1000", job_id
        )
        return _operator_job(row), list(events)

    async def operations(self, job_id: UUID) -> list[Row]:
        """What engines were asked to do for a job, the oldest first; of a piece that is still heard, which it is."""
        return list(await self._pool.fetch(_OPERATIONS, job_id))

    async def costs(self, job_id: UUID) -> list[Row]:
        """What each attempt of a job came to, the first one first; none of an attempt that cost nothing."""
        return list(await self._pool.fetch(_COSTS, job_id))

    async def pause(self, reason: str) -> None:
        """Let nothing more into the queue; what runs goes on. Again is no error: the newest reason counts."""
        await self._pool.execute(
            "INSERT INTO queue_pause (reason) VALUES ($1) ON CONFLICT (alone) DO UPDATE SET reason = excluded.reason",
            reason,
        )

    async def resume(self) -> bool:
        """Let jobs in again; returns whether the queue was paused. Dispatch afterwards."""
        return bool(await self._pool.fetchval("DELETE FROM queue_pause RETURNING true"))

    async def drain(self, worker_id: str) -> None:
        """Ask a worker to end what it runs and stop; it hears of it at its next beat. NotFoundError."""
        asked = await self._pool.fetchval(
            "UPDATE worker SET drain_requested = true WHERE id = $1 AND stopped_at IS NULL RETURNING true",
            worker_id,
        )
        if not asked:
            raise NotFoundError("No running worker has this id. GET /v1/ops/workers lists them.")


def _operator_job(row: Any) -> OperatorJob:
    return OperatorJob(JobRecord.from_row(row), row["title"], row["micro_dollars"])


def _conditions(wanted: JobFilter, before: UUID | None = None) -> tuple[str, list[Any]]:
    """What is asked for, as SQL whose values begin with $2; nothing asked is all."""
    where, values = ["true"], list[Any]()
    asked = {condition: getattr(wanted, name) for name, condition in _WANTED.items()}
    for condition, value in {"j.id < {}": before, **asked}.items():
        if value is not None and value not in ((), []):
            values.append(value)
            where.append(condition.format(f"${len(values) + 1}"))
    return " AND ".join(where), values
