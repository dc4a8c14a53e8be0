"""The ways to decide how many instances there are: a number that stays, CPU as Render's autoscaler, and ours."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from deploy.render.scaler.policy import Limits, Need, Sight, decide

TICK_S: Final = 15.0
_AVERAGED: Final = 4  # ticks: what CPU-based scaling looks at is a minute's mean
_SLOW_S: Final = 300.0  # and it goes down only where five minutes agree


@dataclass(frozen=True, slots=True)
class State:
    """What can be seen at a tick; `cpu` is the mean use of the instances' processors, 0 to 1."""

    now: float
    running: int
    due: int
    instances: int
    cpu: float


Policy: TypeAlias = Callable[[State], int]


def fixed(instances: int) -> Policy:
    """Always as many: planned for the busiest hour."""
    return lambda _state: instances


def by_cpu(target: float, *, least: int, most: int) -> Policy:
    """ceil(instances x use / target), as Render's page on scaling has it; up soon, down slowly."""
    uses: deque[float] = deque(maxlen=_AVERAGED)
    asked: deque[int] = deque(maxlen=int(_SLOW_S / TICK_S))

    def decided(state: State) -> int:
        uses.append(state.cpu)
        use = sum(uses) / len(uses)
        wanted = min(max(math.ceil(state.instances * use / target - 1e-9), least), most)
        asked.append(wanted)
        if wanted >= state.instances:
            return wanted
        return max(asked) if len(asked) == asked.maxlen else state.instances

    return decided


def by_need(limits: Limits) -> Policy:
    """The rule of `deploy.render.scaler`, itself."""
    sights: tuple[Sight, ...] = ()

    def decided(state: State) -> int:
        nonlocal sights
        need = Need(running=state.running, due=state.due, wanted=state.running + state.due)
        decision = decide(need, state.instances, sights, limits, state.now)
        sights = decision.sights
        return decision.instances

    return decided
