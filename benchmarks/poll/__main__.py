"""`python -m benchmarks.poll`: what reading a job costs, ours against a bare FastAPI + asyncpg handler, in one run."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from deploy.local.processes import free_port
from shared.database import Pool, open_pool
from shared.settings import known_settings
from tests.fixtures.rows import stored_job
from tests.fixtures.stores import stores

JOBS = 1_000
CONNECTIONS = 16
_SETTLE_S = 12.0  # until all wait; an idle backend keeps its counts to itself for 10 s


async def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.poll", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="the length of each measurement (5)")
    parser.add_argument("--rounds", type=int, default=3, help="turns that ours and the bare handler take (3)")
    parser.add_argument(
        "--readers", type=int, nargs="+", default=[10, 100, 500], help="waiting readers (10 100 500)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="transcripts-poll-") as folder:
        async with AsyncExitStack() as stack:
            database_url, ours, bare, pool = await _site(stack, Path(folder))
            jobs = [str((await stored_job(pool)).id) for _ in range(JOBS)]
            await pool.execute("UPDATE job SET status = 'running', attempt = 1, started_at = now()")
            print("| measured | ours | bare handler | ratio |\n|---|---|---|---|")
            await _polls(ours, bare, jobs, options)
            await _waiting(database_url, ours, bare, jobs, options)
    return 0


async def _site(stack: AsyncExitStack, folder: Path) -> tuple[str, int, int, Pool]:
    database_url, redis_url = await stack.enter_async_context(stores(folder))
    pool = await stack.enter_async_context(await open_pool(database_url, size=4, name="benchmark"))
    ours, bare = free_port(), free_port()
    env = {name: value for name, value in os.environ.items() if name not in known_settings()}
    env |= {
        "DATABASE_URL": database_url, "REDIS_URL": redis_url, "LOG_LEVEL": "WARNING",
        "TRANSCRIPTS_STORAGE_URL": (folder / "objects").as_uri(),
    }  # fmt: skip
    await stack.enter_async_context(_process(env, ours, "api_service", "--port", str(ours)))
    await stack.enter_async_context(_process(env, bare, "benchmarks.poll.bare", database_url, str(bare)))
    return database_url, ours, bare, pool


@asynccontextmanager
async def _process(env: dict[str, str], port: int, *command: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *command, env=env)
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    (await asyncio.open_connection("127.0.0.1", port))[1].close()
                    break
                except OSError:
                    await asyncio.sleep(0.1)
        yield
    finally:
        process.terminate()
        await process.wait()


async def _polls(ours: int, bare: int, jobs: list[str], options: argparse.Namespace) -> None:
    """Polls with an answer, and polls that are told that nothing changed; the median of the rounds."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ours}") as http:
        tag = (await http.get(f"/v1/jobs/{jobs[0]}")).headers["ETag"]
    plain = [_get(job) for job in jobs]
    known = [_get(jobs[0], f"If-None-Match: {tag}\r\n")]
    for name, mine, theirs in (
        ("poll, 200", plain, plain),
        ("poll, nothing new (304)", known, [_get(jobs[0])]),
    ):
        rounds = [
            (await _load(ours, mine, options.seconds), await _load(bare, theirs, options.seconds))
            for _ in range(options.rounds)
        ]
        ratios = sorted((_rate(a) / _rate(b), a, b) for a, b in rounds)
        ratio, a, b = sorted(ratios, key=lambda each: each[0])[len(ratios) // 2]
        print(
            f"| {name} | {_rate(a):,.0f}/s, p99 {a['p99_ms']:.1f} ms | {_rate(b):,.0f}/s, p99 {b['p99_ms']:.1f} ms |"
            f" {ratio:.2f}x |",
            flush=True,
        )


def _rate(measured: dict[str, float]) -> float:
    return measured["requests"] / measured["seconds"]


def _get(job: str, header: str = "") -> str:
    return f"GET /v1/jobs/{job} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n"


async def _load(port: int, requests: list[str], seconds: float) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.poll.load",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    order = {"port": port, "connections": CONNECTIONS, "seconds": seconds, "requests": requests}
    out, _ = await process.communicate(json.dumps(order).encode())
    return dict(json.loads(out))


async def _waiting(
    database_url: str, ours: int, bare: int, jobs: list[str], options: argparse.Namespace
) -> None:
    """Statements a second while readers wait for as many jobs that do not change.

    The bare handler comes last: it asks on for readers that have gone, and would be counted with ours.
    """
    wait = {"Prefer": "wait=60"}
    seconds, counts = options.seconds, options.readers
    long_polls = [await _statements(database_url, _hold(ours, jobs[:n], "", wait), seconds) for n in counts]
    streams = [await _statements(database_url, _hold(ours, jobs[:n], "/events", {}), seconds) for n in counts]
    turns = int(
        2 * (_SETTLE_S + seconds + 4)
    )  # it asks every half second, and has ended before the next ones come
    for n, long_poll, stream in zip(counts, long_polls, streams, strict=True):
        plain = await _statements(database_url, _hold(bare, jobs[:n], f"?wait={turns}", {}), seconds)
        print(f"| {n} long polls, statements/s | {long_poll:.1f} | {plain:.1f} | {long_poll / plain:.3f}x |")
        print(
            f"| {n} event streams, statements/s | {stream:.1f} | {plain:.1f} | {stream / plain:.3f}x |",
            flush=True,
        )
        await asyncio.sleep(_SETTLE_S)


@asynccontextmanager
async def _hold(port: int, jobs: list[str], path: str, headers: dict[str, str]) -> AsyncIterator[None]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None, limits=limits) as http:
        waiting = [asyncio.create_task(_read(http, f"/v1/jobs/{job}{path}", headers)) for job in jobs]
        await asyncio.sleep(_SETTLE_S)
        yield
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _read(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
    async with http.stream("GET", path, headers=headers) as answer:
        async for _ in answer.aiter_bytes():
            pass


async def _statements(database_url: str, held: Any, seconds: float) -> float:
    connection = await asyncpg.connect(database_url)
    async with held:
        before = await _transactions(connection)
        await asyncio.sleep(seconds)
        after = await _transactions(connection)
    await connection.close()
    return max(after - before - 2, 0) / seconds


async def _transactions(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await asyncio.sleep(1.1)  # backends report once a second
    return int(
        await connection.fetchval(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        )
    )


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
