"""What audio costs now: the price falls with what was billed this month, which the ledger tells."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from shared.database import AWAY
from shared.google.speech import billed, micro_dollars
from shared.jobs.operations import Cost
from shared.observation.logs import get_logger

log = get_logger(__name__)

_REFRESH_S: Final = 600.0

BilledThisMonth = Callable[[], Awaitable[int]]
"""Milliseconds at the standard price, of this month and this engine."""


class Tariff:
    """Prices; `billed_this_month` gives milliseconds at the standard price."""

    def __init__(self, billed_this_month: BilledThisMonth | None = None) -> None:
        """None: as if the month had only begun."""
        self._ask = billed_this_month
        self._month_ms = 0
        self._refresh_at = 0.0

    def cost(self, audio_ms: int, *, economy: bool, estimated: bool = False) -> Cost:
        """The cost of so many milliseconds of mono audio: whole seconds."""
        billed_ms = billed(audio_ms)
        price = micro_dollars(billed_ms, economy=economy, month_ms=0 if economy else self._month_ms)
        return Cost(billed_ms, price, estimated)

    async def refresh(self) -> None:
        """Look into the ledger now and then; one that is away leaves the price as it was."""
        now = asyncio.get_running_loop().time()
        if self._ask is None or now < self._refresh_at:
            return
        self._refresh_at = now + _REFRESH_S
        try:
            self._month_ms = await self._ask()
        except AWAY as error:
            log.warning("the month's usage is not known now", reason=repr(error))
