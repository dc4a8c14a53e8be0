"""A server that speaks the part of Render's API that the scaler uses: its key, limits and faults."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY: Final = "rnd_secret_of_the_test"
SERVICE: Final = "srv-worker"


@dataclass
class FakeRender:
    """One background worker; `faults` are given, each once, in place of the next answers."""

    url: str = ""
    instances: int = 1
    autoscaling: bool = False
    suspended: bool = False
    faults: list[Response] = field(default_factory=list)
    scaled: list[int] = field(default_factory=list)
    asked: int = 0

    def refuse_next(self, status: int, **headers: str) -> None:
        """Answer the next request with an error."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults.append(JSONResponse({"id": "e", "message": "no"}, status, headers=names))

    async def read(self, request: Request) -> Response:
        """GET /v1/services/{id}."""
        if refused := self._refused(request):
            return refused
        details: dict[str, Any] = {"numInstances": self.instances, "plan": "standard", "region": "oregon"}
        details["autoscaling"] = {"enabled": self.autoscaling, "min": 1, "max": 3}
        return JSONResponse(
            {
                "id": SERVICE,
                "name": "transcripts-worker",
                "type": "background_worker",
                "suspended": "suspended" if self.suspended else "not_suspended",
                "serviceDetails": details,
            },
            headers={"Ratelimit-Limit": "400", "Ratelimit-Remaining": "399", "Ratelimit-Reset": "45"},
        )

    async def scale(self, request: Request) -> Response:
        """POST /v1/services/{id}/scale; ignored under autoscaling, as the vendor's page says."""
        if refused := self._refused(request):
            return refused
        wanted = (await request.json()).get("numInstances")
        if not isinstance(wanted, int) or not 1 <= wanted <= 100:
            return JSONResponse({"id": "e", "message": "invalid numInstances"}, 400)
        self.scaled.append(wanted)
        if not self.autoscaling:
            self.instances = wanted
        return Response(status_code=202)

    def _refused(self, request: Request) -> Response | None:
        self.asked += 1
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"id": "e", "message": "unauthorized"}, 401)
        if self.faults:
            return self.faults.pop(0)
        if request.path_params["id"] != SERVICE:
            return JSONResponse({"id": "e", "message": "not found"}, 404)
        return None


@asynccontextmanager
async def fake_render() -> AsyncIterator[FakeRender]:
    """A running fake on a free port of loopback."""
    fake = FakeRender()
    routes = [
        Route("/v1/services/{id}", fake.read, methods=["GET"]),
        Route("/v1/services/{id}/scale", fake.scale, methods=["POST"]),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes), port=0, lifespan="off", ws="none", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    fake.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield fake
    finally:
        server.should_exit = True
        await serving
