"""What a chaos run breaks: an API, three workers, a Postgres and a Redis, each a real process, behind two proxies."""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx

from deploy.local.postgres import Postgres
from deploy.local.processes import free_port
from deploy.migrations import upgrade
from shared.settings import known_settings
from tests.fixtures.queue_server import QueueServer
from tests.fixtures.tcp_proxy import TcpProxy

ROOT = Path(__file__).parents[2]
LEASE_S = 2.0
WORKERS = ("w1", "w2", "w3")
API = "api"


@dataclass
class Site:
    """The processes, by name; a service that was ended is started again by whoever ended it.

    One that ends by itself, since a store was away when it started, is started again as a platform would.
    """

    folder: Path
    postgres: Postgres
    queue: QueueServer
    postgres_proxy: TcpProxy
    queue_proxy: TcpProxy
    api_port: int
    services: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    supervising: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: set[str] = field(default_factory=set)  # by a fault, which starts them again

    @property
    def api_url(self) -> str:
        """Where clients send."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def database_url(self) -> str:
        """Postgres without the proxy, for the checker."""
        return self.postgres.url()

    async def start(self, name: str) -> None:
        """Start a service that does not run."""
        module = "api_service" if name == API else "worker_service"
        arguments = ["--port", str(self.api_port)] if name == API else ["--max-jobs", "4"]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.services[name] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, *arguments,
                cwd=self.folder, env=self._environment(), stdout=log, stderr=log,
            )  # fmt: skip
        self.ended.discard(name)

    async def end(self, name: str, how: signal.Signals) -> None:
        """Signal a service and wait for its end; one that ignores SIGTERM for 20 s fails the run."""
        async with self.supervising:
            self.ended.add(name)
        process = self.services[name]
        if process.returncode is None:
            process.send_signal(how)
        async with asyncio.timeout(300):
            await process.wait()

    def signal(self, name: str, which: signal.Signals) -> None:
        """Signal a service, if it runs."""
        if self.services[name].returncode is None:
            self.services[name].send_signal(which)

    async def supervise(self) -> None:
        """Start again what has ended by itself, until cancelled."""
        while True:
            async with self.supervising:
                for name in self.services.keys() - self.ended:
                    if self.services[name].returncode is not None:
                        await self.start(name)
            await asyncio.sleep(0.2)

    async def restart_postgres(self) -> None:
        """Stop it, which ends every connection, and start it again on its port and files."""
        port = self.postgres.port
        await asyncio.to_thread(self.postgres.stop)
        await asyncio.to_thread(self.postgres.start, port=port)

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in known_settings()}
        parts = urlsplit(self.postgres.url())
        netloc = parts.netloc.replace(f":{self.postgres.port}", f":{self.postgres_proxy.port}")
        return {
            **inherited,
            "DATABASE_URL": parts._replace(netloc=netloc).geturl(),
            "REDIS_URL": f"redis://127.0.0.1:{self.queue_proxy.port}/0",
            "TRANSCRIPTS_STORAGE_URL": (self.folder / "objects").as_uri(),
            "TRANSCRIPTS_ENGINES": "scripted",
            "TRANSCRIPTS_DEFAULT_ENGINE": "scripted",
            "TRANSCRIPTS_LEASE_SECONDS": str(LEASE_S),
            "TRANSCRIPTS_SWEEP_SECONDS": "1",
            "TRANSCRIPTS_STATUS_SECONDS": "0.2",
            "TRANSCRIPTS_RETRY_BASE_SECONDS": "0.2",
            "TRANSCRIPTS_MAX_ATTEMPTS": "50",
            "TRANSCRIPTS_SCRATCH_DIR": str(self.folder / "scratch"),
            "PYTHONPATH": str(ROOT),
        }


@asynccontextmanager
async def a_site(folder: Path) -> AsyncIterator[Site]:
    """Everything started; everything ended, by pid, whatever happens."""
    (folder / "queue").mkdir()
    (folder / "scratch").mkdir()
    postgres = Postgres(
        folder / "postgres", password=secrets.token_hex(8), log=folder / "postgres.log", durable=False
    )
    queue = QueueServer(folder / "queue")
    await asyncio.to_thread(postgres.start)
    queue.start()
    try:
        await asyncio.to_thread(upgrade, postgres.url())
        assert postgres.port
        async with (
            TcpProxy("127.0.0.1", postgres.port) as postgres_proxy,
            TcpProxy("127.0.0.1", queue.port) as queue_proxy,
        ):
            site = Site(folder, postgres, queue, postgres_proxy, queue_proxy, free_port())
            supervisor = asyncio.create_task(site.supervise())
            try:
                for name in (API, *WORKERS):
                    await site.start(name)
                yield site
            finally:
                supervisor.cancel()
                await asyncio.wait([supervisor])
                for process in site.services.values():
                    if process.returncode is None:
                        process.kill()
                    await process.wait()
    finally:
        queue.kill()
        await asyncio.to_thread(postgres.stop)


async def serving(site: Site) -> None:
    """Wait until the API is ready and all workers have signed on."""
    async with asyncio.timeout(300), httpx.AsyncClient(base_url=site.api_url) as http:
        while True:
            with suppress(httpx.TransportError):
                ready = await http.get("/readyz")
                if ready.status_code == 200 and f"{len(WORKERS)} seen" in ready.text:
                    return
            await asyncio.sleep(0.1)


async def connect(site: Site) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection of the checker's own."""
    return await asyncpg.connect(site.database_url)
