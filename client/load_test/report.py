"""A load test on the terminal: the lines of the older guide's script, percentiles, and a histogram."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from client.load_test.chart import histogram
from client.load_test.samples import PHASES, Sample, Summary
from client.wording import span

_BINS: Final = 10
_BAR: Final = 40
_NAMES: Final = {"upload": "upload", "wait": "queue wait", "run": "run", "total": "total"}


def lines(summary: Summary) -> Iterator[tuple[str, str]]:
    """The report line by line: what, and how much."""
    yield "Total tasks", str(summary.tasks)
    yield "Successful", str(summary.successful)
    yield "Failed", str(summary.failed)
    yield "Total time", f"{summary.total_s:.2f} seconds"
    yield "Average time per task", f"{summary.average_s:.2f} seconds"
    yield "Tasks per minute", f"{summary.per_minute:.1f}"
    if summary.audio_s:
        yield "Speed", f"{summary.speed:.1f} times realtime"


def render(samples: Sequence[Sample], summary: Summary) -> Iterator[RenderableType]:
    """The report for people."""
    yield Text("Load Test Results:", style="bold")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    for name, value in lines(summary):
        grid.add_row(f"   {name}:", value)
    yield grid
    for code, count in summary.errors.items():
        yield Text(f"   {count} x {code}", style="red")
    if summary.quantiles:
        yield ""
        yield _percentiles(summary)
        yield ""
        yield from _histogram([each.total for each in samples if each.good and each.total is not None])


def _percentiles(summary: Summary) -> Table:
    names = list(next(iter(summary.quantiles.values())))
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("   ")
    for name in names:
        table.add_column(name, justify="right", min_width=8)
    for phase in PHASES:
        values = summary.quantiles[phase]
        style = "bold" if phase == "total" else ""
        table.add_row(f"   {_NAMES[phase]}", *(span(values[name]) for name in names), style=style)
    return table


def _histogram(totals: Sequence[float]) -> Iterator[Text]:
    low, high = min(totals), max(totals)
    width = (high - low) / _BINS or 1e-9
    counts = histogram([each - low for each in totals], _BINS, high - low)
    for n, count in enumerate(counts):
        bar = "█" * round(count / max(counts) * _BAR) or ("▏" if count else "")
        label = f"   {span(low + n * width):>9} - {span(low + (n + 1) * width):<9}"
        yield Text.assemble((label, "dim"), (bar, "cyan"), f" {count}" if count else "")
