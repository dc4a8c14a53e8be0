"""Alembic's environment: runs migrations over asyncpg, one runner at a time, each in a transaction of its own."""

import asyncio
from typing import Any, Final

import asyncpg
from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import shared.tables  # noqa: F401  (fills the metadata)
from deploy.migrations import Patience
from shared.errors import SetupError
from shared.observation.logs import get_logger

log = get_logger(__name__)

_LOCK: Final = (
    0x7472616E  # any constant: whoever migrates holds this advisory lock, for as long as it is connected
)
_LOOKS_A_SECOND: Final = 4
_TURN: Final = (
    "Another migration has been running for {seconds:g} s. Nothing was changed. See who it is: SELECT a.pid, a.query "
    "FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory'"
)


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _take_turn(link: Any, patience: Patience) -> None:
    """Wait for other runners, by looking again and again.

    Whoever waits inside `pg_advisory_lock` is an open transaction, and CREATE INDEX CONCURRENTLY of the one that it
    waits for would wait for it in turn.
    """
    for look in range(int(patience.turn_s * _LOOKS_A_SECOND) + 1):
        if await link.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            return
        if look == 0:
            log.info("another migration runs: waiting for it")
        await asyncio.sleep(1 / _LOOKS_A_SECOND)
    raise SetupError(_TURN.format(seconds=patience.turn_s))


async def _run(url: str, patience: Patience) -> None:
    # Who waits for a table has everyone behind it wait, too: better to give up soon, and come again. They are the
    # session's defaults, so that a migration that lifts them can RESET them.
    limits = {"lock_timeout": patience.lock_s, "statement_timeout": patience.statement_s}
    milliseconds = {name: str(int(seconds * 1000)) for name, seconds in limits.items()}
    link = await asyncpg.connect(url, server_settings=milliseconds)

    async def given() -> Any:
        return link

    engine = create_async_engine("postgresql+asyncpg://", async_creator=given, poolclass=NullPool)
    try:
        await _take_turn(link, patience)
        async with engine.connect() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()
        await link.close()


asyncio.run(_run(context.config.attributes["database_url"], context.config.attributes["patience"]))
