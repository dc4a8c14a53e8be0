"""Recordings that did not come through the API: fetched into the store first, and measured when they are read."""

import asyncio
import hashlib
from pathlib import Path

from shared.database import Pool, outlast
from shared.jobs.repository import JobRepository
from shared.observation.logs import get_logger
from shared.ports import ObjectStore
from shared.records import JobRecord, SessionRecord
from worker_service.sources.fetching import Fetcher

log = get_logger(__name__)


class Sources:
    """What one attempt does for its recording before it reads it; False says that the job is not ours any more."""

    def __init__(self, pool: Pool, store: ObjectStore, fetcher: Fetcher) -> None:
        self._pool = pool
        self._jobs = JobRepository(pool)
        self._store = store
        self._fetcher = fetcher

    async def fetch(self, job: JobRecord, session: SessionRecord) -> bool:
        """Fetch the recording into the store and forget its address; done once, whatever attempt does it."""
        if session.audio_source is None:
            return True
        stored, container = await self._fetcher.fetch(session.audio_source, session.audio_key)
        kept = await outlast(
            lambda: self._jobs.fetched(
                job.id, job.attempt, container=container.name, size=stored.size, sha256=stored.sha256
            )
        )
        if not kept and not await self._pool.fetchval("SELECT 1 FROM session WHERE id = $1", session.id):
            await self._store.delete_prefix(session.audio_key)  # erased while it was fetched
        log.info("recording fetched", job_id=str(job.id), size=stored.size, container=container.name)
        return kept

    async def hash(self, job: JobRecord, session: SessionRecord, file: Path) -> bool:
        """Note the SHA-256 of a recording that went straight to the store, now that it is read."""
        if session.audio_sha256 is not None or session.audio_source is not None:
            return True
        return await self._jobs.hashed(job.id, job.attempt, await asyncio.to_thread(_sha256, file))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
