"""What the queue calls: thin, each opens nothing and delegates to a use case."""

from typing import Any, Final
from uuid import UUID

from arq.worker import Function, Retry, func

from shared.jobs.dispatch import Dispatcher
from shared.queue import names
from shared.queue.webhook_bell import WebhookBell
from worker_service.transcribe import Transcriber

# The keys of the use cases in arq's ctx
TRANSCRIBER: Final = "transcriber"
DISPATCHER: Final = "dispatcher"
WEBHOOKS: Final = "webhooks"


async def transcribe(ctx: dict[Any, Any], job_id: str, **_traces: str) -> None:
    """Run one attempt of a job; the request's traces are read from its row, which outlives Redis."""
    transcriber: Transcriber = ctx[TRANSCRIBER]
    dispatcher: Dispatcher = ctx[DISPATCHER]
    webhooks: WebhookBell = ctx[WEBHOOKS]
    try:
        wait = await transcriber.run(UUID(job_id))
    finally:
        dispatcher.poke()  # a place is free
        webhooks.poke()  # and somebody may want to hear why
    if wait is not None:
        raise Retry(defer=wait)


FUNCTIONS: Final[tuple[Function, ...]] = (func(transcribe, name=names.TRANSCRIBE),)
"""Everything that this worker runs; a test compares the names with those that the API can ring for (F3)."""
