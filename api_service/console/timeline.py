"""The life of a job as stretches of time: what it did, from when to when, in which attempt; drawn as one bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from shared.lifecycle import TERMINAL
from shared.schemas.operators import Event

WIDTH: Final = 1_000
"""The bar's width, in units of its own."""

_LEAST: Final = 3  # a stretch that took next to nothing is still seen
_WAITS: Final = frozenset({"queued", "will_retry", "handed_over", "worker_lost", "fell_back"})


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some time that a job spent with one thing; `x` and `width` are its place in the bar."""

    what: str
    attempt: int
    began: datetime
    ms: int
    waits: bool
    goes_on: bool
    x: float
    width: float


def timeline(events: Sequence[Event], now: datetime | None = None) -> list[Stretch]:
    """From each event to the next; the last one goes on until now, unless the job has ended with it."""
    if not events:
        return []
    ended = events[-1].what in TERMINAL
    moments = [event.at for event in events] + ([] if ended else [now or datetime.now(UTC)])
    whole_ms = max(_ms(moments[0], moments[-1]), 1)
    stretches: list[Stretch] = []
    for event, until in zip(events, moments[1:], strict=False):
        ms = _ms(event.at, until)
        stretches.append(
            Stretch(
                what=event.what,
                attempt=event.attempt,
                began=event.at,
                ms=ms,
                waits=event.what in _WAITS,
                goes_on=not ended and event is events[-1],
                x=round(_ms(moments[0], event.at) / whole_ms * WIDTH, 1),
                width=max(round(ms / whole_ms * WIDTH, 1), _LEAST),
            )
        )
    return stretches


def _ms(earlier: datetime, later: datetime) -> int:
    return max(round((later - earlier).total_seconds() * 1_000), 0)
