"""Watches all pending operations of one location by listing them, page by page, within the quota of all workers.

There is no task, timer or connection for an operation: one loop lists, one tick shows progress. A call for each
operation would be over the quota from a few dozen operations on.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Final

from google.longrunning.operations_pb2 import Operation
from google.rpc import code_pb2

from shared.errors import TranscriptsError
from shared.observation.logs import get_logger
from worker_service.engines.google.budget import CallBudget
from worker_service.engines.google.client import CallError, SpeechClient
from worker_service.engines.google.watched import Ended, Watched, metadata

log = get_logger(__name__)

_PAGE: Final = 1_000
_SWEEP_S: Final = 1.0  # no listing begins sooner after the one before
_TICK_S: Final = 1.0
_SLOW_S: Final = 3.0
_LONGEST_WAIT_S: Final = 30.0
_REFUSALS: Final = 5  # in a row, of a kind that waiting does not mend
_MISSES: Final = 3
_FIRST_GUESS: Final = 20_000.0  # milliseconds of audio a second, until an operation has ended
_NEWEST_WEIGHS: Final = 0.2


class Follower:
    """The watcher of a location; it works as long as something is watched."""

    def __init__(self, client: SpeechClient, budget: CallBudget, *, page_size: int = _PAGE) -> None:
        self._client = client
        self._budget = budget
        self._page_size = page_size
        self._watched: dict[str, Watched] = {}
        self._sweeping: asyncio.Task[None] | None = None
        self._tick: asyncio.TimerHandle | None = None
        self._pages = 1  # that a listing has taken
        self._swept_at = 0.0
        self._ms_a_second = _FIRST_GUESS

    @contextmanager
    def watching(self, watched: Watched) -> Iterator[None]:
        """Watch an operation while the block runs, which waits for `watched.end`."""
        self._watched[watched.name] = watched
        self._work()
        try:
            yield
        finally:
            if self._watched.get(watched.name) is watched:
                del self._watched[watched.name]

    def percent(self, name: str) -> float:
        """How far an operation is shown to be; 0 where it is not watched here."""
        watched = self._watched.get(name)
        return watched.shown if watched else 0.0

    @property
    def slow(self) -> bool:
        """Whether the last whole listing is so long ago that ends are better looked for elsewhere, too."""
        return bool(self._watched) and asyncio.get_running_loop().time() - self._swept_at > _SLOW_S

    async def aclose(self) -> None:
        """Stop watching."""
        if self._tick is not None:
            self._tick.cancel()
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)

    def _work(self) -> None:
        loop = asyncio.get_running_loop()
        if self._sweeping is None or self._sweeping.done():
            self._swept_at = loop.time()
            # In a context of its own: it works for all, not in the log and the trace of the first.
            self._sweeping = asyncio.create_task(self._run(), context=Context())
            self._sweeping.add_done_callback(self._stopped)
        if self._tick is None:
            self._tick = loop.call_later(_TICK_S, self._show, context=Context())

    def _stopped(self, run: "asyncio.Task[None]") -> None:
        """The loop has ended: all is well, or nobody must wait for it."""
        if not run.cancelled() and (error := run.exception()) is not None:
            log.error("the follower ended", location=self._client.location, reason=repr(error))
            self._give_up(error if isinstance(error, Exception) else RuntimeError(repr(error)))

    def _give_up(self, error: Exception) -> None:
        for watched in list(self._watched.values()):
            watched.failed(error)

    async def _run(self) -> None:
        """List again and again until nothing is watched; Google may come and go."""
        loop, refusals, troubles = asyncio.get_running_loop(), 0, 0
        while self._watched:
            began = loop.time()
            try:
                await self._sweep()
            except (CallError, TranscriptsError) as raised:
                error = raised.error if isinstance(raised, CallError) else raised
                troubles += 1
                refusals = 0 if error.transient else refusals + 1
                wait_s = max(float(error.extra.get("retry_after_s", 0)), min(2.0**troubles, _LONGEST_WAIT_S))
                log.warning("operations cannot be listed now", reason=error.detail, retry_s=wait_s)
                if refusals >= _REFUSALS:
                    self._give_up(error)
                await asyncio.sleep(wait_s)
            else:
                refusals = troubles = 0
                self._swept_at = loop.time()
                await asyncio.sleep(max(0.0, began + _SWEEP_S - self._swept_at))

    async def _sweep(self) -> None:
        """See every operation that is watched, in the fewest calls: one each, or all pages until all were seen."""
        unseen = set(self._watched)
        if len(unseen) <= self._pages:
            for name in unseen:
                await self._look(name)
            return
        token, pages = "", 0
        while unseen:
            await self._budget.take()
            operations, token = await self._client.page(token, self._page_size)
            pages += 1
            for operation in operations:
                if operation.name in self._watched:
                    self._saw(operation)
                    unseen.discard(operation.name)
            if not token:
                break
        self._pages = pages
        if not token:
            await self._look_for_missed(unseen)

    async def _look_for_missed(self, names: set[str]) -> None:
        """Ask for those that the listing leaves out: it may lag behind, or have forgotten them."""
        for name in names:
            watched = self._watched.get(name)
            if watched is None:
                continue
            watched.missed += 1
            if watched.missed % _MISSES == 0:
                await self._look(name)

    async def _look(self, name: str) -> None:
        await self._budget.take()
        try:
            operation = await self._client.get(name)
        except CallError as error:
            if error.code != code_pb2.NOT_FOUND:
                raise
            if watched := self._watched.get(name):
                watched.ended(Ended())
        else:
            self._saw(operation)

    def _saw(self, operation: Operation) -> None:
        watched = self._watched.get(operation.name)
        if watched is None:
            return
        watched.saw(operation, asyncio.get_running_loop().time())
        if operation.done and not operation.HasField("error"):
            self._learn(operation, watched.duration_ms)

    def _learn(self, operation: Operation, duration_ms: int) -> None:
        """How fast operations are, from one that has ended."""
        known = metadata(operation)
        took_s = (known.update_time.ToMilliseconds() - known.create_time.ToMilliseconds()) / 1_000
        if took_s > 0:
            self._ms_a_second += _NEWEST_WEIGHS * (duration_ms / took_s - self._ms_a_second)

    def _show(self) -> None:
        """One tick for all: progress, and those whose time is over."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for watched in self._watched.values():
            watched.show(now, self._ms_a_second)
            if now - watched.began > watched.limit_s:
                watched.failed(TimeoutError(f"{watched.name} does not end"))
        self._tick = loop.call_later(_TICK_S, self._show) if self._watched else None
