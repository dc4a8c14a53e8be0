"""What webhooks tell of, and the SQL that queues it in the statement that makes it so; standard library only."""

from enum import StrEnum
from typing import Final


class Event(StrEnum):
    """What happened; the type of a webhook's payload."""

    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    SESSION_DELETED = "session.deleted"
    TEST = "webhook.test"


SUBSCRIBABLE: Final[tuple[Event, ...]] = tuple(event for event in Event if event is not Event.TEST)

# UUIDv7 (shared.ids) in SQL, which Postgres has only from 18 on: random, with the time over its first 48 bits.
NEW_ID: Final = (
    "encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing"
    " substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),"
    " 52, 1), 53, 1), 'hex')::uuid"
)

_JOB: Final = """jsonb_build_object(
    'job_id', r.id, 'session_id', r.session_id, 'status', r.status, 'language', r.language,
    'duration_ms', s.duration_ms, 'finished_at', r.finished_at, 'retry_of', r.retry_of,
    'error', CASE WHEN r.error IS NOT NULL THEN
        jsonb_build_object('code', r.error ->> 'code', 'detail', r.error ->> 'detail') END)"""
_SESSION: Final = "jsonb_build_object('session_id', r.id)"


def tell_of_job(event: Event, rows: str) -> str:
    """An INSERT that queues `event` for every endpoint that wants it, of the job rows that the CTE `rows` returns.

    It is part of the statement that ends the job: either both are committed or neither is. Payloads hold ids and
    what became of them, nothing that was said: they outlive an erased session.
    """
    return _insert(event, _JOB, f"{rows} r JOIN session s ON s.id = r.session_id", "s")


def tell_of_session(event: Event, rows: str) -> str:
    """The same of the session rows that the CTE `rows` returns."""
    return _insert(event, _SESSION, f"{rows} r", "r")


def _insert(event: Event, data: str, rows: str, session: str) -> str:
    """`session`: the alias of the session's row, which may have an address of its own at an endpoint's host."""
    return f"""INSERT INTO webhook_delivery (id, endpoint_id, tenant_id, url, event, data)
    SELECT {NEW_ID}, e.id, r.tenant_id, CASE WHEN e.id = {session}.webhook_id THEN {session}.webhook_url END,
        '{event}', {data}
    FROM {rows} JOIN webhook_endpoint e ON e.tenant_id = r.tenant_id
    WHERE e.disabled_at IS NULL AND (e.events @> '["{event}"]' OR e.id = {session}.webhook_id)
    """  # noqa: S608  (the parts are constants)
