"""The whole examination, in the order in which parts depend on each other; nothing that it does stays behind."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Final

from deploy.doctor import surroundings
from deploy.local.folder import from_user
from shared.database import Pool, open_pool
from shared.errors import SetupError
from shared.examination import stores, work
from shared.examination.findings import Finding, fail, ok
from shared.operating.operators import Operators
from shared.queue.client import connect
from shared.settings import WorkerSettings
from shared.settings.google import by_comma

GOOGLE: Final = "google"  # the engine's name
_STORES: Final = {  # what stands for those that are not set, where nobody connects to them
    "DATABASE_URL": "postgresql://unset",
    "REDIS_URL": "redis://unset",
    "TRANSCRIPTS_STORAGE_URL": "file:///unset",
}


def read_settings(*, google_only: bool = False) -> tuple[WorkerSettings | None, list[Finding]]:
    """The settings as a worker reads them, and what is wrong with them; for Google alone, the stores may be unset."""
    unset = set(_STORES) - set(from_user(*_STORES)) if google_only else set()
    try:
        settings = WorkerSettings.load(**{name: _STORES[name] for name in unset})
    except SetupError as error:
        return None, [fail("settings", line, "") for line in error.detail.splitlines()]
    return settings, [ok("settings", "all known, none missing")]


async def examine(settings: WorkerSettings, api_url: str) -> AsyncIterator[Finding]:
    """Look at everything; a part that cannot be reached hides what depends on it."""
    async for finding in _what_computes(settings):
        yield finding
    redis = connect(settings.redis_url.get_secret_value(), queue=settings.queue_name, pool=4, retries=0)
    try:
        for finding in await stores.redis(settings, redis):
            yield finding
    finally:
        await redis.aclose(close_connection_pool=True)
    unreachable = await stores.reach_postgres(settings)
    if unreachable is not None:
        yield unreachable
        return
    async with _pool(settings) as pool:
        found = await stores.postgres(settings, pool)
        for finding in found:
            yield finding
        if not any(finding.subject == "schema" and finding.fix for finding in found):
            operators = Operators(pool)
            for check in (work.workers(operators), work.queue(operators), stores.orphans(settings, pool)):
                for finding in await _safely(check):
                    yield finding
    for finding in await surroundings.api(api_url):
        yield finding


async def _what_computes(settings: WorkerSettings) -> AsyncIterator[Finding]:
    for finding in [
        *surroundings.machine(settings),
        *surroundings.engines(settings),
        *surroundings.speech(settings),
        *await stores.storage(settings),
    ]:
        yield finding
    if GOOGLE in by_comma(settings.engines):
        async for finding in google(settings):
            yield finding


async def google(settings: WorkerSettings) -> AsyncIterator[Finding]:
    """Look at what the engine google needs, and at nothing else."""
    if not find_spec("google.cloud.speech_v2"):
        yield fail(
            "google", "Google's client is not installed.", "pip install 'coaching-transcripts[worker]'"
        )
        return
    from deploy.doctor.google.examination import examine_google  # noqa: PLC0415  (half a second of imports)

    async for finding in examine_google(settings):
        yield finding


@asynccontextmanager
async def _pool(settings: WorkerSettings) -> AsyncIterator[Pool]:
    pool = await open_pool(settings.database_url.get_secret_value(), size=2, name="transcripts-doctor")
    try:
        yield pool
    finally:
        await pool.close()


async def _safely(check: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        return await check
    except Exception as error:  # noqa: BLE001  (the doctor reports whatever is wrong)
        return [
            fail("doctor", f"A check broke: {type(error).__name__}.", "Report it, with the output of --json.")
        ]


async def list_workers(settings: WorkerSettings) -> list[dict[str, object]]:
    """The workers seen in the last day."""
    async with _pool(settings) as pool:
        return [dict(row.items()) for row in await Operators(pool).workers()]
