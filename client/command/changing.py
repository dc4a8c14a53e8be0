"""Changing what there is: `cancel`, `retry`, `delete`."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from client.command.exit_codes import ExitCode
from client.command.ids import Ids, find_job, find_session
from client.command.looking import follow
from client.command.running import command
from client.command.terminal import Terminal
from client.wording import describe

if TYPE_CHECKING:
    from client.aio import AsyncClient
    from client.models import Job


@command(
    "cancel",
    ("transcripts cancel 019ab5d0-7c01-7c4d-8e63-4a9b2d3c5e6f", "a job, or the job of a session"),
    ("transcripts list -s queued -n 0 | cut -f1 | xargs transcripts cancel", "all that wait"),
)
async def cancel(client: "AsyncClient", terminal: Terminal, ids: Ids) -> None:
    """Cancel jobs that are queued or running.

    The recording is kept: `retry` runs it again. What a paid engine has already heard may be billed.
    """
    jobs = [await client.jobs.cancel((await find_job(client, each)).id) for each in ids]
    _tell(terminal, jobs)


@command(
    "retry",
    ("transcripts retry 019ab5d0-7c01-7c4d-8e63-4a9b2d3c5e6f", "as it was ordered"),
    ("transcripts list -s failed -n 0 | cut -f1 | xargs transcripts retry --no-wait", "all that failed"),
)
async def retry(
    client: "AsyncClient",
    terminal: Terminal,
    ids: Ids,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the new jobs to their end")] = True,
) -> ExitCode | None:
    """Run failed or cancelled jobs again.

    Each becomes a new job with the same order, on the recording that was kept.
    """
    jobs = [await client.jobs.retry((await find_job(client, each)).id) for each in ids]
    if not wait:
        _tell(terminal, jobs)
        return None
    for job in jobs:
        terminal.say(f"Job {job.id}", "dim")
    return await follow(client, terminal, jobs)


@command(
    "delete",
    ("transcripts delete 019ab5d0-7c00-7a3b-9d52-3f8a1c2b4d5e", "asks before it does"),
    (
        "transcripts list --before 90d -n 0 | cut -f1 | xargs transcripts delete --yes",
        "what is older than 90 days",
    ),
)
async def delete(
    client: "AsyncClient",
    terminal: Terminal,
    ids: Ids,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask")] = False,
) -> ExitCode | None:
    """Erase sessions: recording, transcript and jobs. There is no way back.

    A job that runs is cancelled. Usage stays booked.
    """
    sessions = [await find_session(client, each) for each in ids]
    if not yes:
        for session in sessions:
            terminal.say(f"{session.id}  {session.title}")
        if not typer.confirm(f"Erase {len(sessions)} of {len(sessions)} for good?", err=True):
            terminal.say("Nothing was erased.")
            return ExitCode.REFUSED
    for session in sessions:
        await client.sessions.delete(session.id)
        if not terminal.as_json:
            terminal.line(session.id)
    if terminal.as_json:
        terminal.json({"deleted": [session.id for session in sessions]})
    return None


def _tell(terminal: Terminal, jobs: "list[Job]") -> None:
    columns = {"job id": lambda each: each.id, "session id": lambda each: each.session_id, "status": describe}
    terminal.results(jobs, columns)


COMMANDS: Final = (cancel, retry, delete)
