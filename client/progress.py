"""How far an upload and a job are: bars on a terminal, plain lines elsewhere."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn
from rich.text import Text

from client.models import Job
from shared.lifecycle import JobStatus

_WORDS: Final = {  # a phase's name as people read it
    "preparing": "Preparing",
    "uploading": "Handing over",
    "submitting": "Submitting",
    "transcribing": "Transcribing",
    "saving": "Saving",
}
_STEP: Final = 10  # per cent between two plain lines of a job
_STEP_SENT: Final = 25  # and of an upload, which is mostly short


class ProgressView(Protocol):
    """Something that shows the way of one recording."""

    def sent(self, done: int, total: int) -> None:
        """So many bytes of so many were sent."""
        ...

    def job(self, job: Job) -> None:
        """The job changed."""
        ...


def describe(job: Job) -> str:
    """What a job does now, in a word or two."""
    if job.status is JobStatus.RUNNING:
        return _WORDS.get(job.phase or "", (job.phase or "running").capitalize())
    return {JobStatus.QUEUED: "Waiting", JobStatus.SUCCEEDED: "Done"}.get(job.status, job.status.capitalize())


def progress_view(console: Console, duration_ms: int | None = None) -> "AbstractContextManager[ProgressView]":
    """Bars where the console is a terminal, lines elsewhere; `duration_ms` is the recording's length, if known."""
    return Bars(console, duration_ms) if console.is_terminal else Lines(console)


class Lines:
    """A line for each phase and each ten per cent: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: tuple[str, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        """Nothing is open."""

    def sent(self, done: int, total: int) -> None:
        """Say it in steps."""
        self._say("Sending", 100 * done // max(total, 1), _STEP_SENT)

    def job(self, job: Job) -> None:
        """Say it in steps."""
        self._say(describe(job), job.progress, _STEP)

    def _say(self, what: str, percent: int, every: int) -> None:
        step = (what, percent // every)
        if step != self._said:
            self._said = step
            self._console.print(f"{what} {percent} %", highlight=False)


class Bars:
    """One bar for the upload and one for the job, redrawn in place."""

    def __init__(self, console: Console, duration_ms: int | None) -> None:
        self._duration_ms = duration_ms
        self._progress = Progress(
            TextColumn("  {task.description:<14}"),
            BarColumn(bar_width=36),
            TaskProgressColumn(),
            _Seconds(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
        )
        self._upload = self._progress.add_task("Sending", total=None, note="")
        self._work = self._progress.add_task("Waiting", total=100, note="", visible=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._progress.stop()

    def sent(self, done: int, total: int) -> None:
        """Move the upload's bar."""
        note = f"{total / 1e6:.1f} MB"
        self._progress.update(self._upload, completed=done, total=total, note=note)

    def job(self, job: Job) -> None:
        """Move the job's bar."""
        if not self._progress.tasks[1].visible:
            self._progress.reset(self._work, visible=True, note="")  # its clock starts now
        note = job.message or ""
        if job.status is JobStatus.RUNNING and job.phase == "transcribing" and job.audio_ms_done:
            heard = clock(job.audio_ms_done)
            note = f"{heard} of {clock(self._duration_ms)}" if self._duration_ms else f"{heard} heard"
        self._progress.update(self._work, description=describe(job), completed=job.progress, note=note)


class _Seconds(ProgressColumn):
    """The seconds that a task has taken."""

    def render(self, task: Task) -> Text:
        """Whole seconds: a tenth would only flicker."""
        elapsed = task.finished_time if task.finished else task.elapsed
        return Text(f"{elapsed or 0:4.0f} s", style="cyan")


def clock(ms: int) -> str:
    """`M:SS`, or `H:MM:SS` from an hour on."""
    minutes, seconds = divmod(ms // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
