"""How far uploads and jobs are: bars on a terminal, plain lines elsewhere."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

from client.models import Job
from client.wording import describe, megabytes, note, shortened
from shared.lifecycle import JobStatus

_BESIDE: Final = 76  # columns that the rest of a line takes
_STEP: Final = 10  # per cent between two plain lines of a job
_STEP_SENT: Final = 25  # and of an upload, which is mostly short


class Row(Protocol):
    """Shows the way of one recording."""

    def sent(self, done: int, total: int) -> None:
        """So many bytes of so many were sent."""
        ...

    def received(self, done: int, total: int) -> None:
        """So many bytes of so many have come."""
        ...

    def job(self, job: Job) -> None:
        """The job changed."""
        ...


class Board(Protocol):
    """Shows the way of recordings; use it as a context manager."""

    def row(self, label: str = "") -> Row:
        """A row for another recording; labels tell several apart."""
        ...


def progress_board(console: Console, recordings: int = 1) -> "AbstractContextManager[Board]":
    """Bars where the console is a terminal, lines elsewhere."""
    return Bars(console, recordings) if console.is_terminal else Lines(console)


class Lines:
    """A line for each phase and each ten per cent: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        """Nothing is open."""

    def row(self, label: str = "") -> Row:
        """A recording whose lines begin with the label."""
        return _LinesRow(self._console, f"{label}: " if label else "")


class _LinesRow:
    def __init__(self, console: Console, prefix: str) -> None:
        self._console = console
        self._prefix = prefix
        self._said: tuple[str, int] | None = None

    def sent(self, done: int, total: int) -> None:
        """Say it in steps."""
        self._say("Sending", 100 * done // max(total, 1), _STEP_SENT)

    def received(self, done: int, total: int) -> None:
        """Say it in steps."""
        self._say("Receiving", 100 * done // max(total, 1), _STEP_SENT)

    def job(self, job: Job) -> None:
        """Say it in steps."""
        self._say(describe(job), job.progress, _STEP)

    def _say(self, what: str, percent: int, every: int) -> None:
        step = (what, percent // every)
        if step != self._said:
            self._said = step
            self._console.print(
                f"{self._prefix}{what} {percent} %", markup=False, highlight=False, soft_wrap=True
            )


class Bars:
    """Bars redrawn in place. One recording keeps that of its upload; of several, each has one at a time.

    The count stands above the bars: where there are more of them than lines, the last are cut.
    """

    def __init__(self, console: Console, recordings: int) -> None:
        several = recordings > 1
        self._progress = Progress(
            *([TextColumn("{task.fields[label]}", style="bold")] if several else []),
            TextColumn("{task.description:<14}" if several else "  {task.description:<14}"),
            BarColumn(bar_width=24 if several else 36),
            TaskProgressColumn(),
            _Seconds(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
        )
        self._several = several
        self._total = recordings
        if several:
            self._all = self._progress.add_task(
                "Done", total=recordings, label="All", note=f"0 of {recordings}"
            )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._progress.stop()

    def row(self, label: str = "") -> Row:
        """A recording with bars of its own."""
        return _BarsRow(self._progress, label, self._ended if self._several else None)

    def _ended(self) -> None:
        self._progress.advance(self._all)
        done = int(self._progress.tasks[0].completed)
        self._progress.update(self._all, note=f"{done} of {self._total}")


class _BarsRow:
    def __init__(self, progress: Progress, label: str, on_end: Callable[[], None] | None) -> None:
        self._progress = progress
        self._label = shortened(label, max(20, progress.console.width - _BESIDE))
        self._on_end = on_end
        self._upload: TaskID | None = None
        self._work: TaskID | None = None

    def sent(self, done: int, total: int) -> None:
        """Move the upload's bar."""
        self._move("Sending", done, total)

    def received(self, done: int, total: int) -> None:
        """Move the download's bar."""
        self._move("Receiving", done, total)

    def _move(self, what: str, done: int, total: int) -> None:
        if self._upload is None:
            self._upload = self._progress.add_task(what, total=total, label=self._label, note="")
        self._progress.update(self._upload, completed=done, total=total, note=megabytes(total))

    def job(self, job: Job) -> None:
        """Move the job's bar."""
        if self._work is None:
            self._work = self._progress.add_task("", total=100, label=self._label, note="")
            if self._on_end and self._upload is not None:
                self._progress.remove_task(self._upload)
        self._progress.update(self._work, description=describe(job), completed=job.progress, note=note(job))
        if job.is_over:
            self._progress.stop_task(self._work)
            if self._on_end:
                self._progress.remove_task(self._work)
                self._progress.console.print(_ending(self._label, job))
                self._on_end()


def _ending(label: str, job: Job) -> Text:
    good = job.status is JobStatus.SUCCEEDED
    mark = ("✓", "green") if good else ("✗", "red")
    return Text.assemble(mark, f" {label}  ", (note(job) if good else describe(job), "dim"))


class _Seconds(ProgressColumn):
    """The seconds that a task has taken."""

    def render(self, task: Task) -> Text:
        """Whole seconds: a tenth would only flicker."""
        elapsed = task.finished_time if task.finished else task.elapsed
        return Text(f"{elapsed or 0:4.0f} s", style="cyan")
