"""The demo: a recording goes through the running stack, and its transcript is printed."""

import argparse
import asyncio
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from client.api import TranscriptsClient
from client.models import Job, Order, Submission, Transcript
from client.progress import progress_view
from client.transcript_view import show
from deploy.local.services import Plan
from deploy.local.stack import Stack
from shared.errors import SetupError

RECORDING: Final = Path(__file__).with_name("recordings") / "two_speakers.flac"
_TITLE: Final = "Two people on the telephone"
_WATCH_S: Final = 0.2


def demonstrate(
    stack: Stack, plan: Plan, options: argparse.Namespace, console: Console | None = None
) -> None:
    """Transcribe the recording that `options` names and print what came of it."""
    console = console or Console(highlight=False)
    recording: Path = options.file or RECORDING
    if not recording.is_file():
        raise SetupError(f"There is no file {recording}. Nothing was sent.")
    order = Order(
        title=options.title or (_TITLE if options.file is None else recording.stem),
        language=options.language or ("en" if options.file is None else None),
        speakers=options.speakers,
        engine=options.engine,
        model=options.model,
    )
    console.print(f"Everything runs: {plan.api_url}, logs in {stack.folder.logs}")
    began = time.monotonic()
    submission, transcript = asyncio.run(_while_the_stack_lives(stack, plan, recording, order, console))
    took_s = time.monotonic() - began
    console.print()
    show(transcript, console)
    console.print()
    for line in _where_next(submission, transcript, took_s, plan):
        console.print(line, soft_wrap=True)


async def _while_the_stack_lives(
    stack: Stack, plan: Plan, recording: Path, order: Order, console: Console
) -> tuple[Submission, Transcript]:
    """Send and follow; a part of the stack that ends meanwhile ends this too, with its last lines."""

    async def watch() -> None:
        while True:
            stack.check()
            await asyncio.sleep(_WATCH_S)

    work = asyncio.create_task(_transcribe(plan, recording, order, console))
    watcher = asyncio.create_task(watch())
    try:
        await asyncio.wait((work, watcher), return_when=asyncio.FIRST_COMPLETED)
        stack.check()  # why the work failed, if it did
        return await work
    finally:
        for task in (work, watcher):
            task.cancel()
        await asyncio.gather(work, watcher, return_exceptions=True)


async def _transcribe(
    plan: Plan, recording: Path, order: Order, console: Console
) -> tuple[Submission, Transcript]:
    async with TranscriptsClient(plan.api_url) as client:
        with progress_view(console) as view:
            submission = await client.submit(recording, order, on_sent=view.sent)
            view.job(submission.job)
            job: Job = await client.wait(submission.job.id, view.job)
        return submission, await client.transcript(job.session_id)


def _where_next(submission: Submission, transcript: Transcript, took_s: float, plan: Plan) -> tuple[str, ...]:
    path = f"/v1/sessions/{submission.session.id}/transcript"
    speed = transcript.duration_ms / 1_000 / max(took_s, 0.001)
    return (
        f"Transcribed in {took_s:.1f} s, {speed:.0f} times faster than it was spoken.",
        "",
        "[bold]Next[/bold]",
        "  python -m deploy.local demo my-session.m4a    # a recording of your own",
        "  python -m deploy.local up                     # keep everything running, then:",
        f"  curl '{plan.api_url}{path}?format=srt'",
    )
