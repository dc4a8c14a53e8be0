"""What operators look at: `ops workers`, `queue`, `scaling`, `jobs`, `job`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from client.command.filters import After, Engine, ErrorCode, Limit, Statuses, Tenant
from client.command.ids import Id
from client.command.running import command
from client.command.terminal import Terminal, facts
from client.wording import age, clock, span

if TYPE_CHECKING:
    from client.aio import AsyncClient
    from client.models import Event, OperatorJobDetail, Past, Queue

Columns = dict[str, Callable[[Any], Any]]


@command("workers", ("transcripts ops workers", "who works, who is draining, who was lost"))
async def workers(client: "AsyncClient", terminal: Terminal) -> None:
    """Show the workers seen in the last day, with what they run."""
    people = terminal.is_shown
    columns: Columns = {
        "id": lambda each: each.id,
        "state": lambda each: each.state,
        "jobs>": lambda each: f"{each.running}/{each.max_jobs}",
        "seen>": lambda each: age(each.seen_at) if people else each.seen_at,
        "since>": lambda each: age(each.started_at) if people else each.started_at,
        "version": lambda each: each.version,
        "host": lambda each: f"{each.host}:{each.pid}",
        "engines": lambda each: ",".join(each.engines),
    }
    terminal.results(await client.ops.workers(), columns, empty="No worker was seen in the last day.")


@command(
    "queue",
    ("transcripts ops queue", "how long the line is, and how fast it moves"),
    ("transcripts ops queue --json | jq .due", "what to scale on: jobs that could run now"),
)
async def queue(client: "AsyncClient", terminal: Terminal) -> None:
    """Show the queue.

    Its places, what runs, is due or deferred, how long it waits, and how jobs ended.
    """
    found = await client.ops.queue()
    if terminal.as_json:
        terminal.json(found)
    elif terminal.out.is_terminal:
        _show_queue(terminal, found)
    else:
        for name in ("paused", "workers", "places", "running", "due", "deferred", "oldest_due_ms"):
            terminal.line(name, getattr(found, name))


@command(
    "scaling",
    ("transcripts ops scaling", "places there are, and places that would be used, by engine"),
    ("transcripts ops scaling --json | jq .places_wanted", "what a scaler reads"),
)
async def scaling(client: "AsyncClient", terminal: Terminal) -> None:
    """Show what a scaler needs: places free and wanted, in all and by engine."""
    found = await client.ops.scaling()
    if terminal.as_json:
        terminal.json(found)
        return
    rows = [("all", found), *sorted(found.engines.items())]
    columns: Columns = {
        "engine": lambda each: each[0],
        "workers>": lambda each: each[1].workers,
        "places>": lambda each: each[1].places,
        "free>": lambda each: each[1].places_free,
        "wanted>": lambda each: each[1].places_wanted,
        "running>": lambda each: each[1].running,
        "due>": lambda each: each[1].due,
        "deferred>": lambda each: each[1].deferred,
        "oldest>": lambda each: _age(each[1].oldest_due_ms) if terminal.is_shown else each[1].oldest_due_ms,
    }
    terminal.results(rows, columns)
    if found.paused:
        terminal.say("The queue is paused: due jobs want no places until transcripts ops resume")


@command(
    "jobs",
    ("transcripts ops jobs -s running", "who runs what where"),
    ("transcripts ops jobs -s failed --after 1d --error engine_quota", "what the quota cost since yesterday"),
    (
        "transcripts ops jobs --request 019ab5d07c027d1e9f74aabbccddeeff",
        "what became of a request in the log",
    ),
)
async def jobs(
    client: "AsyncClient",
    terminal: Terminal,
    *,
    status: Statuses = None,
    tenant: Tenant = None,
    engine: Engine = None,
    worker: Annotated[
        str | None, typer.Option(metavar="ID", help="Only those that run on this worker", show_default=False)
    ] = None,
    error: ErrorCode = None,
    after: After = None,
    deferred: Annotated[
        bool | None,
        typer.Option(
            "--deferred/--no-deferred",
            help="Only those that wait for the time of their next attempt, or only the others",
            show_default=False,
        ),
    ] = None,
    session: Annotated[
        UUID | None, typer.Option(metavar="ID", help="Only those of this session", show_default=False)
    ] = None,
    request: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Only those that this request made (X-Request-Id)", show_default=False
        ),
    ] = None,
    limit: Limit = 20,
) -> None:
    """List jobs of all tenants, newest first."""
    found = client.ops.jobs(
        status=status or (), tenant_id=tenant, engine=engine, worker=worker, error_code=error, created_after=after,
        deferred=deferred, session_id=session, request_id=request, limit=limit or None,
    )  # fmt: skip
    columns: Columns = {
        "job id": lambda each: each.job.id,
        "status": lambda each: each.job.status,
        "%>": lambda each: each.job.progress,
        "age>": lambda each: age(each.job.created_at) if terminal.is_shown else each.job.created_at,
        "tenant": lambda each: each.tenant_id,
        "engine": lambda each: each.job.engine,
        "worker": lambda each: each.worker,
        "error": lambda each: each.job.error.code if each.job.error else "",
        "title": lambda each: each.title,
    }
    terminal.results([each async for each in found], columns, empty="No such job.")


@command(
    "job",
    ("transcripts ops job 019ab5d0-7c01-7c4d-8e63-4a9b2d3c5e6f", "every status, phase and worker it had"),
)
async def job(client: "AsyncClient", terminal: Terminal, job_id: Id) -> None:
    """Show a job of any tenant, with everything that happened to it."""
    found = await _job(client, job_id)
    if terminal.as_json:
        terminal.json(found)
        return
    if terminal.out.is_terminal:
        pairs = [
            ("job", found.job.id), ("session", found.job.session_id), ("title", found.title),
            ("tenant", found.tenant_id), ("status", found.job.status), ("worker", found.worker),
            ("request", found.request_id), ("trace", found.trace_id), ("cost", _dollars(found.micro_dollars)),
            ("error", f"{found.job.error.code}: {found.job.error.detail}" if found.job.error else ""),
        ]  # fmt: skip
        terminal.show(facts(pairs))
        terminal.show("")
    began = found.events[0].at if found.events else None
    columns: Columns = {
        "at": lambda each: each.at.isoformat(timespec="milliseconds"),
        "after>": lambda each: span((each.at - began).total_seconds()) if began else "",
        "attempt>": lambda each: each.attempt or "",
        "what": lambda each: each.what,
        "detail": _detail,
    }
    terminal.results(found.events, columns, empty="Nothing is known of it.")


async def _job(client: "AsyncClient", some_id: UUID) -> "OperatorJobDetail":
    """The job with this id, or the newest one of the session that has it; NotFoundError."""
    from client.errors import NotFoundError  # noqa: PLC0415

    try:
        return await client.ops.job(some_id)
    except NotFoundError:
        async for each in client.ops.jobs(session_id=some_id, limit=1):
            return await client.ops.job(each.job.id)
        raise


def _show_queue(terminal: Terminal, found: "Queue") -> None:
    state = f"paused: {found.pause_reason or 'no reason given'}" if found.paused else "open"
    oldest = f", the oldest for {span(found.oldest_due_ms / 1000)}" if found.oldest_due_ms is not None else ""
    pairs = [
        ("queue", state),
        ("workers", f"{found.workers}, with {found.places} places"),
        ("running", found.running),
        ("due", f"{found.due}{oldest}"),
        ("deferred", found.deferred),
    ]
    if found.unserved_engines:
        pairs.append(("waiting for", f"a worker with {', '.join(found.unserved_engines)}: none runs"))
    terminal.show(facts(pairs))
    for title, lines in (
        ("priority", found.by_priority),
        ("tenant", found.by_tenant),
        ("engine", found.by_engine),
    ):
        if lines:
            terminal.show("")
            terminal.results(lines, {title: lambda each: each.name, **_LINE})
    if found.past:
        terminal.show("")
        terminal.results(found.past, _PAST)


def _ms(value: int | None) -> str:
    return "" if value is None else span(value / 1000)


def _age(ms: int) -> str:
    return span(ms / 1000) if ms else ""


def _period(past: "Past") -> str:
    return {300: "5 min", 3_600: "hour", 86_400: "day"}.get(past.seconds, clock(past.seconds * 1000))


_LINE: Final[Columns] = {
    "running>": lambda each: each.running,
    "waiting>": lambda each: each.waiting,
}
_PAST: Final[Columns] = {
    "past": _period,
    "succeeded>": lambda each: each.succeeded,
    "failed>": lambda each: each.failed,
    "cancelled>": lambda each: each.cancelled,
    "wait p50>": lambda each: _ms(each.wait_p50_ms),
    "p95>": lambda each: _ms(each.wait_p95_ms),
    "run p50>": lambda each: _ms(each.run_p50_ms),
    "run p95>": lambda each: _ms(each.run_p95_ms),
}


def _detail(event: "Event") -> str:
    return ", ".join(f"{name} {value}" for name, value in event.detail.items() if value is not None)


def _dollars(micro: int | None) -> str:
    return "" if micro is None else f"${micro / 1e6:.4f}"


COMMANDS: Final = (workers, queue, scaling, jobs, job)
