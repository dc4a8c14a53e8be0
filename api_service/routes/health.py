"""Whether the service runs, and whether it can do its work."""

from fastapi import APIRouter, Request, Response

from api_service.deps import ServicesDep
from api_service.http.errors import problem
from api_service.http.responses import answer
from api_service.observation.metrics import CONTENT_TYPE
from api_service.routes.documented import problems
from shared.errors import NotReadyToServeError
from shared.schemas.service import Alive, Readiness

router = APIRouter(tags=["Health"])


@router.get("/healthz")
async def alive() -> Alive:
    """The process answers; nothing else is looked at, so that a lost database does not restart the API."""
    return Alive()


@router.get("/readyz", response_model=Readiness, responses=problems(503))
async def ready(request: Request, services: ServicesDep) -> Response:
    """Postgres, its schema, Redis and its policy; and, as information, the workers."""
    readiness = await services.readiness.look()
    if readiness.status == "ready":
        return answer(readiness)
    wrong = [f"{name}: {check.detail}" for name, check in readiness.checks.items() if not check.ok]
    checks = readiness.model_dump()["checks"]
    return problem(request, NotReadyToServeError(" ".join(wrong), checks=checks))


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems()},
)
async def metrics(services: ServicesDep) -> Response:
    """What Prometheus reads: requests of this process, and the queue. Wants a key with the scope `ops`."""
    return Response(await services.metrics.render(), media_type=CONTENT_TYPE)
