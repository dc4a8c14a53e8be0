"""A load test while it runs: two bars and the counts; lines where it is no terminal."""

import time
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from client.load_test.load import Standing

_STEP: Final = 10  # per cent between two plain lines


class Display(Protocol):
    """Shows where the batch stands; use it as a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None: ...

    def show(self, standing: Standing) -> None:
        """It has changed."""
        ...


def display(console: Console, tasks: int, *, plain: bool) -> Display:
    """Bars on a terminal, lines elsewhere."""
    return _Bars(console, tasks) if console.is_terminal and not plain else _Lines(console)


def told(standing: Standing) -> str:
    """The counts in words."""
    parts = [
        f"{standing.waiting} waiting",
        f"{standing.running} running",
        f"{standing.failed} failed" if standing.failed else "",
        f"{standing.refused} refused" if standing.refused else "",
    ]
    return ", ".join(filter(None, parts))


class _Bars:
    def __init__(self, console: Console, tasks: int) -> None:
        self._progress = Progress(
            TextColumn("  {task.description:<6}"),
            BarColumn(bar_width=36),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
        )
        self._sent = self._progress.add_task("Sent", total=tasks, note="")
        self._ended = self._progress.add_task("Ended", total=tasks, note="")
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, standing: Standing) -> None:
        """Move the bars."""
        minutes = (time.monotonic() - self._began) / 60
        pace = f", {standing.succeeded / minutes:.0f} a minute" if standing.succeeded else ""
        self._progress.update(self._sent, completed=standing.sent + standing.refused)
        self._progress.update(self._ended, completed=standing.ended, note=told(standing) + pace)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._said = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        """Nothing is open."""

    def show(self, standing: Standing) -> None:
        """Say it in steps."""
        step = 100 * standing.ended // standing.tasks // _STEP
        if step != self._said:
            self._said = step
            counts = f"{standing.sent} of {standing.tasks} sent, {standing.ended} ended, {told(standing)}"
            self._console.print(counts, markup=False, highlight=False, soft_wrap=True)
