"""streaq: JSON, no results kept, quiet; its idle timeout is the lease."""

import asyncio
import json
from collections.abc import Sequence

from streaq import Worker

from benchmarks.queue.peers.common import READY, note, order, produce, work

_mine = order()
worker = Worker(
    redis_url=_mine.url,
    concurrency=_mine.slots,
    serializer=json.dumps,
    deserializer=json.loads,
    idle_timeout=_mine.lease_s or 60,
)


@worker.task(ttl=0, silent=True, max_tries=10)
async def run(number: int) -> None:
    """The job."""
    await work(number, _mine.hold_s)


async def _send(number: int) -> None:
    await run.enqueue(number)


async def _send_all(numbers: Sequence[int]) -> None:
    for start in range(0, len(numbers), 1_000):
        await worker.enqueue_many([run.enqueue(number) for number in numbers[start : start + 1_000]])


async def _produce() -> None:
    async with worker:
        await produce(_send, _send_all)


if __name__ == "__main__":
    if _mine.role == "worker":
        note(READY)
        asyncio.run(worker.run_async())
    else:
        asyncio.run(_produce())
