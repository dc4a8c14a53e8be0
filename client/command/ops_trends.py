"""How the work went over time: `ops trends`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client.command.running import command
from client.command.terminal import Terminal
from client.wording import span as lasting
from shared.periods import Span

if TYPE_CHECKING:
    from client.aio import AsyncClient
    from client.models import Trends

SpanOption = Annotated[Span, typer.Option("--span", help="How far back")]
_LISTS = (
    "succeeded", "failed", "cancelled", "wait_p50_ms", "wait_p95_ms", "run_p50_ms", "run_p95_ms", "micro_dollars",
    "audio_ms",
)  # fmt: skip


@command(
    "trends",
    ("transcripts ops trends --span week", "how jobs ended, waited and ran, every two hours"),
    ("transcripts ops trends --json | jq '.failed | add'", "how many failed in a day"),
)
async def trends(client: "AsyncClient", terminal: Terminal, *, span: SpanOption = Span.DAY) -> None:
    """Show how jobs ended, waited and ran, and what they cost, interval by interval.

    On a terminal intervals in which nothing happened are left out; the newest is not over yet.
    """
    found = await client.ops.trends(span)
    if terminal.as_json:
        terminal.json(found)
        return
    rows = _rows(found)
    if terminal.is_shown:
        rows = [row for row in rows if any(row[1:])]
    terminal.results(rows, _columns(people=terminal.is_shown), empty="Nothing happened.")


def _rows(found: "Trends") -> list[Sequence[Any]]:
    return list(zip(found.at, *(getattr(found, name) for name in _LISTS), strict=True))


def _columns(*, people: bool) -> dict[str, Callable[[Sequence[Any]], Any]]:
    """The columns; for people times are local and lengths are in words, for machines milliseconds and micro-dollars."""
    if not people:
        return {name: _cell(n) for n, name in enumerate(("at", *_LISTS))}
    return {
        "from": lambda row: row[0].astimezone().strftime("%d %b %H:%M"),
        "succeeded>": _cell(1),
        "failed>": _cell(2),
        "cancelled>": _cell(3),
        "wait p50>": _length(4),
        "p95>": _length(5),
        "run p50>": _length(6),
        "run p95>": _length(7),
        "cost>": lambda row: f"${row[8] / 1e6:.2f}" if row[8] else "",
        "audio>": _length(9),
    }


def _cell(n: int) -> Callable[[Sequence[Any]], Any]:
    return lambda row: row[n].isoformat() if n == 0 else row[n]


def _length(n: int) -> Callable[[Sequence[Any]], str]:
    return lambda row: lasting(row[n] / 1000) if row[n] else ""
