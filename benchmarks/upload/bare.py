"""`python -m benchmarks.upload.bare FOLDER`: the handler that one would write; prints its port.

`/drop` reads the body and forgets it, which is the most that the server can do; `/write` writes it to a file.
"""

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(sys.argv[1])


async def drop(request: Request) -> Response:
    async for _ in request.stream():
        pass
    return Response(status_code=204)


async def write(request: Request) -> Response:
    with (FOLDER / "upload").open("wb") as file:
        async for chunk in request.stream():
            file.write(chunk)
    return Response(status_code=204)


async def main() -> None:
    routes = [Route("/drop", drop, methods=["POST"]), Route("/write", write, methods=["POST"])]
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(Starlette(routes=routes), lifespan="off", log_level="warning")
    await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main())
