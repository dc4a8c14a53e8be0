"""The demo: a recording goes through a running stack, and its transcript is printed."""

import argparse
import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Final

from rich.console import Console

from client.aio import AsyncClient
from client.models import Order, Transcript
from client.progress import progress_board
from client.transcript_view import show
from deploy.local.services import RECORDING
from shared.errors import SetupError

_TITLE: Final = "Two people on the telephone"
_WATCH_S: Final = 0.2


Check = Callable[[], None]
"""Raises where what the demo needs has ended."""


def demonstrate(api_url: str, key: str | None, options: argparse.Namespace, check: Check) -> None:
    """Transcribe the recording that `options` names and print what came of it."""
    console = Console(highlight=False)
    recording = recording_of(options)
    order = Order(
        title=options.title or (_TITLE if options.file is None else recording.stem),
        language=options.language or ("en" if options.file is None else None),
        speakers=options.speakers,
        engine=options.engine,
        model=options.model,
    )
    began = time.monotonic()
    transcript = asyncio.run(
        _checked(_transcribe(AsyncClient(api_url, key=key), recording, order, console), check)
    )
    took_s = time.monotonic() - began
    console.print()
    show(transcript, console)
    speed = transcript.duration_ms / 1_000 / max(took_s, 0.001)
    console.print(f"\nTranscribed in {took_s:.1f} s, {speed:.0f} times as fast as it was spoken.")


def recording_of(options: argparse.Namespace) -> Path:
    """The recording that is asked for; SetupError where there is no such file."""
    recording: Path = options.file or RECORDING
    if not recording.is_file():
        raise SetupError(f"There is no file {recording}. Nothing was sent.")
    return recording


async def _checked(work: Coroutine[None, None, Transcript], check: Check) -> Transcript:
    """Do the work; a part of the stack that ends meanwhile ends this too, and says why."""

    async def watch() -> None:
        while True:
            check()
            await asyncio.sleep(_WATCH_S)

    tasks = asyncio.create_task(work), asyncio.create_task(watch())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        check()  # why the work failed, if it did
        return await tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _transcribe(service: AsyncClient, recording: Path, order: Order, console: Console) -> Transcript:
    async with service as client:
        with progress_board(console) as board:
            row = board.row()
            submission = await client.sessions.submit(recording, order, on_sent=row.sent)
            console.print(
                f"  Session {submission.session.id}, job {submission.job.id}", style="dim", soft_wrap=True
            )
            row.job(submission.job)
            await client.jobs.wait(submission.job.id, row.job)
        return await client.transcripts.get(submission.session.id)
