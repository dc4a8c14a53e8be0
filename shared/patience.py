"""Waiting for something no longer than is useful, whatever it makes of being given up."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; TimeoutError after `seconds`.

    Unlike `asyncio.timeout`, it does not wait for the work to end: a query that is cancelled waits for its server to
    say so, which takes a minute where the server stands still.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        task.add_done_callback(_end)
        raise TimeoutError
    return task.result()


def _end(task: "asyncio.Task[Any]") -> None:
    """Take what became of it, so that nobody is told that it was never looked at."""
    if not task.cancelled():
        task.exception()
