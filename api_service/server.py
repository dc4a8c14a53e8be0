"""Runs the application under uvicorn: stores first, then the socket; told to stop, it sends home who waits."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Final

import uvicorn
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from api_service.access.entrance import is_loopback
from api_service.http.corking import CorkedProtocol
from api_service.main import create_app
from api_service.services import Services
from shared.errors import SetupError
from shared.observation.logs import get_logger
from shared.settings import ApiSettings

log = get_logger(__name__)

_DRAIN_S: Final = 8  # an upload that takes longer is cut off, and nothing of it is stored
_BACKLOG: Final = 2048
_KEEP_ALIVE_S: Final = 65  # longer than the 60 s of usual load balancers, which else meet a closed connection


def refuse_open_bind(settings: ApiSettings) -> None:
    """SetupError where everyone who reaches the address could read every transcript (F43)."""
    if settings.allow_anonymous and settings.pepper is not None:
        raise SetupError(
            "TRANSCRIPTS_PEPPER asks for keys and TRANSCRIPTS_ALLOW_ANONYMOUS=true for none. Nothing was started. "
            "Unset one of them."
        )
    if settings.console_key and not is_loopback(settings.host):
        raise SetupError(
            "TRANSCRIPTS_CONSOLE_KEY lets every browser of this machine into the console, so it is for an API that "
            f"this machine alone reaches, and this one binds {settings.host}. Nothing was started. Unset it."
        )
    if settings.pepper is not None or settings.allow_anonymous or is_loopback(settings.host):
        return
    raise SetupError(
        f"Keys are off, so everyone who reaches {settings.host} could read every transcript. Nothing was started. "
        "Set TRANSCRIPTS_PEPPER to 32 random characters or more and make a key (python -m api_service keys create); "
        "or bind 127.0.0.1 (TRANSCRIPTS_HOST or --host); or set TRANSCRIPTS_ALLOW_ANONYMOUS=true where something in "
        "front of the API lets in only those who may."
    )


class ApiServer(uvicorn.Server):
    """uvicorn, with the stores open before it listens and closed after it has ended."""

    def __init__(self, app: FastAPI, services: Services, listening: socket.socket) -> None:
        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = {"services": services}
            await app(scope, receive, send)

        super().__init__(
            uvicorn.Config(
                with_state,
                http=CorkedProtocol,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_DRAIN_S,
            )
        )
        self.services = services
        self._listening = listening
        self.url = "http://{}:{}".format(*_shown(listening))

    async def run_until_stopped(self) -> None:
        """Serve until a signal, or until `should_exit` is set."""
        await self.serve(sockets=[self._listening])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Long polls and streams would outlast the patience of whoever stops us: they end at once."""
        self.services.watcher.stop()
        self.services.pulse.stop()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn's own, does not raise the signal again at the end: the stores are still to be closed."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for each in signals:
            loop.add_signal_handler(each, self.handle_exit, each, None)
        try:
            yield
        finally:
            for each in signals:
                loop.remove_signal_handler(each)


@contextlib.asynccontextmanager
async def ready_server(settings: ApiSettings) -> AsyncIterator[ApiServer]:
    """A server whose stores are open and whose address is taken; SetupError where one of them cannot be."""
    refuse_open_bind(settings)
    app = create_app(settings)
    with _listen(settings.host, settings.port) as listening:
        async with app.router.lifespan_context(app) as state:
            yield ApiServer(app, (state or {})["services"], listening)


async def serve(settings: ApiSettings) -> None:
    """Serve until told to stop."""
    async with ready_server(settings) as server:
        log.info("serving", url=server.url)
        await server.run_until_stopped()
    log.info("stopped")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named; left on, it holds every answer back
    # for the 40 ms of a delayed acknowledgement, since headers and body are written one after the other.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise SetupError(
            f"{host}:{port} cannot be bound ({error.strerror}). Choose another port with PORT or --port, or end the "
            "program that has it."
        ) from error
    return listening


def _shown(listening: socket.socket) -> tuple[str, int]:
    host, port = listening.getsockname()[:2]
    return (f"[{host}]" if ":" in host else host), port
