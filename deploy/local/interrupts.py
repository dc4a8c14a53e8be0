"""Ctrl-C, SIGTERM and a closed terminal as one exception in the main thread; a second one means: at once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """The user, or whoever supervises us, asked us to stop."""


@contextmanager
def interrupts(hurry: Callable[[], None]) -> Iterator[None]:
    """Inside, the first of the signals raises Interrupted and each further one calls `hurry`."""
    asked = False

    def handle(_signum: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            hurry()
        else:
            asked = True
            raise Interrupted

    before = {signum: signal.signal(signum, handle) for signum in _SIGNALS}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
