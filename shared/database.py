"""The asyncpg pool, transactions, and the check that the schema is the one this code was written for."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias, TypeVar

import asyncpg

from shared.errors import SetupError
from shared.observation import telemetry
from shared.observation.logs import get_logger
from shared.tls import tls_advice

log = get_logger(__name__)
T = TypeVar("T")

SCHEMA_REVISION = "0026"
"""The migration that this code expects; a test compares it with the newest one in deploy/migrations."""

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)

POSTGRES_AWAY: Final = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a statement met the server's goodbye half-read on an idle connection
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.OperatorInterventionError,  # shutting down, starting up, statement cancelled
    asyncpg.exceptions.TransactionRollbackError,  # deadlocks and serialization failures
)
AWAY: Final = (OSError, TimeoutError, *POSTGRES_AWAY)
"""What says that Postgres cannot do it now, rather than that we asked for something wrong."""
UNUSABLE: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What connecting to Postgres raises."""

_CONNECT_SECONDS = 10
_OUTLAST_WAITS_S = (0.25, 0.5, 1.0, 2.0, 4.0)  # together the time that a database takes to restart
_STATEMENT_SECONDS = 30


async def open_pool(url: str, *, size: int, name: str) -> Pool:
    """Connect to Postgres with at most `size` connections; `name` is what pg_stat_activity shows.

    Raises SetupError where the server cannot be reached or refuses us; the URL's password is not shown.
    """
    try:
        return await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            timeout=_CONNECT_SECONDS,
            command_timeout=_STATEMENT_SECONDS,
            server_settings={"application_name": name, "timezone": "UTC"},
            init=_prepare_connection,
            reset=_leave_as_it_is,
        )
    except UNUSABLE as error:
        raise cannot_be_used(error) from error


def cannot_be_used(error: BaseException) -> SetupError:
    """What to tell where a connection to Postgres did not come about (one of UNUSABLE); no password is in it."""
    advice = tls_advice(error, "sslrootcert")
    if advice is None and isinstance(error, ConnectionError) and "SSL upgrade" in str(error):
        advice = "The server takes no TLS. Turn it on there, or write sslmode=disable where the network is yours alone."
    return SetupError(
        f"Postgres cannot be used ({type(error).__name__}: {error}). "
        + (advice or "Check DATABASE_URL, and that the server runs and takes connections from here.")
    )


async def _prepare_connection(connection: Connection) -> None:
    """Have jsonb columns go in and out as Python values, statements be traced, and none compiled."""
    if telemetry.on():
        connection.add_query_logger(telemetry.statement_ended)
    # Compiling a statement of many parts takes a second, and it then runs for some milliseconds.
    await connection.execute("SET jit = off")
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=json_text, decoder=json.loads, format="text"
    )


async def _leave_as_it_is(_connection: Connection) -> None:
    """Save the round trip that would reset the connection: nothing of ours outlives its transaction."""


def json_text(value: object) -> str:
    """The value as compact JSON, as jsonb columns take it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """A connection inside a transaction: committed when the block ends, rolled back when it raises."""
    async with pool.acquire() as connection, connection.transaction():
        yield connection


async def outlast(write: Callable[[], Awaitable[T]]) -> T:
    """Make a write that must not be lost to a restart of the database; raises what the last try raised.

    A try whose answer was lost may have been committed: `write` must be fenced, so that a second does nothing.
    """
    for wait_s in _OUTLAST_WAITS_S:
        try:
            return await write()
        except AWAY as error:
            log.warning("a write is tried again", reason=repr(error))
            await asyncio.sleep(wait_s)
    return await write()


async def check_schema(pool: Pool) -> None:
    """Raise SetupError unless the database stands at the revision that this code expects, or a later one.

    Later ones are fine: migrations only expand before the old code is gone.
    """
    try:
        revision = await pool.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        revision = None
    if revision is None or revision < SCHEMA_REVISION:
        raise SetupError(
            f"The database's schema is at revision {revision or 'none'}, this version needs {SCHEMA_REVISION}. "
            "Run: python -m deploy.migrations upgrade"
        )
