"""SAQ on Redis: no results kept, no time limit; a heartbeat where a crash is to be noticed."""

import asyncio
from functools import partial
from typing import Any

from saq import Queue, Worker
from saq.job import Job

from benchmarks.queue.peers.common import READY, fifty_at_once, note, order, produce, work


async def _serve() -> None:
    mine = order()

    async def run(ctx: dict[str, Any], *, number: int) -> None:
        beating = asyncio.create_task(_beat(ctx["job"], mine.lease_s / 3)) if mine.lease_s else None
        await work(number, mine.hold_s)
        if beating is not None:
            beating.cancel()

    worker = Worker(
        Queue.from_url(mine.url),
        [("run", run)],
        concurrency=mine.slots,
        timers={"sweep": 1} if mine.lease_s else None,
    )
    note(READY)
    await worker.start()


async def _beat(job: Job, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await job.update()


async def _produce() -> None:
    queue = Queue.from_url(order().url)
    await queue.connect()
    options = {"timeout": 0, "ttl": -1, "retries": 10, "heartbeat": int(order().lease_s)}

    async def send(number: int) -> None:
        await queue.enqueue("run", number=number, **options)

    await produce(send, partial(fifty_at_once, send))
    await queue.disconnect()


if __name__ == "__main__":
    asyncio.run(_serve() if order().role == "worker" else _produce())
