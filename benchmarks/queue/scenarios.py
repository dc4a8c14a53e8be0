"""What is measured: each scenario takes a contender and returns figures. `docs/queue.md` explains them."""

import asyncio
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.queue.bench import Bench
from benchmarks.queue.contenders import Contender
from benchmarks.queue.peers.common import ENDED, SENT, STARTED
from tests.fixtures.tcp_proxy import TcpProxy

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    pickups: int
    jobs: int  # to enqueue and to drain
    jobs_far: int  # to drain over the slow line
    waiting: tuple[int, ...]
    window_s: float
    patience_s: float  # after which a figure is given up


FULL: Final = Size(200, 3_000, 1_000, (100, 1_000, 5_000, 10_000), 3.0, 20.0)
QUICK: Final = Size(50, 1_000, 500, (100, 1_000), 1.5, 15.0)

_SLOTS: Final = 100
_ROUND_TRIP_S: Final = 0.0014
_LEASE_S: Final = 10.0
_HELD: Final = 10


def idle_and_pickup(contender: Contender, size: Size) -> Figures:
    """What an idle worker costs; then jobs that come one at a time, a few milliseconds apart."""
    with Bench(contender) as bench:
        worker = bench.worker(10, 0.0)
        cost = bench.cost(worker, 2 * size.window_s)
        bench.produce(size.pickups, gap_s=0.01, bulk=False)
        bench.until(lambda: bench.count(ENDED) >= size.pickups, size.patience_s)
        sent, started = dict(bench.notes(SENT)), dict(bench.notes(STARTED))
        waits = sorted(1000 * (started[number] - sent[number]) for number in started)
        return {
            "idle_cpu_percent": round(cost.cpu_percent, 2),
            "idle_requests_per_s": round(cost.requests_per_s, 1),
            "idle_rss_mb": round(cost.rss_bytes / 1e6),
            **{f"pickup_p{p}_ms": round(_percentile(waits, p), 2) for p in (50, 95, 99)},
            **bench.tally(size.pickups),
        }


def enqueue(contender: Contender, size: Size) -> Figures:
    """Jobs a second that one client enqueues: one after the other, and in bulk. No worker runs."""
    with Bench(contender) as bench:
        one_s = bench.produce(size.jobs // 2, bulk=False)
        bulk_s = bench.produce(size.jobs, first=size.jobs)
        return {
            "enqueue_sequential_per_s": round(size.jobs / 2 / one_s),
            "enqueue_bulk_per_s": round(size.jobs / bulk_s),
        }


def drain(contender: Contender, size: Size) -> Figures:
    """Jobs a second through one worker of 100 slots; the jobs do nothing."""
    return _drain(contender, size.jobs, workers=1, hold_s=0.0, patience_s=size.patience_s, name="drain")


def drain_four(contender: Contender, size: Size) -> Figures:
    """Jobs a second through four workers of 100 slots; each job waits 50 ms."""
    return _drain(contender, size.jobs, workers=4, hold_s=0.05, patience_s=size.patience_s, name="drain_four")


def drain_far(contender: Contender, size: Size) -> Figures:
    """Like `drain`, with 1.4 ms between worker and Redis and back: another zone of a cloud."""
    with _far() as far:
        return _drain(
            contender,
            size.jobs_far,
            workers=1,
            hold_s=0.0,
            patience_s=size.patience_s,
            name="drain_far",
            far=far,
        )


def _drain(
    contender: Contender,
    jobs: int,
    *,
    workers: int,
    hold_s: float,
    patience_s: float,
    name: str,
    far: Callable[[int], int] | None = None,
) -> Figures:
    """Workers that have settled are frozen while the queue fills, so that no start-up is in the figure."""
    with Bench(contender) as bench:
        url = bench.redis.url()
        if far is not None:
            url = url.replace(f":{bench.redis.port}/", f":{far(bench.redis.port)}/")
        started = [bench.worker(_SLOTS, hold_s, url=url) for _ in range(workers)]
        for worker in started:
            bench.signal(worker, signal.SIGSTOP)
        bench.produce(jobs)
        began = time.time()
        for worker in started:
            bench.signal(worker, signal.SIGCONT)
        bench.until(lambda: bench.count(ENDED) >= jobs, patience_s)
        time.sleep(0.5)  # for what runs twice
        ends = [at for _, at in bench.notes(ENDED)]
        return {f"{name}_per_s": round(len(ends) / (max(ends) - began)) if ends else 0, **bench.tally(jobs)}


def waiting(contender: Contender, size: Size) -> Figures:
    """Jobs that wait for a cloud, all in one worker: until all run, and what they cost while they wait."""
    figures: Figures = {}
    for jobs in size.waiting if contender.keeps_jobs else ():
        if jobs > contender.most_slots:
            break
        with Bench(contender) as bench:
            bench.produce(jobs)
            worker = bench.worker(jobs, 3_600.0, wait=False)
            reached = bench.until(lambda jobs=jobs: bench.count(STARTED) >= jobs, size.patience_s)  # type: ignore[misc]
            starts = [at for _, at in bench.notes(STARTED)]
            cost = bench.cost(worker, size.window_s)
            figures |= {
                f"waiting_{jobs}_all_running_s": round(max(starts) - min(starts), 2) if reached else None,
                f"waiting_{jobs}_mb": round(cost.rss_bytes / 1e6),
                f"waiting_{jobs}_cpu_percent": round(cost.cpu_percent, 1),
                f"waiting_{jobs}_requests_per_s": round(cost.requests_per_s, 1),
                f"waiting_{jobs}_commands_per_s": round(cost.commands_per_s, 1),
            }
    return figures


def recovery(contender: Contender, patience_s: float) -> Figures:
    """From SIGKILL of a worker until its ten jobs run in another. Before that they run for longer than the lease.

    New jobs keep coming, one a second: some contenders look for dead workers only then.
    """
    if not contender.keeps_jobs:
        return {}
    with Bench(contender, lease_s=_LEASE_S) as bench:
        held = min(_HELD, contender.most_slots)
        victim = bench.worker(held, 3_600.0)
        bench.produce(held)
        bench.until(lambda: bench.count(STARTED) >= held, 20)
        bench.worker(1_000, 3_600.0)
        bench.produce(int(patience_s + 2 * _LEASE_S), first=1_000, gap_s=1.0, bulk=False, wait=False)
        time.sleep(1.2 * _LEASE_S)
        twice = len(_starts(bench, held)) - held
        killed = time.time()
        bench.signal(victim, signal.SIGKILL)
        back = bench.until(lambda: len(_starts(bench, held, since=killed)) >= held, patience_s)
        took = max(_starts(bench, held, since=killed)) - killed if back else None
        return {"recovery_s": None if took is None else round(took, 1), "twice": twice}


def _starts(bench: Bench, below: int, since: float = 0.0) -> list[float]:
    """When jobs with a number below `below` started."""
    return [at for number, at in bench.notes(STARTED) if number < below and at > since]


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


@contextmanager
def _far() -> Iterator[Callable[[int], int]]:
    """A slow line, on a thread of its own; call it with a port to get the port that is further away."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    proxies: list[TcpProxy] = []

    def to(port: int) -> int:
        proxy = TcpProxy("127.0.0.1", port, latency_s=_ROUND_TRIP_S / 2)
        asyncio.run_coroutine_threadsafe(proxy.__aenter__(), loop).result()
        proxies.append(proxy)
        return proxy.port

    yield to
    for proxy in proxies:
        asyncio.run_coroutine_threadsafe(proxy.__aexit__(None, None, None), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
