"""What travels in Redis for a job: arq's five fields as JSON, a version, and the job's rank. Never pickle."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import TranscriptsError
from shared.lifecycle import Priority
from shared.ports import Ring

VERSION: Final = 1

_ENCODE: Final = json.JSONEncoder(separators=(",", ":"), default=repr).encode
_HOUR_MS: Final = 3_600_000
# A job's score is its due time minus its rank, so a lead of an hour is what separates neighbours: a job that
# has waited for an hour ranks with a fresh one of the next priority, and nothing starves.
_RANK_MS: Final = {Priority.HIGH: 2 * _HOUR_MS, Priority.NORMAL: _HOUR_MS, Priority.LOW: 0}


class NewerEnvelopeError(TranscriptsError):
    """The job was queued by a newer release than this worker. It is kept for a worker that knows its form."""

    code = "queue_newer_envelope"
    transient = True


class BrokenEnvelopeError(TranscriptsError):
    """What is queued under this id is not an envelope. It is dropped; the job is kept and is queued again."""

    code = "queue_broken_envelope"


@dataclass(frozen=True, slots=True)
class Call:
    """What an envelope asks for: a task, its arguments, when it was asked (ms since 1970), and the job's rank."""

    task: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    queued_ms: int
    job_try: int  # an arq client may say that this is not the first try
    rank: int


def rank_ms(priority: Priority) -> int:
    """How far ahead of its due time a job stands in the queue, in milliseconds."""
    return _RANK_MS[priority]


def envelope(ring: Ring, task: str, now_ms: int) -> bytes:
    """The envelope of a ring: a stock arq worker calls `task(ctx, job_id, request_id=, traceparent=)`."""
    traces = {"request_id": ring.request_id, "traceparent": ring.traceparent}
    return dumps(
        {
            "f": task,
            "a": [str(ring.job_id)],
            "k": {name: value for name, value in traces.items() if value is not None},
            "t": None,
            "et": now_ms,
            "rank": rank_ms(ring.priority),
        }
    )


def dumps(fields: dict[str, Any]) -> bytes:
    """The serializer of arq clients and workers; what JSON has no form for becomes its repr."""
    return _ENCODE({"v": VERSION, **fields}).encode()


def loads(raw: bytes) -> dict[str, Any]:
    """The deserializer; an envelope without a version is one from before versions.

    Raises NewerEnvelopeError for a version of the future and BrokenEnvelopeError for what is no envelope.
    """
    try:
        fields = json.loads(raw)
        version = int(fields.get("v", VERSION))
    except (ValueError, TypeError, AttributeError) as error:
        raise BrokenEnvelopeError from error
    if version > VERSION:
        raise NewerEnvelopeError(
            f"The job was queued in form {version} and this worker knows {VERSION}. It is kept: update the workers."
        )
    return dict(fields)


def opened(raw: bytes) -> Call:
    """What an envelope asks for, whoever queued it.

    Raises NewerEnvelopeError for a version of the future and BrokenEnvelopeError for what is no envelope.
    """
    fields = loads(raw)
    try:
        return Call(
            str(fields["f"]),
            list(fields["a"]),
            {str(name): value for name, value in fields["k"].items()},
            int(fields["et"]),
            int(fields.get("t") or 1),
            int(fields.get("rank", 0)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BrokenEnvelopeError from error
