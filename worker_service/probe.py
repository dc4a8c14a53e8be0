"""`python -m worker_service.probe`: whether the worker of this container is alive and in charge of its jobs."""

import asyncio
import os
import socket
import sys
from typing import Final

import asyncpg

from shared.settings import normalise_database_url
from worker_service.registry import BEAT_S

_PATIENCE_S: Final = 5.0
_MISSED_BEATS: Final = 5  # the API's readiness takes a worker for dead after as many
_ALIVE: Final = """
SELECT count(*) FROM worker
WHERE host = $1 AND stopped_at IS NULL AND seen_at > now() - make_interval(secs => $2)
"""


async def _alive(database_url: str) -> bool:
    connection = await asyncpg.connect(normalise_database_url(database_url), timeout=_PATIENCE_S)
    try:
        count = await connection.fetchval(
            _ALIVE, socket.gethostname(), BEAT_S * _MISSED_BEATS, timeout=_PATIENCE_S
        )
    finally:
        await connection.close(timeout=_PATIENCE_S)
    return bool(count)


def main() -> int:
    """Look for the heartbeat of a worker on this host; 0 when there is one, else 1 with what is wrong."""
    try:
        alive = asyncio.run(_alive(os.environ.get("DATABASE_URL", "")))
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        print(f"The worker's heartbeat cannot be read: {type(error).__name__}")  # noqa: T201
        return 1
    print("alive" if alive else f"No worker on {socket.gethostname()} was seen lately.")  # noqa: T201
    return 0 if alive else 1


if __name__ == "__main__":
    sys.exit(main())
