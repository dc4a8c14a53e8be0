"""`python -m benchmarks.access`: polls with a key and limits, against without and against the plain way."""

import argparse
import asyncio
import hashlib
import os
import secrets
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.poll.__main__ import _load, _process, _rate
from deploy.local.processes import free_port
from shared.database import Pool, open_pool
from shared.settings import known_settings
from tests.fixtures.keys import PEPPER, made_key
from tests.fixtures.rows import stored_job
from tests.fixtures.stores import stores

JOBS = 500
NOBODY, KEYS, PLAIN = "without keys", "a key and limits", "a lookup, a mark, a count each"


async def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.access", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="the length of each measurement (5)")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each takes (3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="transcripts-access-") as folder:
        async with AsyncExitStack() as stack:
            sites, jobs = await _sites(stack, Path(folder))
            rates: dict[str, list[float]] = {name: [] for name in sites}
            for _ in range(options.rounds):
                for name, (port, header) in sites.items():
                    requests = [
                        f"GET /v1/jobs/{job} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n" for job in jobs
                    ]
                    rates[name].append(_rate(await _load(port, requests, options.seconds)))
    medians = {name: sorted(measured)[len(measured) // 2] for name, measured in rates.items()}
    print("| a poll, | a second | to without keys | to the plain way |\n|---|---|---|---|")
    for name, rate in medians.items():
        print(f"| {name} | {rate:,.0f} | {rate / medians[NOBODY]:.2f}x | {rate / medians[PLAIN]:.2f}x |")
    return 0


async def _sites(stack: AsyncExitStack, folder: Path) -> tuple[dict[str, tuple[int, str]], list[str]]:
    """The ports and the headers of the three, and the jobs that are there."""
    database_url, redis_url = await stack.enter_async_context(stores(folder))
    pool = await stack.enter_async_context(await open_pool(database_url, size=4, name="benchmark"))
    jobs = [str((await stored_job(pool)).id) for _ in range(JOBS)]
    ours, keyed, plain = free_port(), free_port(), free_port()
    inherited = {name: value for name, value in os.environ.items() if name not in known_settings()}
    env = inherited | {
        "DATABASE_URL": database_url, "REDIS_URL": redis_url, "LOG_LEVEL": "WARNING",
        "TRANSCRIPTS_STORAGE_URL": (folder / "objects").as_uri(),
    }  # fmt: skip
    await stack.enter_async_context(_process(env, ours, "api_service", "--port", str(ours)))
    token, other = await _keys(pool)
    with_keys = env | {"TRANSCRIPTS_PEPPER": PEPPER, "TRANSCRIPTS_RATE_READ": "1000000/minute"}
    await stack.enter_async_context(_process(with_keys, keyed, "api_service", "--port", str(keyed)))
    command = ("benchmarks.access.plain", database_url, redis_url, str(plain))
    await stack.enter_async_context(_process(env, plain, *command))
    return {
        NOBODY: (ours, ""),
        KEYS: (keyed, f"Authorization: Bearer {token}\r\n"),
        PLAIN: (plain, f"Authorization: Bearer {other}\r\n"),
    }, jobs


async def _keys(pool: Pool) -> tuple[str, str]:
    """A key of ours, and one that is hashed as the plain way has it."""
    _, token = await made_key(pool)
    key, _ = await made_key(pool)
    other = secrets.token_hex(16)
    await pool.execute(
        "UPDATE api_key SET hash = $2 WHERE id = $1", key.id, hashlib.sha256(other.encode()).digest()
    )
    return token, other


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
