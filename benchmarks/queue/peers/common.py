"""What the contenders' scripts share: their order, and notes in a file. The standard library only.

A note is 16 bytes appended to one file, 2 microseconds each: no contender pays for the measuring with round
trips, and what a killed process noted is there.
"""

import asyncio
import json
import os
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

ORDER: Final = "BENCHMARK_ORDER"  # the environment variable that carries the order, as JSON
RECORD: Final = struct.Struct("<IIxxxxxxxxd")  # number of the job, what happened, seconds since 1970
SENT, STARTED, ENDED, READY = range(4)


@dataclass(frozen=True, slots=True)
class Order:
    """What a process is to do; times in seconds."""

    role: str  # worker or produce
    url: str
    notes: str
    slots: int = 1
    hold_s: float = 0.0  # how long each job waits
    lease_s: float = 0.0  # > 0: what a dead worker held must run elsewhere after so long
    first: int = 0
    count: int = 0
    gap_s: float = 0.0
    bulk: bool = False
    variant: str = ""


def order() -> Order:
    """This process's order."""
    return Order(**json.loads(os.environ[ORDER]))


_file: int | None = None


def note(what: int, number: int = 0) -> None:
    """Note that something happened just now."""
    global _file  # noqa: PLW0603  (one file a process, opened after the fork)
    if _file is None:
        _file = os.open(order().notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(_file, RECORD.pack(number, what, time.time()))


async def work(number: int, hold_s: float) -> None:
    """The job: note the start, wait as one waits for a cloud's answer, note the end."""
    note(STARTED, number)
    if hold_s:
        await asyncio.sleep(hold_s)
    note(ENDED, number)


def work_in_a_thread(number: int, hold_s: float) -> None:
    """The same for contenders without an event loop."""
    note(STARTED, number)
    if hold_s:
        time.sleep(hold_s)
    note(ENDED, number)


async def produce(
    send: Callable[[int], Awaitable[object]], send_all: Callable[[Sequence[int]], Awaitable[object]]
) -> None:
    """Enqueue what the order says, and print how long that took."""
    mine = order()
    numbers = range(mine.first, mine.first + mine.count)
    began = time.perf_counter()
    if mine.bulk:
        await send_all(numbers)
    else:
        for number in numbers:
            note(SENT, number)
            await send(number)
            if mine.gap_s:
                await asyncio.sleep(mine.gap_s)
    print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)


async def fifty_at_once(send: Callable[[int], Awaitable[object]], numbers: Sequence[int]) -> None:
    """What bulk means where a library has no call for it: fifty sends under way at any time."""
    rest = iter(numbers)

    async def take() -> None:
        for number in rest:
            await send(number)

    await asyncio.gather(*(take() for _ in range(50)))
