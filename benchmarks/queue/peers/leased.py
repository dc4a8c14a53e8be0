"""Our LeaseWorker and our bell, as the services use them."""

import asyncio
import signal
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from arq.worker import func

from benchmarks.queue.peers.common import READY, note, order, produce, work
from shared.ports import Ring
from shared.queue import names
from shared.queue.client import RedisJobQueue, connect
from worker_service.queue.leases import LeaseWorker

_QUEUE = "benchmark"


async def _serve() -> None:
    mine = order()

    async def run(ctx: dict[Any, Any], job_id: str) -> None:
        await work(UUID(job_id).int, mine.hold_s)

    redis = connect(mine.url, queue=_QUEUE, retries=0)
    worker = LeaseWorker(
        [func(run, name=names.TRANSCRIBE)], redis=redis, queue_name=_QUEUE, max_jobs=mine.slots
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    note(READY)
    await worker.async_run()
    await redis.aclose(close_connection_pool=True)


async def _produce() -> None:
    bell = RedisJobQueue(connect(order().url, queue=_QUEUE), _QUEUE)

    async def send(number: int) -> None:
        await bell.ring([Ring(UUID(int=number))])

    async def send_all(numbers: Sequence[int]) -> None:
        await bell.ring([Ring(UUID(int=number)) for number in numbers])

    await produce(send, send_all)
    await bell.aclose()


if __name__ == "__main__":
    asyncio.run(_serve() if order().role == "worker" else _produce())
