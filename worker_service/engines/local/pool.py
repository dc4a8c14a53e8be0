"""Warm child processes: kept between jobs because loading a model takes seconds, ended when nobody asks."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from shared.errors import EngineUnavailableError
from worker_service.children import Child
from worker_service.serving import JsonObject

IDLE_S: Final = 300.0  # half a gigabyte is held for this long after the last job


class ChildPool:
    """At most `most` children of one module; each answers one request at a time."""

    def __init__(self, module: str, *, most: int, env: dict[str, str], idle_s: float = IDLE_S) -> None:
        self._module = module
        self._env = env
        self._idle_s = idle_s
        self._slots = asyncio.Semaphore(most)
        self._idle: list[tuple[float, Child]] = []  # since when, the longest idle first
        self._busy: dict[str, Child] = {}
        self._reaper: asyncio.Task[None] | None = None
        self._closed = False

    async def ask(
        self, name: str, request: JsonObject, on_progress: Callable[[JsonObject], None]
    ) -> JsonObject:
        """Have a child answer the request, as soon as one is free; `name` is what `stop` knows it by.

        Raises what the child raised, or ChildDiedError. A cancel kills the child.
        """
        async with self._slots:
            child = await self._take()
            self._busy[name] = child
            try:
                return await child.ask(request, on_progress)
            finally:
                self._busy.pop(name, None)
                await self._give_back(child)

    async def stop(self, name: str) -> None:
        """Kill the child that answers the request of this name, if there is one."""
        child = self._busy.get(name)
        if child is not None:
            await child.kill()

    def busy(self) -> tuple[int, ...]:
        """The process ids of the children that are answering."""
        return tuple(child.pid for child in self._busy.values())

    async def aclose(self) -> None:
        """Kill all children; requests under way raise ChildDiedError."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        children = [*self._busy.values(), *(child for _, child in self._idle)]
        self._idle.clear()
        await asyncio.gather(*(child.kill() for child in children))

    async def _take(self) -> Child:
        if self._closed:
            raise EngineUnavailableError("The speech engine of this worker has been closed.")
        while self._idle:
            _, child = self._idle.pop()  # the last one used: the others may go
            if child.alive:
                return child
            await child.kill()  # reaps it
        return await Child.start(self._module, env=self._env)

    async def _give_back(self, child: Child) -> None:
        if not child.alive or self._closed:
            await child.kill()
            return
        self._idle.append((time.monotonic(), child))
        if self._reaper is None or self._reaper.done():
            self._reaper = asyncio.create_task(self._reap(), name=f"idle children of {self._module}")

    async def _reap(self) -> None:
        """End children that have been idle for too long; ends itself when none is left."""
        while self._idle:
            since, child = self._idle[0]
            left = since + self._idle_s - time.monotonic()
            if left > 0:
                await asyncio.sleep(left)
            elif self._idle and self._idle[0][1] is child:
                self._idle.pop(0)
                await child.kill()
