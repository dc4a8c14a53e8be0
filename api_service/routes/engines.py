"""What the speech engines can do."""

from fastapi import APIRouter

from api_service.deps import ServicesDep
from shared.schemas.engines import EngineResource

router = APIRouter(prefix="/v1/engines", tags=["Engines"])


@router.get("")
async def list_engines(services: ServicesDep) -> list[EngineResource]:
    """The engines of this server, the default first."""
    return services.offer.resources()
