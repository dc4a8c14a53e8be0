"""Several coroutines at once, of which none is left behind."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from shared.errors import TranscriptsError

T = TypeVar("T")


async def to_the_end(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results, in order, once all have ended; the error of one then, a lasting one before a passing one.

    So what breaks off between a call and the note of it is nobody but a run that is cancelled as a whole.
    """
    ended = await asyncio.gather(*work, return_exceptions=True)
    errors = [each for each in ended if isinstance(each, BaseException)]
    if errors:
        raise min(errors, key=_passes)
    return [each for each in ended if not isinstance(each, BaseException)]


async def until_one_is_lost(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The same, but a lasting error ends them all at once: what the others wait for would be of no use."""
    tasks = [asyncio.ensure_future(each) for each in work]
    waiting: set[asyncio.Task[T]] = set(tasks)
    try:
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                error = task.exception()
                if error is not None and not _passes(error):
                    raise error
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _passes(error: BaseException) -> bool:
    return isinstance(error, TranscriptsError) and error.transient
