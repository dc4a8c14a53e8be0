"""Celery on Redis, results off, with its pool of processes (variant `prefork`) or of threads (`threads`)."""

import asyncio
import os
import sys
from collections.abc import Sequence

from celery import Celery
from celery.signals import worker_ready

from benchmarks.queue.peers.common import READY, note, order, produce, work_in_a_thread

_mine = order()
app = Celery("benchmark", broker=_mine.url)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=1 if _mine.lease_s else 4,
    task_acks_late=bool(_mine.lease_s),
    broker_transport_options={"visibility_timeout": _mine.lease_s or 3_600},
    broker_connection_retry_on_startup=True,
)


@app.task(name="run", ignore_result=True)
def run(number: int) -> None:
    """The job."""
    work_in_a_thread(number, _mine.hold_s)


@worker_ready.connect
def _ready(**_: object) -> None:
    note(READY)


async def _produce() -> None:
    with app.producer_pool.acquire(block=True) as producer:

        async def send(number: int) -> None:
            run.apply_async((number,), producer=producer)

        async def send_all(numbers: Sequence[int]) -> None:
            for number in numbers:
                await send(number)

        await produce(send, send_all)


def _serve() -> None:
    """As its own command line does it; in place of this process, so that signals reach it."""
    arguments = [
        "-A", "benchmarks.queue.peers.celery_peer", "worker", "--pool", _mine.variant,
        "--concurrency", str(_mine.slots), "--without-gossip", "--without-mingle", "--without-heartbeat",
        "--loglevel", "ERROR",
    ]  # fmt: skip
    os.execv(sys.executable, [sys.executable, "-m", "celery", *arguments])


if __name__ == "__main__":
    if _mine.role == "worker":
        _serve()
    else:
        asyncio.run(_produce())
