"""Jobs followed to their end: by one event stream each, by polls that are held, or many by one list.

A stream costs one request however long the job runs. Where something on the way holds streams back, the job is
polled instead: as seldom as the service's Retry-After says, and held by the service (`Prefer: wait`) near its end.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import httpx

from client.calls import jobs
from client.calls.reading import listed, read, read_json
from client.errors import (
    ClientError,
    JobCancelledError,
    JobFailedError,
    RefusedError,
    UnreachableError,
    refusal,
    retry_after_s,
)
from client.event_stream import EventParser
from client.models import Job
from client.plans import Feed, Hear, Listen, Pause, Plan, Request, Tell, taken
from client.retries import Backoff, answered, may_pass, unreachable
from shared.lifecycle import ACTIVE, JobStatus

_SILENCE_S: Final = 40.0  # the service sends something every 15 s
_HOLD_S: Final = 60  # as long as the service holds a request, at most
_SOON_S: Final = 10.0  # a job that may end within is worth a held request
_UNHELD_S: Final = 2.0  # between polls of a service that neither holds them nor says when to come back
_MANY_S: Final = (2.0, 5.0)  # between two looks at a list: at first, and in the long run
_STEADY_S: Final = 60.0
_TRIES: Final = 12  # failures in a row: with their pauses some five minutes, longer than a restart takes


@dataclass(slots=True)
class _Stream:
    """What is known of a job's event stream over all its connections."""

    job_id: UUID
    last_id: str = ""
    over: bool = False
    came_through: bool = True  # False: something on the way holds events back
    backoff: Backoff = field(default_factory=lambda: Backoff(_TRIES))
    again_s: float = 0.0


def follow(job_id: UUID) -> Feed[Job]:
    """The job now and after each change, until it is over; outlasts restarts of the service.

    NotFoundError, also when it is deleted meanwhile; UnreachableError when the service stays away for minutes.
    """
    stream = _Stream(job_id)
    while not stream.over:
        error: ClientError = UnreachableError(
            "The service ended the stream of events early, again and again."
        )
        try:
            yield from _connection(stream)
        except httpx.HTTPError as failed:
            error = unreachable(failed)
        except RefusedError as refused:
            error = refused
        if not stream.came_through:
            yield from poll(job_id)
            return
        if not stream.over:
            pause = stream.backoff.after(error) if may_pass(error) else None
            if pause is None:
                raise error
            yield Pause(max(pause, stream.again_s))


def _connection(stream: _Stream) -> Feed[Job]:
    """What one connection tells."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": stream.last_id} if stream.last_id else {})
    path = f"{jobs.PATH}/{stream.job_id}/events"
    response = yield Listen(Request("GET", path, headers=headers, read_s=_SILENCE_S))
    if response.is_error:
        raise refusal(response)
    if response.status_code == httpx.codes.NO_CONTENT:
        stream.over = True
        return
    stream.came_through = False
    if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
        return
    parser = EventParser()
    while chunk := (yield Hear()):
        if stream.came_through:
            stream.backoff.reset()  # by what comes after the greeting, be it a heartbeat
        stream.came_through = True
        for event in parser.feed(chunk):
            stream.backoff.reset()
            if event.name == "gone":
                yield from jobs.get(stream.job_id)  # raises what the service says of it now
            if event.name == "job":
                stream.last_id = event.id
                yield Tell(job := read_json(Job, event.data))
                stream.over = job.is_over
        stream.again_s = parser.retry_s or stream.again_s


def poll(job_id: UUID) -> Feed[Job]:
    """The same by requests alone: a minute-long one where the job may end soon, else a short one when it is time."""
    etag, hold, seen = "", False, None
    while True:
        headers = {"Prefer": f"wait={_HOLD_S}"} if hold else {"If-None-Match": etag}
        request = Request("GET", f"{jobs.PATH}/{job_id}", headers=headers, read_s=_HOLD_S + _SILENCE_S)
        response = yield from answered(request, Backoff(_TRIES))
        if response.status_code == httpx.codes.OK:
            etag = response.headers.get("ETag", "")
            job = read(Job, response)
            if job != seen:
                seen = job
                yield Tell(job)
            if job.is_over:
                return
        quiet = retry_after_s(response)
        held = "wait" in response.headers.get("Preference-Applied", "")
        if quiet is None or quiet < _SOON_S:
            if hold and not held:
                yield Pause(quiet or _UNHELD_S)
            hold = True
        else:
            hold = False
            yield Pause(quiet)


def follow_all(job_ids: Iterable[UUID]) -> Feed[Job]:
    """Each of the jobs whenever it has changed, until all are over; many cost no more requests than a few."""
    waiting: dict[UUID, Job | None] = dict.fromkeys(job_ids)
    if len(waiting) == 1:
        yield from follow(next(iter(waiting)))
        return
    waited = 0.0
    while waiting:
        active = yield from _active(min(waiting))
        for job_id, seen in list(waiting.items()):
            job = active.get(job_id) or (yield from jobs.get(job_id))
            if job != seen:
                waiting[job_id] = job
                yield Tell(job)
            if job.is_over:
                del waiting[job_id]
        if waiting:
            pause = _MANY_S[0] if waited < _STEADY_S else _MANY_S[1]
            waited += pause
            yield Pause(pause)


def wait(job_id: UUID, on_change: Callable[[Job], None] | None = None) -> Plan[Job]:
    """The job once it has succeeded; JobFailedError, or its kind JobCancelledError, where it did not."""
    last: list[Job] = []

    def take(job: Job) -> None:
        last[:] = [job]
        if on_change is not None:
            on_change(job)

    yield from taken(follow(job_id), take)
    job = last[0] if last else (yield from jobs.get(job_id))
    if job.status is JobStatus.SUCCEEDED:
        return job
    raise (JobCancelledError if job.status is JobStatus.CANCELLED else JobFailedError)(job)


def _active(oldest: UUID) -> Plan[dict[UUID, Job]]:
    """The jobs that are queued or running and not older than this one; ids sort by age."""
    active: dict[UUID, Job] = {}

    def take(job: Job) -> bool:
        active[job.id] = job
        return job.id <= oldest

    yield from taken(listed(Job, jobs.PATH, status=[each for each in JobStatus if each in ACTIVE]), take)
    return active
