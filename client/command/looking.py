"""Looking at sessions and jobs: `list`, `get`, `watch`."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from client.command.exit_codes import ExitCode
from client.command.filters import After, Before, Language, Limit, Statuses, TitlePart
from client.command.ids import Id, Ids, find_job, find_session
from client.command.running import command
from client.command.terminal import Terminal, facts
from client.wording import age, clock, describe, megabytes, moment, note, span
from shared.lifecycle import JobStatus

if TYPE_CHECKING:
    from client.aio import AsyncClient
    from client.models import Audio, Job, Session

_STREAMS: Final = 16


@command(
    "list",
    ("transcripts list", "the newest 20"),
    ("transcripts list -s failed --after 2d", "what failed since the day before yesterday"),
    ("transcripts list --title ana --limit 0", "every session with Ana in its title"),
    ("transcripts list -s succeeded | cut -f1", "ids alone, for scripts"),
)
async def list_sessions(
    client: "AsyncClient",
    terminal: Terminal,
    *,
    status: Statuses = None,
    language: Language = None,
    title: TitlePart = None,
    after: After = None,
    before: Before = None,
    limit: Limit = 20,
) -> None:
    """List sessions, newest first.

    A session is a recording and its transcript; its status is that of its newest job.
    """
    found = client.sessions.list(
        status=status or (),
        language=language,
        created_after=after,
        created_before=before,
        q=title,
        limit=limit or None,
    )
    sessions = [each async for each in found]
    columns = {
        "id": lambda each: each.id,
        "status": _coloured_status if terminal.is_shown else lambda each: each.status,
        "length>": lambda each: clock(each.duration_ms) if each.duration_ms else "",
        "language": lambda each: each.language,
        "age>": lambda each: age(each.created_at) if terminal.is_shown else _created(each),
        "title": lambda each: each.title,
    }
    terminal.results(sessions, columns, empty="No such session.")


@command(
    "get",
    ("transcripts get 019ab5d0-7c00-7a3b-9d52-3f8a1c2b4d5e", "a session, or the session of a job"),
    ("transcripts get 019ab5d0-… --json | jq .job.error", "why it failed"),
)
async def get_session(client: "AsyncClient", terminal: Terminal, some_id: Id) -> None:
    """Show a session: its recording, and how its newest job stands."""
    session = await find_session(client, some_id)
    job = await client.jobs.get(session.job_id) if session.job_id else None
    if terminal.as_json:
        terminal.json({"session": session, "job": job})
        return
    told_facts = [*_session_facts(session), *(_job_facts(job) if job else ())]
    if terminal.is_shown:
        terminal.show(facts(told_facts))
    else:
        for name, value in told_facts:
            terminal.line(name, value)


@command(
    "watch",
    ("transcripts watch 019ab5d0-7c01-7c4d-8e63-4a9b2d3c5e6f", "until it has ended"),
    ("transcripts watch ID && transcripts export ID", "then read it"),
)
async def watch(client: "AsyncClient", terminal: Terminal, ids: Ids) -> ExitCode:
    """Follow jobs until they have ended.

    It goes on where `submit` was interrupted. Ctrl-C stops the watching, never the job. The exit code is 3 where a
    job failed or was cancelled.
    """
    jobs = await asyncio.gather(*(find_job(client, each) for each in ids))
    return await follow(client, terminal, jobs)


async def follow(client: "AsyncClient", terminal: Terminal, jobs: Sequence["Job"]) -> ExitCode:
    """Show the jobs until they have ended, then what came of them."""
    streams = asyncio.Semaphore(_STREAMS)
    with terminal.progress(len(jobs)) as board:

        async def one(job: "Job") -> "Job":
            row = board.row(str(job.id) if len(jobs) > 1 else "")
            row.job(job)
            async with streams:
                async for each in client.jobs.follow(job.id):
                    row.job(each)
                    job = each
            return job

        ended = await asyncio.gather(*(one(job) for job in jobs))
    if terminal.as_json:
        terminal.json(ended)
    elif not terminal.out.is_terminal:
        for job in ended:
            terminal.line(job.session_id, job.id, job.status, job.error.code if job.error else "")
    codes = [report_end(terminal, job, str(job.id) if len(jobs) > 1 else "") for job in ended]
    return max(codes, default=ExitCode.DONE)


def report_end(terminal: Terminal, job: "Job", label: str) -> ExitCode:
    """Say on stderr what came of a job that has ended."""
    name = f"{label}: " if label else ""
    for warning in job.warnings:
        terminal.say(f"{name}{warning.detail}", "yellow")
    if job.status is not JobStatus.SUCCEEDED:
        why = f": {job.error.detail}" if job.error else "."
        terminal.say(f"{name}{describe(job)}{why}", "red")
        terminal.say(f"The recording is kept: transcripts retry {job.id}", "dim")
        return ExitCode.JOB_FAILED
    if not label and terminal.is_shown:
        terminal.say(f"Read it: transcripts export {job.session_id}", "dim")
    return ExitCode.DONE


def _session_facts(session: "Session") -> list[tuple[str, object]]:
    audio = session.audio
    return [
        ("session", session.id),
        ("title", session.title),
        ("recording", _recording(audio) if audio else ""),
        ("length", clock(session.duration_ms) if session.duration_ms else ""),
        ("language", session.language),
        ("made", moment(session.created_at)),
        ("erased after", moment(session.delete_after)),
        ("metadata", session.metadata or ""),
    ]


def _recording(audio: "Audio") -> str:
    size = "" if audio.size is None else megabytes(audio.size)
    return ", ".join(filter(None, (audio.filename or "recording", audio.container, size)))


def _job_facts(job: "Job") -> list[tuple[str, object]]:
    took = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else None
    return [
        ("job", job.id),
        ("status", f"{describe(job)}, {job.progress} %" if not job.is_over else describe(job)),
        ("", "" if job.is_over else note(job)),
        ("expected", f"{moment(job.eta.p50)}, {moment(job.eta.p90)} at the latest" if job.eta else ""),
        ("engine", " ".join(filter(None, (job.engine, job.model)))),
        ("took", span(took) if took is not None else ""),
        ("cost", f"${job.micro_dollars / 1e6:.4f}" if job.micro_dollars else ""),
        ("attempts", job.attempt if job.attempt > 1 else ""),
        *(("note", warning.detail) for warning in job.warnings),
        ("error", f"{job.error.code}: {job.error.detail}" if job.error else ""),
    ]


def _coloured_status(session: "Session") -> object:
    from rich.text import Text  # noqa: PLC0415

    styles = {JobStatus.SUCCEEDED: "green", JobStatus.FAILED: "red", JobStatus.RUNNING: "cyan"}
    return Text(str(session.status or ""), style=styles.get(session.status, "dim") if session.status else "")


def _created(session: "Session") -> str:
    return session.created_at.isoformat() if session.created_at else ""


COMMANDS: Final = (list_sessions, get_session, watch)
