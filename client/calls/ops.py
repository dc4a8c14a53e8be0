"""What operators look at and do; these calls need a key with the scope `ops`, and see all tenants."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from client.calls.reading import ask, listed, read, send
from client.models import OperatorJob, OperatorJobDetail, Outcome, Queue, Scaling, Worker, Workers
from client.plans import Feed, Plan, Request
from client.retries import answered
from shared.lifecycle import JobStatus

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
    limit: int | None = None,
) -> Feed[OperatorJob]:
    """Jobs of all tenants, newest first."""
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
    )


def job(job_id: UUID) -> Plan[OperatorJobDetail]:
    """A job of any tenant, with its events in order."""
    return ask(OperatorJobDetail, "GET", f"{_PATH}/jobs/{job_id}")


def requeue(
    ids: Sequence[UUID] = (),
    *,
    status: Sequence[JobStatus] = (),
    tenant_id: str | None = None,
    engine: str | None = None,
    error_code: str | None = None,
    created_after: datetime | None = None,
    limit: int | None = None,
) -> Plan[Outcome]:
    """Run failed or cancelled jobs again, by id or all that match; a selection that names nothing is refused."""
    body = _selection(ids, status, tenant_id, engine, error_code, created_after, limit)
    return ask(Outcome, "POST", f"{_PATH}/jobs/requeue", body={"json": body})


def cancel(
    ids: Sequence[UUID] = (),
    *,
    status: Sequence[JobStatus] = (),
    tenant_id: str | None = None,
    engine: str | None = None,
    error_code: str | None = None,
    created_after: datetime | None = None,
    limit: int | None = None,
) -> Plan[Outcome]:
    """Cancel active jobs, by id or all that match; a selection that names nothing is refused."""
    body = _selection(ids, status, tenant_id, engine, error_code, created_after, limit)
    return ask(Outcome, "POST", f"{_PATH}/jobs/cancel", body={"json": body})


def _selection(
    ids: Sequence[UUID],
    status: Sequence[JobStatus],
    tenant_id: str | None,
    engine: str | None,
    error_code: str | None,
    created_after: datetime | None,
    limit: int | None,
) -> dict[str, Any]:
    wanted = {
        "ids": [str(each) for each in ids],
        "status": list(status),
        "tenant_id": tenant_id,
        "engine": engine,
        "error_code": error_code,
        "created_after": created_after.isoformat() if created_after else None,
        "limit": limit,
    }
    return {name: value for name, value in wanted.items() if value not in (None, [])}
