"""The console's routes, by noun; everything that an operator sees or does stands under /console/operate."""

from fastapi import APIRouter

from api_service.console.routes import (
    audit,
    changes,
    doctor,
    entry,
    jobs,
    overview,
    preferences,
    queue,
    sample,
    search,
    session,
    sessions,
    statics,
    uploads,
    usage,
    workers,
)

router = APIRouter(include_in_schema=False)
operators = (changes, overview, workers, queue, jobs, audit, doctor)
coaches = (sessions, sample, session, uploads, search, usage)
for module in (entry, preferences, *coaches, *operators, statics):
    router.include_router(module.router)
