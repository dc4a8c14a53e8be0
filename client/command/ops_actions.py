"""What operators do: `ops pause`, `resume`, `drain`, `requeue`, `cancel`."""

from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from client.command import ops, ops_trends
from client.command.exit_codes import ExitCode
from client.command.filters import After, Engine, ErrorCode, Limit, Statuses, Tenant
from client.command.running import Command, Group, command
from client.command.terminal import Terminal

if TYPE_CHECKING:
    from client.aio import AsyncClient
    from client.models import Outcome

SomeIds = Annotated[
    list[UUID] | None, typer.Argument(metavar="ID", help="Jobs; else all that the options name")
]


@command("pause", ("transcripts ops pause --reason 'Google is down'", "what is sent is taken, and waits"))
async def pause(
    client: "AsyncClient",
    terminal: Terminal,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="For those who wonder", show_default=False)
    ] = "",
) -> None:
    """Let nothing more into the queue. What runs goes on; what is sent is taken, and waits."""
    await client.ops.pause(reason)
    terminal.say("The queue is paused: transcripts ops resume")


@command("resume", ("transcripts ops resume", "jobs go in again"))
async def resume(client: "AsyncClient", terminal: Terminal) -> None:
    """Let jobs into the queue again."""
    await client.ops.resume()
    terminal.say("The queue moves again.")


@command("drain", ("transcripts ops drain worker-7f9c-12", "before its machine goes away"))
async def drain(
    client: "AsyncClient",
    terminal: Terminal,
    worker_ids: Annotated[
        list[str], typer.Argument(metavar="WORKER", help="As `transcripts ops workers` shows them")
    ],
) -> None:
    """Have workers end what they run, claim no more, and stop."""
    for each in worker_ids:
        await client.ops.drain(each)
        terminal.say(f"{each} drains.")


def _on_jobs(name: str, what: str, done: str, *examples: tuple[str, str]) -> Command:
    """A command that does something to jobs, by id or to all that the options name."""

    async def work(
        client: "AsyncClient",
        terminal: Terminal,
        *,
        ids: SomeIds = None,
        status: Statuses = None,
        tenant: Tenant = None,
        engine: Engine = None,
        error: ErrorCode = None,
        after: After = None,
        limit: Limit = 100,
    ) -> ExitCode:
        act = {"requeue": client.ops.requeue, "cancel": client.ops.cancel}[name]
        outcome = await act(
            ids or (), status=status or (), tenant_id=tenant, engine=engine, error_code=error, created_after=after,
            limit=limit or 1_000,
        )  # fmt: skip
        return _tell(terminal, outcome, done)

    work.__doc__ = what
    return command(name, *examples)(work)


def _tell(terminal: Terminal, outcome: "Outcome", what: str) -> ExitCode:
    if terminal.as_json:
        terminal.json(outcome)
    else:
        for each in outcome.done:
            terminal.line(each)
    for job_id, reason in outcome.left.items():
        terminal.say(f"{job_id} was left: {reason}", "yellow")
    terminal.say(f"{len(outcome.done)} {what}, {len(outcome.left)} left as they were.")
    return ExitCode.REFUSED if outcome.left else ExitCode.DONE


requeue: Final = _on_jobs(
    "requeue",
    "Run failed or cancelled jobs of any tenant again.\n\n"
    "Each becomes a new job. Without --status it is the failed ones.",
    "queued again",
    ("transcripts ops requeue 019ab5d0-… 019ab5d1-…", "these"),
    (
        "transcripts ops requeue --error engine_quota --after 1d",
        "all that failed for the quota since yesterday",
    ),
)
cancel: Final = _on_jobs(
    "cancel",
    "Cancel jobs of any tenant that wait or run.\n\nThe recordings are kept.",
    "cancelled",
    ("transcripts ops cancel 019ab5d0-… 019ab5d1-…", "these"),
    ("transcripts ops cancel -s queued --tenant acme", "all of theirs that wait"),
)
GROUP: Final = Group(
    "ops",
    "Look after workers, the queue, and the jobs of all tenants.",
    (*ops.COMMANDS, ops_trends.trends, pause, resume, drain, requeue, cancel),
)
