"""Puts the fake together and runs it: one gRPC port, one HTTP port, one state."""

import json
import socket
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
import uvicorn
from starlette.applications import Starlette

from tests.fakes.google.control import Control
from tests.fakes.google.cors import Cors
from tests.fakes.google.faults import Faults, Quotas
from tests.fakes.google.gate import Gate, Protocol
from tests.fakes.google.identity import IdentityApi
from tests.fakes.google.known import learn
from tests.fakes.google.ledger import Ledger
from tests.fakes.google.objects import Objects
from tests.fakes.google.operations import Operations
from tests.fakes.google.runs import Runs
from tests.fakes.google.signing import Account
from tests.fakes.google.speech import SpeechService
from tests.fakes.google.state import State
from tests.fakes.google.storage import StorageApi
from tests.fakes.google.uploads import Uploads
from tests.fakes.google.xml_api import XmlApi

_GRPC_OPTIONS: Final = [
    ("grpc.so_reuseport", 0),  # a second server on the port is an error, not half of the calls
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]


@dataclass(frozen=True, slots=True)
class Options:
    """How the fake is started; port 0 is any free one."""

    state: Path
    grpc_port: int = 0
    http_port: int = 0
    recordings: Path | None = None  # a folder of recordings whose words it knows
    bucket: str | None = None  # made where it is missing


async def run(options: Options) -> None:
    """Serve until a signal ends the process; prints `{"grpc_port": ..., "http_port": ...}` once it is ready.

    No signal is handled: what was answered is in the state already, so an end is as good as a crash.
    """
    directory = options.state
    state = State(directory)
    objects, ledger, faults, quotas = Objects(state), Ledger(state), Faults(state), Quotas(state)
    if options.recordings:
        learn(state, options.recordings)
    if options.bucket and not state.row("SELECT 1 FROM buckets WHERE name = ?", options.bucket):
        objects.create_bucket({"name": options.bucket})
    account = Account(directory)
    operations = Operations(state, Runs(state, objects, ledger, faults))
    uploads = Uploads(state, objects)
    gate = Gate(state, faults, account, operations.advance)
    control = Control(state, objects, operations, ledger, faults, quotas, account)
    app = Starlette(
        routes=[
            *control.routes(),
            *IdentityApi(account, gate).routes(),
            *StorageApi(objects, uploads, gate).routes(),
            *XmlApi(objects, uploads, account, gate).routes(),
        ]
    )
    server = grpc.aio.server(options=_GRPC_OPTIONS)
    server.add_generic_rpc_handlers(SpeechService(state, operations, faults, quotas, account).handlers())
    bound = server.add_insecure_port(f"127.0.0.1:{options.grpc_port}")
    await server.start()
    listener = _listen(options.http_port)
    print(json.dumps({"grpc_port": bound, "http_port": listener.getsockname()[1]}), flush=True)
    config = uvicorn.Config(Cors(app, objects), http=Protocol, ws="none", lifespan="off", log_level="warning")
    await _Server(config).serve(sockets=[listener])


def _listen(port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off only where the protocol is named; left on, answers wait for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    return listener


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Leave the signals alone: a graceful end would wait for requests that hang by design."""
        return nullcontext()
