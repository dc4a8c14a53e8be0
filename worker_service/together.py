"""Several coroutines at once, of which none is left behind."""

import asyncio
import math
from collections.abc import Coroutine, Iterable
from typing import Any, Final, TypeVar

from shared.errors import TranscriptsError

T = TypeVar("T")

_PATIENCE_S: Final = 30.0


async def to_the_end(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results, in order, once all have ended; the error of one then, a lasting one before a passing one.

    So what breaks off between a call and the note of it is nobody but a run that is cancelled as a whole.
    """
    ended = await asyncio.gather(*work, return_exceptions=True)
    errors = [each for each in ended if isinstance(each, BaseException)]
    if errors:
        raise min(errors, key=_passes)
    return [each for each in ended if not isinstance(each, BaseException)]


async def until_one_is_lost(
    work: Iterable[Coroutine[Any, Any, T]], *, patience_s: float = _PATIENCE_S
) -> list[T]:
    """The same, but a lasting error ends them all at once: what the others wait for would be of no use.

    After a passing one the others have `patience_s`: what goes wrong at about the same time is one failure.
    """
    loop = asyncio.get_running_loop()
    tasks = [asyncio.ensure_future(each) for each in work]
    waiting: set[asyncio.Task[T]] = set(tasks)
    failed: BaseException | None = None
    until = math.inf
    try:
        while waiting and (left_s := until - loop.time()) > 0:
            done, waiting = await asyncio.wait(
                waiting, timeout=None if failed is None else left_s, return_when=asyncio.FIRST_EXCEPTION
            )
            for error in filter(None, (task.exception() for task in done)):
                if not _passes(error):
                    raise error
                failed, until = failed or error, min(until, loop.time() + patience_s)
        if failed is not None:
            raise failed
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _passes(error: BaseException) -> bool:
    return isinstance(error, TranscriptsError) and error.transient
