"""`python -m benchmarks.traces`: what traces cost the API, as CPU time a poll: off, one in ten kept, all kept.

CPU time and not a rate: the collector runs beside it, and a busy machine changes rates more than traces do. Linux.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.poll.__main__ import CONNECTIONS
from shared.database import open_pool
from tests.fixtures.api_process import ApiProcess
from tests.fixtures.collector import a_collector
from tests.fixtures.rows import stored_job
from tests.fixtures.stores import stores

_TICKS = os.sysconf("SC_CLK_TCK")
_JOBS = 100


async def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traces", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="the length of each measurement (2)")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each takes (3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="transcripts-traces-") as folder:
        async with AsyncExitStack() as stack:
            collector = await stack.enter_async_context(a_collector())
            endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.receiver.url}
            few = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
            apis, jobs = await _site(
                stack, Path(folder), {"off": {}, "one in ten": endpoint | few, "all": endpoint}
            )
            costs: dict[str, list[float]] = {name: [] for name in apis}
            for _ in range(options.rounds):
                for name, api in apis.items():
                    costs[name].append(await _us_a_poll(api, jobs, options.seconds))
    off = _median(costs["off"])
    print("| traces | CPU a poll | of off |\n|---|---|---|")
    for name, measured in costs.items():
        spread = f"{min(measured):.0f} to {max(measured):.0f}"
        print(f"| {name} | {_median(measured):.0f} µs ({spread}) | {_median(measured) / off:.2f}x |")
    return 0


async def _site(
    stack: AsyncExitStack, folder: Path, settings: dict[str, dict[str, str]]
) -> tuple[dict[str, ApiProcess], list[str]]:
    database_url, redis_url = await stack.enter_async_context(stores(folder))
    pool = await stack.enter_async_context(await open_pool(database_url, size=4, name="benchmark"))
    jobs = [str((await stored_job(pool)).id) for _ in range(_JOBS)]
    apis = {}
    for name, given in settings.items():
        (folder / name).mkdir()
        api = ApiProcess(folder / name, database_url, redis_url, LOG_LEVEL="WARNING", **given)
        stack.push_async_callback(api.end)
        await api.start()
        apis[name] = api
    return apis, jobs


async def _us_a_poll(api: ApiProcess, jobs: list[str], seconds: float) -> float:
    before = _cpu_s(api.process.pid)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.poll.load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )  # fmt: skip
    requests = [f"GET /v1/jobs/{job} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" for job in jobs]
    port = int(api.url.rpartition(":")[2])
    order = {"port": port, "connections": CONNECTIONS, "seconds": seconds, "requests": requests}
    out, _ = await process.communicate(json.dumps(order).encode())
    return (_cpu_s(api.process.pid) - before) / float(json.loads(out)["requests"]) * 1e6


def _cpu_s(pid: int) -> float:
    """What the process has computed so far, the thread that sends spans included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
