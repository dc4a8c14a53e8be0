"""Real servers for the queue's tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.fixtures.queue_bench import Bench, queue_bench
from tests.fixtures.queue_server import QueueServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueServer]:
    """A server for tests that leave it alive; each test has a queue of its own."""
    yield from _served(tmp_path_factory.mktemp("queue"))


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[QueueServer]:
    """A server that the test may kill or empty."""
    yield from _served(tmp_path)


def _served(folder: Path) -> Iterator[QueueServer]:
    server = QueueServer(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def bench(server: QueueServer) -> AsyncIterator[Bench]:
    """A queue of one test on the common server."""
    async with queue_bench(server.url) as bench:
        yield bench


@pytest.fixture
async def own_bench(own_server: QueueServer) -> AsyncIterator[Bench]:
    """A queue on a server that the test may kill or empty."""
    async with queue_bench(own_server.url) as bench:
        yield bench
