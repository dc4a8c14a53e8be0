"""The console as people meet it: the API and a worker as processes, a real browser before them.

Without Chromium these tests are skipped, and say so; `make browser` installs it. All of them share one service and
one browser, since both take a second or two to start; each has a visitor of its own. A test whose module says
`pytestmark = BROWSER_TEST` runs in the session's event loop, where the browser lives.
"""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from deploy.local.postgres import Postgres
from deploy.local.redis import Redis
from shared.database import Pool, open_pool
from tests.conftest import TEMPLATE
from tests.console.browser import Visitor, find_chromium, running_chromium, visiting
from tests.fixtures.api_process import ApiProcess
from tests.fixtures.worker_process import WorkerProcess, start_worker

BROWSER_TEST = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Visit = Callable[..., AbstractAsyncContextManager[Visitor]]


@dataclass
class Service:
    """A running API and what stands behind it; the engine is the scripted one."""

    api: ApiProcess
    pool: Pool
    http: httpx.AsyncClient
    database_url: str
    redis_url: str
    queue: str
    folder: Path
    workers: list[WorkerProcess] = field(default_factory=list)

    async def start_worker(self, *arguments: str) -> WorkerProcess:
        """One more worker, ready."""
        worker = await start_worker(
            self.folder / f"worker-{len(self.workers)}.log", self.database_url, self.redis_url,
            self.folder / "objects", *arguments, TRANSCRIPTS_QUEUE_NAME=self.queue,
        )  # fmt: skip
        self.workers.append(worker)
        await worker.wrote("worker starts")
        return worker


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser."""
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium is installed: `make browser` installs it")
    async with running_chromium(executable) as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(
    chromium: Browser,
    postgres_server: Postgres,
    redis_server: Redis,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Service]:
    """One service for all tests of the console; no worker runs until a test starts one."""
    assert chromium.is_connected()  # first, so that nothing is started where the tests are skipped
    folder = tmp_path_factory.mktemp("console")
    name = f"console_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres_server.url("postgres"))
    async with AsyncExitStack() as ends:
        ends.push_async_callback(admin.close)
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
        database_url, redis_url = postgres_server.url(name), redis_server.url()
        api = ApiProcess(
            folder, database_url, redis_url, TRANSCRIPTS_QUEUE_NAME=name, TRANSCRIPTS_WATCH_SECONDS="0.1"
        )
        ends.push_async_callback(api.end)
        await api.start()
        pool = await open_pool(database_url, size=4, name="test")
        ends.push_async_callback(pool.close)
        http = await ends.enter_async_context(httpx.AsyncClient(base_url=api.url, timeout=300))
        found = Service(api, pool, http, database_url, redis_url, name, folder)
        yield found
        for worker in found.workers:
            await worker.kill()


@pytest.fixture
def visit(chromium: Browser, service: Service) -> Visit:
    """Opens a browser for a visitor: `async with visit(dark=True, size=PHONE) as visitor`."""
    return partial(visiting, chromium, service.api.url)
