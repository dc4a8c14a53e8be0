"""The attempts of a job, each with its phases, its worker, how it ended and what it came to; read from events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Final

from api_service.console.timeline import WIDTH, Stretch, timeline
from shared.lifecycle import TERMINAL
from shared.schemas.operators import AttemptCost, Event

_ENDS: Final = frozenset({*TERMINAL, "will_retry", "handed_over", "worker_lost", "fell_back"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a worker did with a job from its claim to its end; `end` is None while it goes on."""

    n: int
    worker: str
    began: datetime
    ms: int
    end: str | None
    code: str | None
    stretches: Sequence[Stretch]  # placed within this attempt's own bar
    cost: AttemptCost | None


def attempts(
    events: Sequence[Event], costs: Sequence[AttemptCost], now: datetime | None = None
) -> list[Attempt]:
    """The attempts in order. One that another worker took over has no end of its own: its worker was lost."""
    booked = {cost.attempt: cost for cost in costs}
    claims = [place for place, event in enumerate(events) if event.what == "claimed"]
    bar = timeline(events, now)
    return [
        _attempt(events, bar[begin:until], (begin, until), booked)
        for begin, until in pairwise([*claims, len(events)])
    ]


def _attempt(
    events: Sequence[Event],
    stretches: Sequence[Stretch],
    place: tuple[int, int],
    booked: Mapping[int, AttemptCost],
) -> Attempt:
    begin, until = place
    claim = events[begin]
    ended = next((event for event in events[begin:until] if event.what in _ENDS), None)
    worked = [each for each in stretches if not each.waits]
    taken_over = "worker_lost" if until < len(events) else None
    return Attempt(
        n=claim.attempt,
        worker=str(claim.detail.get("worker", "")),
        began=claim.at,
        ms=sum(each.ms for each in worked),
        end=ended.what if ended else taken_over,
        code=ended.detail.get("code") if ended else None,
        stretches=_side_by_side(worked),
        cost=booked.get(claim.attempt),
    )


def _side_by_side(stretches: Sequence[Stretch]) -> list[Stretch]:
    """The same stretches, filling a bar of their own."""
    whole_ms = max(sum(each.ms for each in stretches), 1)
    placed: list[Stretch] = []
    x = 0.0
    for each in stretches:
        width = each.ms / whole_ms * WIDTH
        placed.append(replace(each, x=round(x, 1), width=round(width, 1)))
        x += width
    return placed
