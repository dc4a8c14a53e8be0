"""taskiq on Redis streams, which acknowledge (variant `stream`), or on a list, which loses what a dead worker held."""

import asyncio
import os
import sys
from functools import partial
from typing import Any

from taskiq import TaskiqEvents
from taskiq_redis import ListQueueBroker, RedisStreamBroker

from benchmarks.queue.peers.common import READY, fifty_at_once, note, order, produce, work

_mine = order()
broker: Any
if _mine.variant == "list":
    broker = ListQueueBroker(_mine.url)
else:
    broker = RedisStreamBroker(
        _mine.url,
        consumer_id="0",
        idle_timeout=int(1000 * _mine.lease_s) or 600_000,
        unacknowledged_lock_timeout=5,
    )


@broker.task(task_name="run")
async def run(number: int) -> None:
    """The job."""
    await work(number, _mine.hold_s)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def _ready(_state: object) -> None:
    note(READY)


async def _produce() -> None:
    await broker.startup()
    await produce(run.kiq, partial(fifty_at_once, run.kiq))
    await broker.shutdown()


def _serve() -> None:
    """As its own command line does it; in place of this process, so that signals reach it."""
    arguments = [
        "worker", "benchmarks.queue.peers.taskiq_peer:broker", "--workers", "1", "--no-parse",
        "--max-async-tasks", str(_mine.slots), "--max-prefetch", str(_mine.slots),
        "--ack-type", "when_executed", "--log-level", "ERROR",
    ]  # fmt: skip
    os.execv(sys.executable, [sys.executable, "-m", "taskiq", *arguments])


if __name__ == "__main__":
    if _mine.role == "worker":
        _serve()
    else:
        asyncio.run(_produce())
