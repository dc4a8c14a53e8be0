"""`python -m worker_service.probe`: whether the worker of this container is alive and in charge of its jobs."""

import argparse
import asyncio
import http.client
import os
import socket
import sys
from collections.abc import Sequence
from typing import Final

import asyncpg

from shared.errors import SetupError
from shared.store_urls import normalise_database_url
from worker_service.observation.health import web_port
from worker_service.queue.registry import BEAT_S

_PATIENCE_S: Final = 5.0
_MISSED_BEATS: Final = 5  # the API's readiness takes a worker for dead after as many
_ALIVE: Final = """
SELECT count(*) FROM worker
WHERE host = $1 AND stopped_at IS NULL AND seen_at > now() - make_interval(secs => $2)
"""


async def _count(database_url: str) -> int:
    connection = await asyncpg.connect(normalise_database_url(database_url), timeout=_PATIENCE_S)
    try:
        count = await connection.fetchval(
            _ALIVE, socket.gethostname(), BEAT_S * _MISSED_BEATS, timeout=_PATIENCE_S
        )
    finally:
        await connection.close(timeout=_PATIENCE_S)
    return int(count)


def heartbeat() -> tuple[bool, str]:
    """Whether a worker of this host was seen lately, by its row, and what to say of it."""
    try:
        count = asyncio.run(_count(os.environ.get("DATABASE_URL", "")))
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return False, f"The worker's heartbeat cannot be read: {type(error).__name__}"
    return bool(count), "alive" if count else f"No worker on {socket.gethostname()} was seen lately."


def web_service() -> tuple[bool, str]:
    """Whether `/healthz` of a worker that runs as a web service says that it lives, and what it said."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", web_port(), timeout=_PATIENCE_S)
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            return answer.status == http.client.OK, answer.read().decode(errors="replace")
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, SetupError) as error:
        return False, f"The worker does not answer: {error}"


def main(arguments: Sequence[str] = ()) -> int:
    """Look; 0 where a worker is alive, else 1 with what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m worker_service.probe", description=__doc__)
    parser.add_argument(
        "--as-web-service",
        action="store_true",
        help="ask it on PORT in place of looking for its row in Postgres",
    )
    alive, said = web_service() if parser.parse_args(arguments).as_web_service else heartbeat()
    print(said)  # noqa: T201
    return 0 if alive else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
