"""What one would write first: FastAPI over asyncpg, one query a request; `python -m benchmarks.poll.bare URL PORT`.

The answer has the same body as ours. A long poll asks the database again every half second.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import uvicorn
from fastapi import FastAPI, HTTPException, Request

from shared.database import open_pool
from shared.records import JobRecord
from shared.schemas.jobs import JobResource

QUERY = """
SELECT j.*, greatest(j.progress, coalesce(ps.progress, 0)) AS progress, ps.phase, s.duration_ms,
    coalesce(ps.audio_ms_done, 0) AS audio_ms_done, coalesce(ps.message, '') AS message
FROM job j JOIN session s ON s.id = j.session_id LEFT JOIN processing_status ps ON ps.job_id = j.id WHERE j.id = $1
"""


def app(database_url: str) -> FastAPI:
    """The application."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, object]]:
        async with await open_pool(database_url, size=10, name="bare") as pool:
            yield {"pool": pool}

    bare = FastAPI(lifespan=lifespan)

    @bare.get("/v1/jobs/{job_id}")
    async def job(job_id: UUID, request: Request, wait: int = 0) -> JobResource:
        while True:
            row = await request.state.pool.fetchrow(QUERY, job_id)
            if row is None:
                raise HTTPException(404)
            found = JobRecord.from_row(row)
            if wait <= 0 or found.terminal:
                return JobResource.of(found)
            wait -= 1
            await asyncio.sleep(0.5)

    return bare


if __name__ == "__main__":
    uvicorn.run(
        app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning"
    )
