"""What stands between this machine and the service: looked at one after the other, each with what mends it."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from client.aio import AsyncClient
from client.errors import ClientError, NotAllowedError, NotAuthenticatedError, UnreachableError
from client.models import Queue, Worker

API_VERSION: Final = "1"
_SLOW_S: Final = 1.0
_SKEW_S: Final = 30.0
_PARTS: Final = {
    "sessions": "/v1/sessions",
    "keys": "/v1/keys",
    "speakers": "/v1/sessions/{session_id}/speakers",
    "search": "/v1/search",
    "resumable uploads": "/v1/uploads",
    "webhooks": "/v1/webhooks",
    "usage": "/v1/usage",
    "operations": "/v1/ops/queue",
}


class Grade(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    NOTE = "note"  # works, and there is something to know
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `fix` is what to do about it."""

    subject: str
    grade: Grade
    detail: str
    fix: str = ""


async def examine(client: AsyncClient, address: str, key_source: str) -> AsyncIterator[Finding]:
    """The findings, from the network up to the queue; ends early where nothing more can be told."""
    yield Finding("address", Grade.OK, address)
    try:
        began, before = time.perf_counter(), datetime.now(UTC)
        sign = await client.service.alive()
        took = time.perf_counter() - began
    except ClientError as error:
        fix = "Check TRANSCRIPTS_URL, the network, and that the service runs: `make up`, or `make doctor` beside it."
        if not isinstance(error, UnreachableError):
            fix = "Something else than the service answers there: check TRANSCRIPTS_URL and the proxy."
        yield Finding("reached", Grade.FAIL, error.detail, fix)
        return
    yield Finding("reached", Grade.OK if took < _SLOW_S else Grade.NOTE, f"answers in {took * 1000:.0f} ms")
    yield _clock(before, sign.date, took)
    async for finding in _version(client):
        yield finding
    key = await _key(client, key_source)
    yield key
    async for finding in _readiness(client):
        yield finding
    if key.grade is not Grade.FAIL:
        async for finding in _operations(client):
            yield finding


def _clock(before: datetime, theirs: datetime | None, took: float) -> Finding:
    if theirs is None:
        return Finding("clock", Grade.NOTE, "the service does not tell its time")
    # A Date header has whole seconds: half a second may be cut off.
    skew = (before - theirs).total_seconds() + took / 2 - 0.5
    if abs(skew) <= _SKEW_S:
        return Finding("clock", Grade.OK, f"within {abs(skew) + 1:.0f} s of the service's")
    side = "ahead of" if skew > 0 else "behind"
    return Finding(
        "clock",
        Grade.NOTE,
        f"{abs(skew):.0f} s {side} the service's",
        "Set one of the two: times of jobs look wrong.",
    )


async def _version(client: AsyncClient) -> AsyncIterator[Finding]:
    try:
        contract = await client.service.contract()
    except ClientError as error:
        yield Finding("version", Grade.NOTE, f"unknown: {error.detail}")
        return
    if contract.version != API_VERSION:
        detail = (
            f"the service speaks version {contract.version} of the API, this client version {API_VERSION}"
        )
        yield Finding("version", Grade.FAIL, detail, "Install the client that belongs to the service.")
        return
    missing = [name for name, path in _PARTS.items() if path not in contract.paths]
    if missing:
        yield Finding(
            "version", Grade.NOTE, f"API {API_VERSION}; the service has no {', '.join(missing)} yet"
        )
    else:
        yield Finding("version", Grade.OK, f"API {API_VERSION}, with everything that this client can use")


async def _key(client: AsyncClient, source: str) -> Finding:
    try:
        async for _ in client.sessions.list(limit=1):
            break
    except NotAuthenticatedError as error:
        where = f"{error.detail} (from {source})" if source else error.detail
        return Finding("key", Grade.FAIL, where, "Set TRANSCRIPTS_API_KEY to a key that the service knows.")
    except NotAllowedError as error:
        return Finding("key", Grade.NOTE, error.detail, "It opens other things alone.")
    except ClientError as error:
        return Finding("key", Grade.FAIL, error.detail, error.advice)
    return Finding(
        "key", Grade.OK, f"from {source}, reads sessions" if source else "none, and none is wanted"
    )


async def _readiness(client: AsyncClient) -> AsyncIterator[Finding]:
    try:
        readiness = await client.service.readiness()
    except ClientError as error:
        yield Finding("ready", Grade.FAIL, error.detail, error.advice)
        return
    for name, check in readiness.checks.items():
        # What keeps the service from its work makes it unready; what does not is information.
        bad = Grade.FAIL if readiness.status == "unready" else Grade.NOTE
        yield Finding(name.replace("_", " "), Grade.OK if check.ok else bad, check.detail)


async def _operations(client: AsyncClient) -> AsyncIterator[Finding]:
    try:
        queue, workers = await client.ops.queue(), await client.ops.workers()
    except NotAllowedError:
        yield Finding("operations", Grade.OK, "not looked at: the key has no scope ops")
        return
    except ClientError as error:
        yield Finding("operations", Grade.NOTE, error.detail)
        return
    yield _queue(queue)
    lost = [worker for worker in workers if worker.state == "lost"]
    if lost:
        yield _lost(lost)


def _queue(queue: Queue) -> Finding:
    counts = f"{queue.running} running on {queue.places} places, {queue.due} due, {queue.deferred} deferred"
    if queue.paused:
        why = f": {queue.pause_reason}" if queue.pause_reason else ""
        return Finding("queue", Grade.NOTE, f"paused{why}; {counts}", "transcripts ops resume")
    if queue.due and not queue.workers:
        return Finding("queue", Grade.FAIL, f"nobody works: {counts}", "Start a worker.")
    if queue.oldest_due_ms is not None and queue.oldest_due_ms > 60_000:
        waits = f"{counts}; the oldest has waited {queue.oldest_due_ms / 60_000:.0f} min"
        return Finding(
            "queue",
            Grade.NOTE,
            waits,
            "How many workers it wants: transcripts plan-capacity --measured",
        )
    return Finding("queue", Grade.OK, counts)


def _lost(workers: list[Worker]) -> Finding:
    names = ", ".join(worker.id for worker in workers)
    return Finding(
        "workers lost",
        Grade.NOTE,
        names,
        "They went without a goodbye; their jobs run elsewhere. Look at their logs.",
    )
