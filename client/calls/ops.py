"""What operators look at and do; these calls need a key with the scope `ops`, and see all tenants."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from client.calls.reading import ask, listed, read, send
from client.models import OperatorJob, OperatorJobDetail, Outcome, Queue, Scaling, Trends, Worker, Workers
from client.plans import Feed, Plan, Request
from client.retries import answered
from shared.lifecycle import JobStatus
from shared.periods import Span

_PATH: Final = "/v1/ops"


def workers() -> Plan[tuple[Worker, ...]]:
    """The workers seen in the last day, the living first."""
    response = yield from answered(Request("GET", f"{_PATH}/workers"))
    return read(Workers, response).items


def drain(worker_id: str) -> Plan[None]:
    """Have a worker end what it runs, claim no more, and stop."""
    return send("POST", f"{_PATH}/workers/{worker_id}/drain")


def queue() -> Plan[Queue]:
    """The queue now, and how it went in the past five minutes, hour and day."""
    return ask(Queue, "GET", f"{_PATH}/queue")


def scaling() -> Plan[Scaling]:
    """What a scaler needs: due and running jobs, places free and wanted, in all and by engine."""
    return ask(Scaling, "GET", f"{_PATH}/scaling")


def trends(span: Span = Span.DAY) -> Plan[Trends]:
    """How jobs ended, waited and ran, and what they cost, interval by interval over a span of the past."""
    return ask(Trends, "GET", f"{_PATH}/trends", params={"span": str(span)})


def pause(reason: str = "") -> Plan[None]:
    """Let nothing more into the queue; what runs goes on."""
    return send("POST", f"{_PATH}/queue/pause", body={"json": {"reason": reason}})


def resume() -> Plan[None]:
    """Let jobs in again."""
    return send("POST", f"{_PATH}/queue/resume")


def jobs(
    *,
    status: Sequence[JobStatus] = (),
    tenant_id: str | None = None,
    engine: str | None = None,
    worker: str | None = None,
    error_code: str | None = None,
    created_after: datetime | None = None,
    deferred: bool | None = None,
    session_id: UUID | None = None,
    request_id: str | None = None,
    limit: int | None = None,
) -> Feed[OperatorJob]:
    """Jobs of all tenants, newest first; `deferred` ones wait for the time of their next attempt."""
    return listed(
        OperatorJob,
        f"{_PATH}/jobs",
        limit,
        status=list(status),
        tenant_id=tenant_id,
        engine=engine,
        worker=worker,
        error_code=error_code,
        created_after=created_after,
        deferred=deferred,
        session_id=session_id,
        request_id=request_id,
    )


def job(job_id: UUID) -> Plan[OperatorJobDetail]:
    """A job of any tenant, with its events in order."""
    return ask(OperatorJobDetail, "GET", f"{_PATH}/jobs/{job_id}")


class _OnJobs(Protocol):
    """A call that does something to jobs, by id or to all that match."""

    def __call__(
        self,
        ids: Sequence[UUID] = (),
        *,
        status: Sequence[JobStatus] = (),
        tenant_id: str | None = None,
        engine: str | None = None,
        error_code: str | None = None,
        created_after: datetime | None = None,
        limit: int | None = None,
    ) -> Plan[Outcome]: ...


def _on_jobs(action: str, what: str) -> _OnJobs:
    def act(
        ids: Sequence[UUID] = (),
        *,
        status: Sequence[JobStatus] = (),
        tenant_id: str | None = None,
        engine: str | None = None,
        error_code: str | None = None,
        created_after: datetime | None = None,
        limit: int | None = None,
    ) -> Plan[Outcome]:
        selection = {
            "ids": [str(each) for each in ids],
            "status": list(status),
            "tenant_id": tenant_id,
            "engine": engine,
            "error_code": error_code,
            "created_after": created_after.isoformat() if created_after else None,
            "limit": limit,
        }
        named = {name: value for name, value in selection.items() if value not in (None, [])}
        return ask(Outcome, "POST", f"{_PATH}/jobs/{action}", body={"json": named})

    act.__name__ = act.__qualname__ = action
    act.__doc__ = f"{what}, by id or all that match; a selection that names nothing is refused."
    return act


requeue: Final = _on_jobs("requeue", "Run failed or cancelled jobs again")
cancel: Final = _on_jobs("cancel", "Cancel active jobs")
