"""One round of the scaler after another: read the signal, decide, have Render do it, say why."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import httpx

from client.aio import AsyncClient
from client.errors import ClientError
from client.models import EngineScaling
from deploy.render.scaler.policy import Limits, Need, Sight, decide
from deploy.render.scaler.render_api import RenderApi, RenderError, Service
from shared.observation.logs import get_logger

log = get_logger(__name__)

_READ_S: Final = 20.0
_LONGEST_S: Final = 300.0


class Scaler:
    """Keeps a worker service of Render as large as the jobs want; survives whoever is away."""

    def __init__(
        self,
        client: AsyncClient,
        render: RenderApi,
        limits: Limits,
        *,
        every_s: float,
        engines: Sequence[str] = (),
        dry_run: bool = False,
    ) -> None:
        """`engines`: scale on their jobs alone. `dry_run`: say what would be done."""
        self._client = client
        self._render = render
        self._limits = limits
        self._every_s = every_s
        self._engines = tuple(engines)
        self._dry_run = dry_run
        self._sights: tuple[Sight, ...] = ()
        self._failures = 0

    async def run(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Rounds until cancelled, `pause` between them; RenderError where the first one shows that none can go well."""
        first = True
        while True:
            try:
                await self.once()
                wait_s, self._failures = self._every_s, 0
            except RenderError as error:
                if first and error.final:
                    raise
                wait_s = self._backed_off(error)
                log.warning("not scaled", reason=str(error), next_in_s=round(wait_s, 1))
            first = False
            await pause(wait_s)

    async def once(self) -> int:
        """One round; returns how many instances there are now. Raises RenderError: nothing was changed then."""
        service = await self._render.service()
        if hindrance := _hindrance(service):
            log.warning("not scaled", service=service.name, reason=hindrance)
            return service.instances
        now = asyncio.get_running_loop().time()
        decision = decide(await self._need(), service.instances, self._sights, self._limits, now)
        self._sights = decision.sights
        said = {"service": service.name, "reason": decision.reason, "instances": service.instances}
        if decision.instances == service.instances:
            log.info("kept", **said)
        elif self._dry_run:
            log.info("would scale", **said, to=decision.instances)
        else:
            await self._render.scale(decision.instances)
            log.info("scaled", **said, to=decision.instances)
            return decision.instances
        return service.instances

    async def _need(self) -> Need | None:
        """What the API says; None while it says nothing."""
        try:
            async with asyncio.timeout(_READ_S):
                found = await self._client.ops.scaling()
        except (ClientError, httpx.HTTPError, TimeoutError) as error:
            log.warning("the signal cannot be read", reason=f"{type(error).__name__}: {error}")
            return None
        told = [found.engines.get(each, EngineScaling()) for each in self._engines] or [found]
        return Need(
            running=sum(each.running for each in told),
            due=sum(each.due for each in told),
            wanted=sum(each.places_wanted for each in told),
        )

    def _backed_off(self, error: RenderError) -> float:
        """Doubled each time, a part of it by chance, and never sooner than Render asks."""
        self._failures = min(self._failures + 1, 10)
        doubled = min(self._every_s * 2.0 ** (self._failures - 1), max(_LONGEST_S, self._every_s))
        jitter = 0.75 + random.random() / 2  # noqa: S311  (no secret hangs on it)
        return max(error.retry_after_s, doubled * jitter)


def _hindrance(service: Service) -> str:
    if service.suspended:
        return "the service is suspended"
    if service.autoscaled:
        return "Render's own autoscaling is on, and overrules this one: turn it off under Scaling in the dashboard"
    return ""
