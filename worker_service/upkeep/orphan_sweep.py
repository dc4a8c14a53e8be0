"""Deletes objects without a row, a few times a day; whichever worker comes first does it for all."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from redis.exceptions import RedisError

from shared.database import AWAY
from shared.errors import StorageError
from shared.observation.logs import get_logger
from shared.orphan_objects import OrphanObjects

log = get_logger(__name__)

EVERY_S: Final = 6 * 3600.0
"""A sweep lists the whole store, which costs requests."""

_ASK_S: Final = 600.0


async def sweep_orphans(
    orphans: OrphanObjects, take_turn: Callable[[float], Awaitable[bool]], *, ask_s: float = _ASK_S
) -> None:
    """Sweep until cancelled; `take_turn(seconds)` says whether this worker does it, for all workers, for that long."""
    while True:
        try:
            if await take_turn(EVERY_S):
                await orphans.delete()
        except (*AWAY, RedisError, StorageError) as error:
            log.warning("orphans put off", reason=repr(error))
        await asyncio.sleep(ask_s)
