"""Finds the operation that an attempt started, or may have started, by the output prefix that it was given (F6).

The prefix is echoed in each operation's metadata. Google has no request id, cannot filter by prefix, and lists
operations when it likes: so all are listed and matched here, until an operation that was submitted at the last
possible moment must have shown itself.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from google.longrunning.operations_pb2 import Operation

from shared.errors import EngineUnavailableError, TranscriptsError
from shared.observation.logs import get_logger
from worker_service.engines.google.client import CallError
from worker_service.engines.google.locations import Locations
from worker_service.engines.google.watched import metadata

log = get_logger(__name__)

_PAGE: Final = 1_000
_LOOK_S: Final = 3.0
_PATIENCE_S: Final = 600.0  # with a Google that does not answer
_TOGETHER_S: Final = 0.05  # the pieces of a recording are looked for at once: one listing does for all

_ByOutput = Mapping[str, list[Operation]]


class Orphanage:
    """Looks for operations in every location that is set up."""

    def __init__(self, locations: Locations, *, settle_s: float) -> None:
        """`settle_s`: the longest time between an intent and the moment when its operation is listed."""
        self._locations = locations
        self._settle_s = settle_s
        self._next: asyncio.Task[_ByOutput] | None = None  # the listing that has not begun yet
        self._listing: set[asyncio.Task[_ByOutput]] = set()

    async def find(self, output: str, *, once: bool = False) -> str | None:
        """The name of the operation whose results go to `output`, a gs:// prefix; None: there is and will be none.

        Of several the oldest that has not failed is kept, and younger ones are cancelled. Raises
        EngineUnavailableError where Google does not answer for ten minutes. `once`: it has ended, so that it need
        not be waited for.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        settled_at = began + self._settle_s
        while True:
            asked_at = loop.time()
            try:
                found = (await self._listed()).get(output, [])
            except (CallError, TranscriptsError) as raised:
                error = raised.error if isinstance(raised, CallError) else raised
                if not error.transient or loop.time() - began > _PATIENCE_S:
                    raise EngineUnavailableError(error.detail) from raised
                log.warning("operations cannot be listed now", reason=error.detail)
                settled_at = loop.time() + self._settle_s if loop.time() > settled_at else settled_at
            else:
                if found:
                    return await self._keep_one(found)
                if once or asked_at >= settled_at:
                    return None
            await asyncio.sleep(min(_LOOK_S, max(0.05, settled_at - loop.time())))

    async def aclose(self) -> None:
        """Stop listing."""
        for task in self._listing:
            task.cancel()
        await asyncio.gather(*self._listing, return_exceptions=True)

    async def _listed(self) -> _ByOutput:
        """Every operation, from a listing that begins after this call; calls at about the same time share one."""
        if self._next is None:
            self._next = asyncio.create_task(self._list_soon())
            self._listing.add(self._next)
            self._next.add_done_callback(self._ended)
        return await asyncio.shield(self._next)

    def _ended(self, task: "asyncio.Task[_ByOutput]") -> None:
        self._listing.discard(task)
        if not task.cancelled():
            task.exception()  # who asked may have gone

    async def _list_soon(self) -> _ByOutput:
        """All operations by where their results go, the oldest first."""
        await asyncio.sleep(_TOGETHER_S)
        self._next = None  # who comes from now on may look for what this listing does not see
        found: dict[str, list[Operation]] = defaultdict(list)
        for location in self._locations.all().values():
            token = ""
            while True:
                await location.calls.take()
                operations, token = await location.client.page(token, _PAGE)
                for each in operations:
                    found[_output(each)].append(each)
                if not token:
                    break
        return {output: sorted(each, key=_created) for output, each in found.items()}

    async def _keep_one(self, found: list[Operation]) -> str:
        good = [each for each in found if not each.HasField("error")]
        kept, *others = good or found
        for other in others:
            log.error("an operation was started twice; the younger one is cancelled", operation=other.name)
            if not other.done:
                await self._cancel(other.name)
        return str(kept.name)

    async def _cancel(self, name: str) -> None:
        location = self._locations[location_of(name)]
        await location.calls.take(urgent=True)
        try:
            await location.client.cancel(name)
        except CallError as error:
            log.warning(
                "it could not be cancelled, and will be paid", operation=name, reason=error.error.detail
            )


def location_of(name: str) -> str:
    """The location in an operation's name: `projects/P/locations/L/operations/...`."""
    return name.split("/")[3]


def _created(operation: Operation) -> int:
    return int(metadata(operation).create_time.ToNanoseconds())


def _output(operation: Operation) -> str:
    request = metadata(operation).batch_recognize_request
    return str(request.recognition_output_config.gcs_output_config.uri)
