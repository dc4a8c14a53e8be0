"""The console's routes, by noun; everything that an operator sees or does stands under /console/operate."""

from fastapi import APIRouter

from api_service.console.routes import changes, entry, preferences, statics, workers

router = APIRouter(include_in_schema=False)
for module in (entry, changes, preferences, workers, statics):
    router.include_router(module.router)
