"""arq as it comes: its defaults but for the limits that would end or refuse the benchmark's jobs."""

import asyncio
import json
from functools import partial
from typing import Any

from arq.connections import RedisSettings, create_pool
from arq.worker import Worker, func

from benchmarks.queue.peers.common import READY, fifty_at_once, note, order, produce, work


def _dumps(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, default=repr).encode()


async def _serve() -> None:
    mine = order()

    async def run(ctx: dict[Any, Any], number: int) -> None:
        await work(number, mine.hold_s)

    worker = Worker(
        [func(run, name="run")],
        redis_settings=RedisSettings.from_dsn(mine.url),
        max_jobs=mine.slots,
        job_timeout=3_600,
        keep_result=0,
        log_results=False,
        job_serializer=_dumps,
        job_deserializer=json.loads,
    )
    note(READY)
    await worker.async_run()


async def _produce() -> None:
    redis = await create_pool(
        RedisSettings.from_dsn(order().url), job_serializer=_dumps, job_deserializer=json.loads
    )
    send = partial(redis.enqueue_job, "run")
    await produce(send, partial(fifty_at_once, send))
    await redis.aclose(close_connection_pool=True)


if __name__ == "__main__":
    asyncio.run(_serve() if order().role == "worker" else _produce())
