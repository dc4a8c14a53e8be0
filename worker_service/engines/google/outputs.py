"""Sees results in the bucket, where no quota is: for when operations cannot be listed soon enough."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Final

from shared.errors import TranscriptsError
from shared.observation.logs import get_logger
from shared.ports import ObjectStore
from worker_service.engines.google.watched import Ended, Watched

log = get_logger(__name__)

FOLDER: Final = "results"  # where the prefixes of all attempts begin
_LOOK_S: Final = 1.0
_SHARE: Final = 15  # a look takes at most one part in so many of the time
_AGAIN_S: Final = 10.0


class OutputWatch:
    """Lists the folder of results while operations are watched and `needed` says that it helps."""

    def __init__(self, store: ObjectStore, needed: Callable[[], bool]) -> None:
        self._store = store
        self._needed = needed
        self._watched: dict[str, Watched] = {}
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def watching(self, watched: Watched) -> Iterator[None]:
        """Watch for an operation's result while the block runs."""
        self._watched[watched.prefix] = watched
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._run(), context=Context())  # for all, not for the first
        try:
            yield
        finally:
            if self._watched.get(watched.prefix) is watched:
                del self._watched[watched.prefix]

    async def find(self, prefix: str) -> str | None:
        """The key of the result below a prefix, if it is there."""
        async for found in self._store.listing(prefix.rstrip("/")):
            if _is_result(found.key):
                return found.key
        return None

    async def aclose(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._watched:
            began = loop.time()
            wait_s = _LOOK_S
            if self._needed():
                try:
                    await self._look()
                    wait_s = max(_LOOK_S, _SHARE * (loop.time() - began))
                except TranscriptsError as error:
                    log.warning("results cannot be listed now", reason=error.detail)
                    wait_s = _AGAIN_S
            await asyncio.sleep(wait_s)

    async def _look(self) -> None:
        async for found in self._store.listing(FOLDER):
            prefix, slash, _ = found.key.rpartition("/")
            watched = self._watched.get(prefix + slash)
            if watched is not None and _is_result(found.key):
                watched.ended(Ended(output=found.key))


def _is_result(key: str) -> bool:
    return key.endswith(".json")
