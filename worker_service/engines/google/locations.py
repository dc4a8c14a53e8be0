"""The locations that are set up: for each one connection, one quota, one follower; made when first needed."""

import asyncio
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Final

from shared.errors import TranscriptsError
from shared.google.speech import TABLE, Table, with_models
from shared.observation.logs import get_logger
from shared.storage.google_identity import Identity
from worker_service.engines.google import capabilities
from worker_service.engines.google.budget import CallBudget
from worker_service.engines.google.client import CallError, SpeechClient
from worker_service.engines.google.follower import Follower

log = get_logger(__name__)

_REFRESH_S: Final = 24 * 3600.0
_REFRESH_AGAIN_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Location:
    """One location of Speech-to-Text."""

    client: SpeechClient
    calls: CallBudget  # Get, List and Cancel
    submits: CallBudget
    follower: Follower


class Locations:
    """Opens a location on the event loop that uses it; also one that is no longer set up, for what runs there."""

    def __init__(
        self, names: tuple[str, ...], open_location: Callable[[str], Location], identity: Identity
    ) -> None:
        """`names` in the order in which they are preferred; `identity` is closed with the locations."""
        self.names = names
        self.table: Table = TABLE
        self._open = open_location
        self._identity = identity
        self._opened: dict[str, Location] = {}
        self._refresh_at: dict[str, float] = {}
        self._refreshing: set[asyncio.Task[None]] = set()

    def __getitem__(self, name: str) -> Location:
        """The location of this name."""
        if name not in self._opened:
            self._opened[name] = self._open(name)
        return self._opened[name]

    def open(self, name: str) -> None:
        """Have a location among all, although it may not be set up any more."""
        self[name]

    def all(self) -> Mapping[str, Location]:
        """Those that are set up, and others that were opened."""
        return {name: self[name] for name in dict.fromkeys((*self.names, *self._opened))}

    def slow(self) -> bool:
        """Whether ends of operations are seen late somewhere."""
        return any(location.follower.slow for location in self._opened.values())

    def refresh_soon(self, name: str) -> None:
        """Once a day, have the Locations API add to the table, while other work goes on."""
        now = asyncio.get_running_loop().time()
        if now >= self._refresh_at.get(name, 0.0):
            self._refresh_at[name] = now + _REFRESH_S
            task = asyncio.create_task(self._refresh(name, now), context=Context())
            self._refreshing.add(task)
            task.add_done_callback(self._refreshing.discard)

    async def _refresh(self, name: str, now: float) -> None:
        """Where the Locations API does not answer, the table stays."""
        try:
            found = capabilities.models(await self[name].client.capabilities())
        except (CallError, TranscriptsError) as error:
            self._refresh_at[name] = now + _REFRESH_AGAIN_S
            log.info("the Locations API does not answer", location=name, reason=str(error))
        else:
            self.table = with_models(self.table, name, found)

    async def aclose(self) -> None:
        """Close every follower and connection."""
        for task in self._refreshing:
            task.cancel()
        await asyncio.gather(*self._refreshing, return_exceptions=True)
        for location in self._opened.values():
            await location.follower.aclose()
            await location.client.aclose()
        self._identity.close()
