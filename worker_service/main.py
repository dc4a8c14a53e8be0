"""Runs a worker until it is told to stop, or until a part of it fails in a way that nothing foresaw."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from shared.observation.logs import get_logger
from shared.settings import WorkerSettings
from worker_service.observation.health import HealthServer
from worker_service.services import open_services

log = get_logger(__name__)


async def serve(settings: WorkerSettings) -> None:
    """Serve until SIGTERM or SIGINT, hand over what runs, and sign off; a second signal ends the process at once."""
    async with open_services(settings) as services:
        await services.registry.sign_on()
        services.dispatcher.poke()  # there are more places now
        _stop_on_signals(services.worker.stop)
        try:
            async with (
                _health(services.health, settings),
                _beside(services.loops, on_failure=services.worker.stop),
            ):
                await services.worker.async_run()
        finally:
            await services.registry.sign_off()


def _health(server: HealthServer, settings: WorkerSettings) -> AbstractAsyncContextManager[object]:
    if settings.health_port is None:
        return nullcontext()
    return server.listening(settings.health_host, settings.health_port)


def _stop_on_signals(stop: Callable[[], None]) -> None:
    """The first signal stops the worker; the next one has its usual effect."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def first(received: signal.Signals) -> None:
        for each in signals:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        log.info("stopping: jobs are handed over", signal=received.name)
        stop()

    for each in signals:
        loop.add_signal_handler(each, first, each)


@asynccontextmanager
async def _beside(
    loops: Iterable[Callable[[], Coroutine[Any, Any, None]]], *, on_failure: Callable[[], None]
) -> AsyncIterator[None]:
    """Run the loops while the block runs; one that fails stops the worker, and its error is raised at the end."""
    tasks = [asyncio.create_task(loop()) for loop in loops]

    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("a loop of the worker failed; the worker stops", reason=repr(task.exception()))
            on_failure()

    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
