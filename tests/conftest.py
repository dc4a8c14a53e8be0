"""A real Postgres and a real Redis for every test run; each test that asks gets an empty one.

Under pytest-xdist every worker has its own pair, so that no test waits for another worker's.
"""

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings

from deploy.local.postgres import Postgres
from deploy.local.redis import Redis

TEMPLATE = "migrated"

settings.register_profile("patient", deadline=None)  # how long an example takes says how busy the machine is
settings.load_profile("patient")


@pytest.hookimpl(optionalhook=True)  # pytest may run without xdist
def pytest_xdist_auto_num_workers() -> int:
    """Half as many processes again as there are processors: about one test in three waits for somebody else."""
    return max(1, len(os.sched_getaffinity(0)) * 3 // 2) if hasattr(os, "sched_getaffinity") else 4


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """Where the servers of this run keep their files."""
    with tempfile.TemporaryDirectory(prefix="transcripts-tests-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_server(servers_folder: Path) -> Iterator[Postgres]:
    """Postgres with a migrated database that the others are copied from."""
    from deploy.migrations import upgrade  # noqa: PLC0415  (half a second that most unit tests need not pay)

    server = Postgres(
        servers_folder / "postgres",
        password=secrets.token_hex(16),
        log=servers_folder / "postgres.log",
        durable=False,
    )
    server.start(database=TEMPLATE)
    try:
        upgrade(server.url(TEMPLATE))
        yield server
    finally:
        server.stop()


@pytest.fixture
async def database_url(postgres_server: Postgres) -> AsyncIterator[str]:
    """The URL of a migrated database of the test's own."""
    async for url in _own_database(postgres_server, TEMPLATE):
        yield url


@pytest.fixture
async def empty_database_url(postgres_server: Postgres) -> AsyncIterator[str]:
    """The URL of a database of the test's own that no migration has seen."""
    async for url in _own_database(postgres_server, "template1"):
        yield url


async def _own_database(server: Postgres, template: str) -> AsyncIterator[str]:
    name = f"test_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield server.url(name)
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def redis_server(servers_folder: Path) -> Iterator[Redis]:
    """Redis, in memory alone."""
    server = Redis(
        servers_folder / "redis",
        password=secrets.token_hex(16),
        log=servers_folder / "redis.log",
        durable=False,
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """The URL of an empty Redis."""
    assert redis_server.ask("FLUSHALL", "SCRIPT FLUSH") == [b"+OK", b"+OK"]
    return redis_server.url()
