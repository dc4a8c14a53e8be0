"""Has committed jobs put into the queue; a bell that is not heard costs time, never the job."""

import asyncio
from typing import Final

from shared.database import AWAY
from shared.errors import QueueUnavailableError
from shared.jobs.dispatch import Dispatcher
from shared.observation.logs import bind, get_logger
from shared.queue.webhook_bell import WebhookBell
from shared.records import JobRecord

log = get_logger(__name__)

_PATIENCE_S: Final = 2.0  # the caller waits for the ring; the sweep is there for what takes longer


class Bell:
    """The queue, as far as the API uses it."""

    def __init__(self, dispatcher: Dispatcher, webhooks: WebhookBell) -> None:
        self._dispatcher = dispatcher
        self._webhooks = webhooks

    async def ring(self, job: JobRecord) -> None:
        """A job was committed: dispatch, and name it in the request's further log lines.

        A store that is away is logged; the workers' sweep rings later (F2, F11).
        """
        bind(job_id=str(job.id))
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._dispatcher.dispatch()
        except (QueueUnavailableError, *AWAY) as error:
            log.warning("not rung, left to the sweep", job_id=str(job.id), reason=repr(error))

    def place_freed(self) -> None:
        """A job has ended here: whoever waits may be next, and webhooks may tell of it."""
        self._dispatcher.poke()
        self._webhooks.poke()
