"""`submit`: recordings are sent, their ids are told, their jobs are followed."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

import typer

from client.command import formats, orders
from client.command.exit_codes import ExitCode
from client.command.formats import Format, Output
from client.command.looking import report_end
from client.command.pending import Pending
from client.command.running import command, told
from client.command.terminal import Terminal
from shared.errors import TranscriptsError
from shared.lifecycle import JobStatus

if TYPE_CHECKING:
    from client.aio import AsyncClient
    from client.calls.file_parts import OnSent
    from client.models import Job, Order, Submission
    from client.progress import Board

_STREAMS: Final = 16
_FETCHED: Final = ("https://", "http://", "gs://")


def _recording(text: str) -> Path | str:
    """A file that is there, or an address as it is."""
    if text.startswith(_FETCHED):
        return text
    path = Path(text)
    if not path.is_file() or not os.access(path, os.R_OK):
        why = "cannot be read" if path.exists() else "is not there"
        raise typer.BadParameter(f"the file {text!r} {why}", param_hint="FILE")
    return path


Recordings = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE",
        help="Recordings: m4a, mp3, wav, webm, mp4 ...; an https:// or gs:// address is fetched by the service",
    ),
]


@command(
    "submit",
    ("transcripts submit session.m4a", "sends it, follows its job"),
    ("transcripts submit *.m4a --language zh-TW --at-once 3", "a folder of them"),
    ("transcripts submit session.m4a -f srt > session.srt", "and writes subtitles"),
    ("transcripts submit *.m4a -f docx -o transcripts/", "a Word file each"),
    ("transcripts submit session.m4a --no-wait", "prints the ids, and that is all"),
    ("transcripts submit https://…/session.m4a", "the service fetches it"),
)
async def submit(
    client: "AsyncClient",
    terminal: Terminal,
    *,
    files: Recordings,
    title: orders.Title = None,
    language: orders.Language = None,
    speakers: orders.Speakers = None,
    diarization: orders.Diarization = None,
    engine: orders.Engine = None,
    model: orders.Model = None,
    fallback_engine: orders.FallbackEngine = None,
    phrases: orders.Phrases = None,
    priority: orders.PriorityOption = None,
    processing: orders.ProcessingOption = None,
    metadata: orders.Metadata = None,
    delete_after: orders.DeleteAfter = None,
    webhook_url: orders.WebhookUrl = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the jobs to their end")] = True,
    form: Annotated[Format | None, formats.choice("Then write the transcript")] = None,
    output: Output = None,
    at_once: Annotated[int, typer.Option(min=1, max=16, metavar="N", help="Uploads at the same time")] = 2,
) -> ExitCode:
    """Send recordings and follow their jobs to the end.

    The ids of session and job are printed as soon as a recording is stored, before the work is done. Ctrl-C then stops
    the watching, not the job: `transcripts watch ID` goes on.

    An upload that breaks off is taken up by itself, and an interrupted one by the same command. The exit code is 3
    where a job failed.
    """
    formats.check_output(form, output, len(files))
    if form is not None and not wait:
        raise typer.BadParameter("there is no transcript to write without waiting", param_hint="--no-wait")
    if title is not None and len(files) > 1:
        raise typer.BadParameter("one title for several recordings", param_hint="--title")
    order = orders.order(
        title=title, language=language, speakers=speakers, diarization=diarization, engine=engine, model=model,
        fallback_engine=fallback_engine,
        phrases=phrases, priority=priority, processing=processing, metadata=metadata, delete_after=delete_after,
        webhook_url=webhook_url,
    )  # fmt: skip
    batch = _Batch(client, terminal, order, at_once, wait=wait, plain_ids=form is None)
    try:
        await batch.run([_recording(each) for each in files])
    except asyncio.CancelledError:
        batch.say_what_goes_on()
        raise
    if form is not None:
        await batch.write(form, output)
    return batch.code


@dataclass(slots=True)
class _Way:
    """One recording on its way; an address may hold a secret, so only its `name` is shown."""

    file: Path | str
    label: str
    sent: "Submission | None" = None
    job: "Job | None" = None
    error: TranscriptsError | None = None

    @property
    def name(self) -> str:
        """The file's path, or the address without what may be secret in it."""
        return str(self.file) if isinstance(self.file, Path) else _shown(self.file)


class _Batch:
    """The recordings of one command; `code` is what went wrong first."""

    def __init__(
        self,
        client: "AsyncClient",
        terminal: Terminal,
        order: "Order",
        at_once: int,
        *,
        wait: bool,
        plain_ids: bool,
    ) -> None:
        self._client = client
        self._terminal = terminal
        self._order = order
        self._uploads = asyncio.Semaphore(at_once)
        self._streams = asyncio.Semaphore(_STREAMS)
        self._wait = wait
        self._plain_ids = plain_ids
        self._ways: list[_Way] = []
        self.code = ExitCode.DONE

    async def run(self, files: Sequence[Path | str]) -> None:
        """Send all, follow all; one that fails does not keep the others."""
        self._ways = [_Way(file, _label(file) if len(files) > 1 else "") for file in files]
        with self._terminal.progress(len(files)) as board:
            await asyncio.gather(*(self._one(way, board) for way in self._ways))
        for way in self._ways:
            self._report(way)

    async def write(self, form: Format, output: Path | None) -> None:
        """Write the transcripts of those that succeeded."""
        for way in self._ways:
            if way.sent is not None and way.job is not None and way.job.status is JobStatus.SUCCEEDED:
                content = await self._client.transcripts.export(way.sent.session.id, form)
                formats.write(self._terminal, way.sent.session, form, content, output)

    def say_what_goes_on(self) -> None:
        """What an interruption leaves behind."""
        going = [str(way.job.id) for way in self._ways if way.job is not None and not way.job.is_over]
        if going:
            self._terminal.say(
                f"What was sent goes on without this command. To look again: transcripts watch {' '.join(going)}"
            )
        unsent = [way.name for way in self._ways if way.sent is None and way.error is None]
        if unsent:
            self._terminal.say(
                f"Not sent: {' '.join(unsent)}. The same command goes on where it stopped, for a day."
            )

    async def _one(self, way: _Way, board: "Board") -> None:
        from client.errors import ClientError  # noqa: PLC0415

        try:
            async with self._uploads:
                row = board.row(way.label)
                way.sent = await self._send(way.file, row.sent)
            way.job = way.sent.job
            self._say_ids(way, way.sent)
            row.job(way.job)
            if self._wait:
                async with self._streams:
                    async for job in self._client.jobs.follow(way.job.id):
                        way.job = job
                        row.job(job)
        except TranscriptsError as error:
            way.error = error
        except OSError as error:
            way.error = ClientError(f"{way.name} cannot be read ({error.strerror}).")

    async def _send(self, file: Path | str, on_sent: "OnSent") -> "Submission":
        """Send it, or go on with what an interrupted command has sent of it."""
        from client.errors import GoneError, NotFoundError, RefusedError  # noqa: PLC0415

        if isinstance(file, str):
            return await self._client.sessions.submit_from(file, self._order)
        assert self._terminal.link is not None
        pending = Pending.of(self._terminal.link.url, file, self._order.members())
        try:
            try:
                sent = await self._submit(file, on_sent, pending)
            except (NotFoundError, GoneError):
                if pending.upload_id is None:
                    raise
                pending.forget()  # what was sent has expired: from the beginning, then
                pending = Pending.of(self._terminal.link.url, file, self._order.members())
                sent = await self._submit(file, on_sent, pending)
        except RefusedError as error:
            if not error.transient:
                pending.forget()
            raise
        pending.forget()
        return sent

    async def _submit(self, file: Path, on_sent: "OnSent", pending: Pending) -> "Submission":
        pending.keep()
        return await self._client.sessions.submit(
            file, self._order, on_sent=on_sent, idempotency_key=pending.key, upload_id=pending.upload_id,
            on_upload=pending.keep,
        )  # fmt: skip

    def _say_ids(self, way: _Way, sent: "Submission") -> None:
        if self._terminal.as_json:
            event = {"event": "submitted", "file": way.name, "session": sent.session, "job": sent.job}
            self._terminal.json(event, indent=None)
        elif self._plain_ids and not self._terminal.out.is_terminal:
            self._terminal.line(sent.session.id, sent.job.id, way.name)
        both = f"session {sent.session.id}, job {sent.job.id}"
        self._terminal.say(f"{sent.job.id}  {way.label}" if way.label else both, "dim")

    def _report(self, way: _Way) -> None:
        if way.error is not None:
            code = told(self._terminal, way.error, way.label or "Error")
            if way.job is not None:
                self._terminal.say(f"Job {way.job.id} may go on: transcripts watch {way.job.id}")
        elif way.job is not None and way.job.is_over:
            code = report_end(self._terminal, way.job, way.label)
        else:
            return
        self.code = self.code or code
        if self._terminal.as_json:
            error = {"code": way.error.code, "detail": way.error.detail} if way.error else None
            event = {"event": "ended", "file": way.name, "job": way.job, "error": error}
            self._terminal.json(event, indent=None)


def _label(file: Path | str) -> str:
    return file.name if isinstance(file, Path) else _shown(file).rpartition("/")[2] or _shown(file)


def _shown(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


COMMANDS: Final = (submit,)
