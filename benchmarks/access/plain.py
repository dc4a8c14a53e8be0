"""What one would write first: a key looked up and marked as used, and a limit counted, on every request.

`python -m benchmarks.access.plain DATABASE_URL REDIS_URL PORT`; the answer has the same body as ours.
"""

import hashlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from benchmarks.poll.bare import QUERY
from shared.database import open_pool
from shared.records import JobRecord
from shared.schemas.jobs import JobResource

LIMIT = parse("1000000/minute")
bearer = HTTPBearer()


def app(database_url: str, redis_url: str) -> FastAPI:
    """The application."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, object]]:
        storage = RedisStorage(f"async+{redis_url}", implementation="redispy")
        async with await open_pool(database_url, size=10, name="plain") as pool:
            yield {"pool": pool, "limiter": MovingWindowRateLimiter(storage)}

    plain = FastAPI(lifespan=lifespan)

    async def tenant(
        request: Request, shown: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]
    ) -> str:
        hashed = hashlib.sha256(shown.credentials.encode()).digest()
        pool = request.state.pool
        row = await pool.fetchrow("SELECT id, tenant_id FROM api_key WHERE hash = $1", hashed)
        if row is None:
            raise HTTPException(401)
        await pool.execute("UPDATE api_key SET last_used_at = now() WHERE id = $1", row["id"])
        if not await request.state.limiter.hit(LIMIT, row["tenant_id"]):
            raise HTTPException(429)
        return str(row["tenant_id"])

    @plain.get("/v1/jobs/{job_id}")
    async def job(job_id: UUID, request: Request, _tenant: Annotated[str, Depends(tenant)]) -> JobResource:
        row = await request.state.pool.fetchrow(QUERY, job_id)
        if row is None:
            raise HTTPException(404)
        return JobResource.of(JobRecord.from_row(row))

    return plain


if __name__ == "__main__":
    uvicorn.run(
        app(sys.argv[1], sys.argv[2]), host="127.0.0.1", port=int(sys.argv[3]), access_log=False, log_level="warning"
    )  # fmt: skip
