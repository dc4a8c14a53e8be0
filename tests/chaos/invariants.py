"""What holds after a chaos run, whatever broke: nothing lost, nothing doubled, nothing left running."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import redis.asyncio

from shared.lifecycle import Phase
from shared.queue import names
from tests.chaos.callers import WORDS, Promises
from tests.chaos.site import Site, connect

_ENDED: Final = ("succeeded", "failed", "cancelled")
_PHASES: Final = frozenset(phase.value for phase in Phase)
_SETTLE_S: Final = 300.0


async def settle(site: Site) -> None:
    """Wait until every job is terminal; says which are not when that takes too long."""
    connection = await connect(site)
    active: list[Any] = []
    try:
        async with asyncio.timeout(_SETTLE_S):
            while active := await connection.fetch(
                "SELECT id, status, attempt, failures, worker, rung_at, next_attempt_at, error, updated_at FROM job"
                " WHERE status IN ('queued', 'running')"
            ):
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"jobs do not end: {[dict(row) for row in active]}") from None
    finally:
        await connection.close()


async def broken(site: Site, promises: Promises) -> list[str]:
    """Every invariant that does not hold, in words."""
    connection = await connect(site)
    try:
        sessions = {str(row["id"]): row for row in await connection.fetch("SELECT * FROM session")}
        jobs = {str(row["id"]): row for row in await connection.fetch("SELECT * FROM job")}
        segments = await connection.fetch(
            "SELECT session_id, sum(jsonb_array_length(words)) AS words FROM transcript_segment GROUP BY 1"
        )
        events = await connection.fetch("SELECT job_id, what, attempt FROM job_event ORDER BY n")
        usage = await connection.fetch("SELECT job_id, count(*) AS rows FROM usage GROUP BY 1")
    finally:
        await connection.close()
    words = {str(row["session_id"]): row["words"] for row in segments}
    booked = {str(row["job_id"]): row["rows"] for row in usage}
    found = [
        *_promises(promises, sessions, jobs),
        *_results(sessions, jobs, words, booked),
        *_events(jobs, [(str(row["job_id"]), row["what"], row["attempt"]) for row in events]),
        *_files(site.folder, sessions),
    ]
    return found + await _queue(site)


def _promises(promises: Promises, sessions: dict[str, Any], jobs: dict[str, Any]) -> Iterator[str]:
    lost = promises.sessions - sessions.keys() - promises.maybe_erased
    yield from (f"session {s} was accepted and is gone" for s in lost)
    yield from (f"session {s} was erased and is there" for s in promises.erased & sessions.keys())
    for job, status in promises.terminal.items():
        if job in jobs and jobs[job]["status"] != status:
            yield f"job {job} was {status} and is {jobs[job]['status']}"
    for job in promises.cancelled & jobs.keys():
        if jobs[job]["status"] != "cancelled":
            yield f"job {job} was cancelled and is {jobs[job]['status']}"


def _results(
    sessions: dict[str, Any], jobs: dict[str, Any], words: dict[str, int], booked: dict[str, int]
) -> Iterator[str]:
    for name, session in sessions.items():
        newest = jobs.get(str(session["transcription_job_id"]))
        if newest is None or session["status"] != newest["status"]:
            yield f"session {name} says {session['status']}, its job {newest and newest['status']}"
    for name, job in jobs.items():
        if job["status"] == "succeeded":
            if words.get(str(job["session_id"])) != WORDS:
                yield f"job {name} succeeded with {words.get(str(job['session_id']))} words"
            if name not in booked:
                yield f"job {name} succeeded and was not booked"
        if booked.get(name, 0) > job["attempt"]:
            yield f"job {name} was booked {booked[name]} times in {job['attempt']} attempts"


def _events(jobs: dict[str, Any], events: list[tuple[str, str, int]]) -> Iterator[str]:
    ended: dict[str, str] = {}
    attempts: dict[str, int] = {}
    for job, what, attempt in events:
        if what in _PHASES:  # told by another statement, which may have begun before the end
            continue
        if job in ended:
            yield f"job {job}: {what} after {ended[job]}"
        if what == "claimed":
            if attempt != attempts.get(job, 0) + 1:
                yield f"job {job}: attempt {attempt} after {attempts.get(job, 0)}"
            attempts[job] = attempt
        if what in _ENDED:
            ended[job] = what
    yield from (f"job {job} has no end among its events" for job in jobs.keys() - ended.keys())


def _files(folder: Path, sessions: dict[str, Any]) -> Iterator[str]:
    kept = {path.parent.name for path in (folder / "objects").rglob("source") if path.is_file()}
    yield from (f"session {session} has lost its recording" for session in sessions.keys() - kept)


async def _queue(site: Site) -> list[str]:
    """The queue empties: what stands there for jobs that have ended is taken and dropped."""
    client = redis.asyncio.Redis.from_url(site.queue.url)
    left = -1
    try:
        async with asyncio.timeout(300):
            while left := int(await client.zcard(names.lane_queue("transcripts", "scripted"))):
                await asyncio.sleep(0.1)
        held = [key async for key in client.scan_iter("transcripts:*:held:*")]
    except TimeoutError:
        return [f"{left} jobs stay in the queue"]
    finally:
        await client.aclose()
    return [f"{key!r} is still held" for key in held]
